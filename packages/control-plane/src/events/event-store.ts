/** Events: what happened, in order. Written in the same batch as their cause, bounded in number. */
import type { EventKind, Severity } from '@mainstay/contract/agent-api';
import { newId } from '@mainstay/contract/ids';
import { type EventView, kindsOf } from '@mainstay/contract/operations/watch';
import type { Insertable, Selectable } from 'kysely';
import { holdsText, type Store } from '../store/store.ts';
import type { Tables } from '../store/tables.ts';

/** Older events than the newest so many are forgotten. */
export const events_kept_max = 100_000;

const severities = ['info', 'notice', 'warning', 'error'] as const satisfies readonly Severity[];

export function severityRank(severity: Severity): number {
  return severities.indexOf(severity);
}

export type NewEvent = {
  kind: EventKind;
  severity?: Severity;
  message: string;
  at: number;
  actor?: string | null;
  stack?: string | null;
  server?: string | null;
  service?: string | null;
  release_id?: string | null;
  operation_id?: string | null;
  data?: Record<string, unknown> | null;
};

function rowOf(event: NewEvent): Insertable<Tables['events']> {
  return {
    id: newId('event', event.at),
    at: event.at,
    kind: event.kind,
    severity: severityRank(event.severity ?? 'info'),
    message: event.message,
    actor: event.actor ?? null,
    stack: event.stack ?? null,
    server: event.server ?? null,
    service: event.service ?? null,
    release_id: event.release_id ?? null,
    operation_id: event.operation_id ?? null,
    data: event.data ? JSON.stringify(event.data) : null,
  };
}

/** The statement that records an event, to go into the batch of its cause. */
export function insertEvent(store: Store, event: NewEvent) {
  return { query: store.db.insertInto('events').values(rowOf(event)) };
}

export type EventFilter = {
  after?: number | undefined;
  before?: number | undefined;
  limit: number;
  kind?: readonly string[] | undefined;
  severity?: Severity | undefined;
  stack?: string | undefined;
  server?: string | undefined;
  service?: string | undefined;
  actor?: string | undefined;
  operation_id?: string | undefined;
  search?: string | undefined;
  from?: number | undefined;
  to?: number | undefined;
};

/** A page of events in order: the newest ones, those before a cursor, or those after one; and whether there are more. */
export async function selectEvents(
  store: Store,
  filter: EventFilter,
): Promise<{ events: EventView[]; more: boolean; next: number }> {
  const isForward = filter.after !== undefined;
  const last = await lastEventCursor(store);
  let query = store.db
    .selectFrom('events')
    .selectAll()
    .orderBy('cursor', isForward ? 'asc' : 'desc')
    .limit(filter.limit + 1);
  for (const column of ['stack', 'server', 'service', 'actor', 'operation_id'] as const) {
    const value = filter[column];
    if (value !== undefined) query = query.where(column, '=', value);
  }
  if (filter.kind !== undefined) query = query.where('kind', 'in', kindsOf(filter.kind));
  if (filter.severity !== undefined) query = query.where('severity', '>=', severityRank(filter.severity));
  if (filter.from !== undefined) query = query.where('at', '>=', filter.from);
  if (filter.to !== undefined) query = query.where('at', '<=', filter.to);
  if (filter.search !== undefined) query = query.where(holdsText('message', filter.search));
  if (filter.after !== undefined) query = query.where('cursor', '>', filter.after);
  if (filter.before !== undefined) query = query.where('cursor', '<', filter.before);
  const rows = await query.execute();
  const more = rows.length > filter.limit;
  const events = rows.slice(0, filter.limit).map(viewOf);
  if (!isForward) events.reverse();
  const end = events.at(-1)?.cursor ?? filter.after ?? (filter.before ?? 1) - 1;
  // At the newest one, what does not fit need not be looked at again.
  const isAtEnd = filter.before === undefined && !(isForward && more);
  return { events, more, next: isAtEnd ? Math.max(end, last) : end };
}

function viewOf(row: Selectable<Tables['events']>): EventView {
  const { project_id: _, ...rest } = row;
  return {
    ...rest,
    kind: row.kind as EventKind,
    severity: severities[row.severity] ?? 'info',
    data: row.data === null ? null : (JSON.parse(row.data) as EventView['data']),
  };
}

/** The cursor of the newest event; 0 before the first. */
async function lastEventCursor(store: Store): Promise<number> {
  const row = await store.db
    .selectFrom('events')
    .select((e) => e.fn.max('cursor').as('cursor'))
    .executeTakeFirst();
  return row?.cursor ?? 0;
}

export async function pruneEvents(store: Store): Promise<void> {
  const last = await lastEventCursor(store);
  await store.db
    .deleteFrom('events')
    .where('cursor', '<=', last - events_kept_max)
    .execute();
}
