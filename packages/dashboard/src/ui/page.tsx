/** The frame of a page: its title, what can be done on it, its sections; and the three states of anything that is fetched. */
import type { AppError } from '@mainstay/contract/app-error';
import { Alert, Button, Skeleton } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import type { UseQueryResult } from '@tanstack/react-query';
import { type ReactNode, useEffect } from 'react';
import { general } from '../texts/general.ts';
import { Foreign } from './foreign.tsx';
import css from './page.module.css';

export type PageProps = {
  title: string;
  /** Names the page in the browser's tab where the title alone does not. */
  tabTitle?: string;
  /** Above the title: where the page is, as links. */
  trail?: ReactNode;
  /** Beside the title, such as a status. */
  aside?: ReactNode;
  /** Buttons at the right. */
  actions?: ReactNode;
  /** One line below the title. */
  lead?: ReactNode;
  /** Uses the whole width, for maps and logs. */
  wide?: boolean;
  children: ReactNode;
};

export function Page({ title, tabTitle, trail, aside, actions, lead, wide = false, children }: PageProps) {
  useEffect(() => {
    document.title = `${tabTitle ?? title} · ${general.product}`;
  }, [title, tabTitle]);
  return (
    <div className={css.page} data-wide={wide || undefined}>
      <header className={css.head}>
        <div className={css.titles}>
          {trail && <nav className={css.trail}>{trail}</nav>}
          <div className={css.titleLine}>
            <h1>{title}</h1>
            {aside}
          </div>
          {lead && <div className={css.lead}>{lead}</div>}
        </div>
        {actions && <div className={css.actions}>{actions}</div>}
      </header>
      {children}
    </div>
  );
}

export type SectionProps = { title?: string; aside?: ReactNode; children: ReactNode; flush?: boolean; id?: string };

/** A card with a heading. `flush` lets rows reach its edges. */
export function Section({ title, aside, children, flush = false, id }: SectionProps) {
  return (
    <section className={css.section} id={id}>
      {(title || aside) && (
        <div className={css.sectionHead}>
          {title && <h2>{title}</h2>}
          {aside}
        </div>
      )}
      <div className={css.card} data-flush={flush || undefined}>
        {children}
      </div>
    </section>
  );
}

export type EmptyStateProps = { title: string; children?: ReactNode; action?: ReactNode; icon?: ReactNode };

/** Nothing is here, and what to do about it. */
export function EmptyState({ title, children, action, icon }: EmptyStateProps) {
  return (
    <div className={css.empty}>
      {icon && <div className={css.emptyIcon}>{icon}</div>}
      <p className={css.emptyTitle}>{title}</p>
      {children && <div className={css.emptyText}>{children}</div>}
      {action}
    </div>
  );
}

/** Last lines of a program may stand in a message. */
const message_chars_max = 8_000;

/** What went wrong, in the words of the control plane: message, next step, and how to find it in the log. */
export function ErrorNotice({ error, retry, title }: { error: AppError; retry?: () => void; title?: string }) {
  return (
    <Alert color="red" variant="light" icon={<IconAlertTriangle />} title={title ?? general.failedToLoad} role="alert">
      <p className={css.errorMessage}>
        <Foreign text={error.message} chars_max={message_chars_max} />
      </p>
      {error.hint && (
        <p className={css.errorHint}>
          <Foreign text={error.hint} />
        </p>
      )}
      {error.correlation_id && <p className={css.errorHint}>{general.correlation(error.correlation_id)}</p>}
      {retry && (
        <Button size="xs" variant="default" mt="sm" onClick={retry}>
          {general.retry}
        </Button>
      )}
    </Alert>
  );
}

export type FetchedProps<T> = {
  query: UseQueryResult<T, AppError>;
  /** Stands in while nothing is there yet; as high as what comes, so that nothing jumps. */
  skeleton?: ReactNode;
  children: (data: T) => ReactNode;
};

/** Shows what a query gave: a skeleton before, an error with a retry, and what was last known while it is fetched again. */
export function Fetched<T>({ query, skeleton, children }: FetchedProps<T>) {
  if (query.data !== undefined) return children(query.data);
  if (query.error) return <ErrorNotice error={query.error} retry={() => void query.refetch()} />;
  return skeleton ?? <Rows count={4} />;
}

/** A skeleton of rows. */
export function Rows({ count, height = 44 }: { count: number; height?: number }) {
  return (
    <div aria-busy="true">
      <span className="visually-hidden">{general.loading}</span>
      {Array.from({ length: count }, (_, index) => (
        <Skeleton key={index} height={height - 12} my={6} radius="sm" />
      ))}
    </div>
  );
}
