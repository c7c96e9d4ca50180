/** Lists of what was done, newest first: how it stands, what it was, by whom, when. Older ones are fetched when they are asked for. */
import type { AppError } from '@mainstay/contract/app-error';
import { Button } from '@mantine/core';
import type { UseQueryResult } from '@tanstack/react-query';
import { Fragment, type ReactNode, useState } from 'react';
import { Fetched, Rows } from './page.tsx';
import css from './row-list.module.css';
import { StatusMark } from './status-mark.tsx';
import type { Status } from './words.ts';

/** What there is to choose above a list. */
export function RowFilters({ label, children }: { label: string; children: ReactNode }) {
  return (
    <search className={css.filters} aria-label={label}>
      {children}
    </search>
  );
}

export function RowList({ label, children }: { label: string; children: ReactNode }) {
  return (
    <ul className={css.rows} aria-label={label}>
      {children}
    </ul>
  );
}

export type RowProps = {
  status: Status;
  what: ReactNode;
  /** A quiet line below it. */
  more: ReactNode;
  /** Left out on a phone. */
  who: ReactNode;
  when: ReactNode;
};

export function Row({ status, what, more, who, when }: RowProps) {
  return (
    <li className={css.row}>
      <StatusMark {...status} />
      <span className={css.what}>
        {what}
        <span className={css.more}>{more}</span>
      </span>
      <span className={css.who}>{who}</span>
      <span className={css.when}>{when}</span>
    </li>
  );
}

export type PagedRowsProps<Data extends { more: boolean }, Item extends { id: string | null }> = {
  label: string;
  /** Word on the button that fetches older ones. */
  older: string;
  /** Reads one page: the newest, or those before an id. Each stays fresh by itself. */
  usePage(before: string | undefined): UseQueryResult<Data, AppError>;
  itemsOf(data: Data): readonly Item[];
  row(item: Item): ReactNode;
  /** Stands there when there is none at all. */
  nothing: ReactNode;
};

export function PagedRows<Data extends { more: boolean }, Item extends { id: string | null }>(
  props: PagedRowsProps<Data, Item> & { before?: string },
) {
  const { label, older, usePage, itemsOf, row, nothing, before } = props;
  const [isOlder, setOlder] = useState(false);
  const query = usePage(before);
  return (
    <Fetched
      query={query}
      skeleton={
        <div className={css.skeleton}>
          <Rows count={before ? 3 : 10} height={50} />
        </div>
      }
    >
      {(data) => {
        const items = itemsOf(data);
        const last = items.at(-1)?.id;
        if (items.length === 0) return before ? null : nothing;
        return (
          <>
            <RowList label={label}>
              {items.map((item) => (
                <Fragment key={item.id}>{row(item)}</Fragment>
              ))}
            </RowList>
            {data.more && last && !isOlder && (
              <div className={css.older}>
                <Button variant="default" size="xs" onClick={() => setOlder(true)}>
                  {older}
                </Button>
              </div>
            )}
            {data.more && last && isOlder && <PagedRows {...props} before={last} />}
          </>
        );
      }}
    </Fetched>
  );
}
