/** Operations as rows, newest first; older ones are fetched when they are asked for. */
import type { OperationView } from '@mainstay/contract/operation';
import { Button } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useRead } from '../../api/queries.ts';
import { operations as texts } from '../../texts/operations.ts';
import { Foreign, visible } from '../../ui/foreign.tsx';
import { EmptyState } from '../../ui/page.tsx';
import { PagedRows, Row } from '../../ui/row-list.tsx';
import { Time } from '../../ui/time.tsx';
import { operationStatus } from '../../ui/words.ts';
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
    <PagedRows
      key={JSON.stringify(filter)}
      label={texts.title}
      older={texts.more}
      // What comes new on top moves the beginning of the page after it, which stays shown meanwhile.
      usePage={(before) =>
        useRead('operations.list', { ...filter, limit: page_size, ...(before ? { before } : {}) }, { keep: true })
      }
      itemsOf={({ operations }) => operations}
      row={(operation) => <OperationRow operation={operation} />}
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

type OperationRowProps = { operation: OperationView };

function OperationRow({ operation: { id, state, plan, actor, created_at, operation, stack } }: OperationRowProps) {
  return (
    <Row
      status={operationStatus(state)}
      what={
        <Link to="/operations/$id" params={{ id: id ?? '' }}>
          {visible(plan.summary, 200)}
        </Link>
      }
      more={
        <>
          <code>{operation}</code>
          {stack !== null && !plan.summary.includes(stack) && <> · {stack}</>}
        </>
      }
      who={<Foreign text={actor.name} />}
      when={<Time at={created_at} />}
    />
  );
}
