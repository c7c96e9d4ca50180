/** Operations as rows, newest first; older ones are fetched when they are asked for. */
import type { OperationView } from '@mainstay/contract/operation';
import { Button } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import type { Input } from '../../api/client.ts';
import { useRead } from '../../api/queries.ts';
import { operations as texts } from '../../texts/operations.ts';
import { Foreign, visible } from '../../ui/foreign.tsx';
import { EmptyState, Fetched, Rows } from '../../ui/page.tsx';
import { StatusMark } from '../../ui/status-mark.tsx';
import { Time } from '../../ui/time.tsx';
import { operationStatus } from '../../ui/words.ts';
import css from './operations.module.css';
import { type OperationsSearch, stateGroups } from './operations-search.ts';

const page_size = 50;

export type OperationListProps = { search: OperationsSearch; clear(): void };

export function OperationList({ search, clear }: OperationListProps) {
  const { state, about, stack } = search;
  const filter = {
    ...(state ? { state: [...stateGroups[state]] } : {}),
    ...(about ? { operation: `${about}.` } : {}),
    ...(stack ? { stack } : {}),
  };
  const isFiltered = Object.keys(filter).length > 0;
  return (
    <OperationPageOf
      key={JSON.stringify(filter)}
      filter={filter}
      nothing={
        isFiltered ? (
          <EmptyState title={texts.noneTitle} action={<Button onClick={clear}>{texts.filters.clear}</Button>}>
            {texts.noneText}
          </EmptyState>
        ) : (
          <EmptyState title={texts.emptyTitle}>{texts.emptyText}</EmptyState>
        )
      }
    />
  );
}

type PageOfProps = { filter: Input<'operations.list'>; before?: string; nothing: React.ReactNode };

/** One page and, when it was asked for, the page after it: each is a query of its own that stays fresh. */
function OperationPageOf({ filter, before, nothing }: PageOfProps) {
  const [isOlder, setOlder] = useState(false);
  // What comes new on top moves the beginning of the page after it, which stays shown meanwhile.
  const query = useRead(
    'operations.list',
    { ...filter, limit: page_size, ...(before ? { before } : {}) },
    { keep: true },
  );
  return (
    <Fetched
      query={query}
      skeleton={
        <div className={css.skeleton}>
          <Rows count={before ? 3 : 10} height={50} />
        </div>
      }
    >
      {({ operations, more }) => {
        const last = operations.at(-1)?.id;
        if (operations.length === 0) return before ? null : nothing;
        return (
          <>
            <ul className={css.rows} aria-label={texts.title}>
              {operations.map((operation) => (
                <Row key={operation.id} operation={operation} />
              ))}
            </ul>
            {more && last && !isOlder && (
              <div className={css.more}>
                <Button variant="default" size="xs" onClick={() => setOlder(true)}>
                  {texts.more}
                </Button>
              </div>
            )}
            {more && last && isOlder && <OperationPageOf filter={filter} before={last} nothing={null} />}
          </>
        );
      }}
    </Fetched>
  );
}

function Row({ operation: { id, state, plan, actor, created_at, operation, stack } }: { operation: OperationView }) {
  return (
    <li className={css.row}>
      <StatusMark {...operationStatus(state)} />
      <span className={css.what}>
        <Link to="/operations/$id" params={{ id: id ?? '' }}>
          {visible(plan.summary, 200)}
        </Link>
        <span className={css.quiet}>
          <code>{operation}</code>
          {stack !== null && !plan.summary.includes(stack) && <> · {stack}</>}
        </span>
      </span>
      <span className={css.who}>
        <Foreign text={actor.name} />
      </span>
      <span className={css.when}>
        <Time at={created_at} />
      </span>
    </li>
  );
}
