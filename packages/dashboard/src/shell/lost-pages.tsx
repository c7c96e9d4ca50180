/** What is shown where there is no page, and where a page broke. */
import { AppError } from '@mainstay/contract/app-error';
import { Button } from '@mantine/core';
import { type ErrorComponentProps, Link } from '@tanstack/react-router';
import { general } from '../texts/general.ts';
import { EmptyState, ErrorNotice, Page } from '../ui/page.tsx';

export function NotFoundPage() {
  return (
    <Page title={general.notFoundTitle}>
      <EmptyState
        title={general.notFoundTitle}
        action={<Button renderRoot={(props) => <Link to="/" {...props} />}>{general.toOverview}</Button>}
      >
        {general.notFoundText}
      </EmptyState>
    </Page>
  );
}

export function BrokenPage({ error, reset }: ErrorComponentProps) {
  const shown =
    error instanceof AppError ? error : new AppError('Internal', String(error), { hint: general.brokenText });
  return (
    <Page title={general.brokenTitle}>
      <ErrorNotice error={shown} retry={reset} title={general.brokenTitle} />
    </Page>
  );
}
