/** What is shown where there is no page, and where a page broke. */
import { AppError } from '@mainstay/contract/app-error';
import { Button } from '@mantine/core';
import { type ErrorComponentProps, Link } from '@tanstack/react-router';
import { common } from '../texts/common.ts';
import { EmptyState, ErrorNotice, Page } from '../ui/page.tsx';

export function NotFoundPage() {
  return (
    <Page title={common.notFoundTitle}>
      <EmptyState
        title={common.notFoundTitle}
        action={<Button renderRoot={(props) => <Link to="/" {...props} />}>{common.toOverview}</Button>}
      >
        {common.notFoundText}
      </EmptyState>
    </Page>
  );
}

export function BrokenPage({ error, reset }: ErrorComponentProps) {
  const shown =
    error instanceof AppError ? error : new AppError('Internal', String(error), { hint: common.brokenText });
  return (
    <Page title={common.brokenTitle}>
      <ErrorNotice error={shown} retry={reset} title={common.brokenTitle} />
    </Page>
  );
}
