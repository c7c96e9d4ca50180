/** Log lines of services and builds, as agents sent them: bounded in number, newest kept. */
import type { AgentLogLine } from '@mainstay/contract/agent-api';
import type { LogLineView } from '@mainstay/contract/operations/watch';
import { sql } from 'kysely';
import type { Statement, Store } from '../store/store.ts';

/** Older lines than the newest so many, over all services, are forgotten. */
export const log_lines_kept_max = 1_000_000;

/** Statements that store the lines; few rows each, so that the number of bound values stays small. */
export function insertLines(store: Store, stack: string, server: string, lines: readonly AgentLogLine[]): Statement[] {
  const statements: Statement[] = [];
  for (let start = 0; start < lines.length; start += 200) {
    const rows = lines.slice(start, start + 200).map(({ at, service, release_id, stream, text }) => ({
      at,
      stack,
      service,
      server,
      release_id,
      stream,
      text,
    }));
    statements.push({ query: store.db.insertInto('log_lines').values(rows) });
  }
  return statements;
}

export type LogFilter = {
  stack: string;
  service?: string | undefined;
  server?: string | undefined;
  release_id?: string | undefined;
  stream?: 'stdout' | 'stderr' | 'build' | undefined;
  search?: string | undefined;
  after?: number | undefined;
  limit: number;
};

export async function selectLines(store: Store, filter: LogFilter): Promise<LogLineView[]> {
  let query = store.db
    .selectFrom('log_lines')
    .select(['cursor', 'at', 'server', 'service', 'release_id', 'stream', 'text'])
    .where('stack', '=', filter.stack)
    .limit(filter.limit);
  for (const column of ['service', 'server', 'release_id', 'stream'] as const) {
    const value = filter[column];
    if (value !== undefined) query = query.where(column, '=', value);
  }
  if (filter.search !== undefined) {
    const pattern = `%${filter.search.replaceAll(/[\\%_]/g, '\\$&')}%`;
    query = query.where(sql<boolean>`text like ${pattern} escape '\\'`);
  }
  if (filter.after !== undefined) query = query.where('cursor', '>', filter.after);
  const rows = await query.orderBy('cursor', filter.after === undefined ? 'desc' : 'asc').execute();
  return filter.after === undefined ? rows.reverse() : rows;
}

export async function lastLogCursor(store: Store): Promise<number> {
  const row = await store.db
    .selectFrom('log_lines')
    .select((e) => e.fn.max('cursor').as('cursor'))
    .executeTakeFirst();
  return row?.cursor ?? 0;
}

export async function pruneLines(store: Store): Promise<void> {
  const last = await lastLogCursor(store);
  await store.db
    .deleteFrom('log_lines')
    .where('cursor', '<=', last - log_lines_kept_max)
    .execute();
}
