/**
 * Log lines of services and builds, as agents sent them: bounded in number, newest kept. Lines are in the order in which they
 * came, which is their cursor's; the time that they carry is their server's.
 */
import type { AgentLogLine } from '@mainstay/contract/agent-api';
import { type LogLevel, logLevelOf, logLevels } from '@mainstay/contract/log-level';
import type { LogLineView } from '@mainstay/contract/operations/watch';
import { sql } from 'kysely';
import { holdsText, type Statement, type Store } from '../store/store.ts';

/** Older lines than the newest so many, over all services, are forgotten. */
export const log_lines_kept_max = 1_000_000;

/** Statements that store the lines; few rows each, so that the number of bound values stays small. */
export function insertLines(store: Store, stack: string, server: string, lines: readonly AgentLogLine[]): Statement[] {
  const statements: Statement[] = [];
  for (let start = 0; start < lines.length; start += 200) {
    const rows = lines.slice(start, start + 200).map(({ at, service, release_id, stream, text }) => {
      const level = logLevelOf(text);
      return { at, stack, service, server, release_id, stream, level: level && logLevels.indexOf(level), text };
    });
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
  level?: LogLevel | undefined;
  search?: string | undefined;
  from?: number | undefined;
  to?: number | undefined;
};

/** Warnings and errors have an index of their own, see the migration. */
const grave = logLevels.indexOf('warn');

/** Lines of these cursors, both included, that fit; the first so many in that order. */
export async function selectLines(
  store: Store,
  filter: LogFilter,
  range: { low: number; high: number; order: 'asc' | 'desc'; limit: number },
): Promise<LogLineView[]> {
  let query = store.db
    .selectFrom('log_lines')
    .select(['cursor', 'at', 'server', 'service', 'release_id', 'stream', 'level', 'text'])
    .where('cursor', '>=', range.low)
    .where('cursor', '<=', range.high)
    .orderBy('cursor', range.order)
    .limit(range.limit);
  const level = filter.level === undefined ? 0 : logLevels.indexOf(filter.level);
  // The index that finds the fewest lines is to be used: of a release, else of what is grave, else of a service. The planner
  // knows nothing of how many there are; an expression in the place of a column keeps it from the others.
  const isOfRelease = filter.release_id !== undefined;
  const isOfGrave = !isOfRelease && level >= grave;
  for (const column of ['release_id', 'stack', 'service', 'server', 'stream'] as const) {
    const value = filter[column];
    if (value === undefined) continue;
    const isPlain = column === 'release_id' || (!isOfRelease && (column === 'stack' || !isOfGrave));
    query = isPlain ? query.where(column, '=', value) : query.where(sql<boolean>`${sql.ref(column)} || '' = ${value}`);
  }
  // A partial index is used only when its condition stands in the query, as it is.
  if (isOfGrave) query = query.where(sql<boolean>`level >= ${sql.lit(grave)}`);
  if (filter.level !== undefined) query = query.where('level', '>=', level);
  if (filter.from !== undefined) query = query.where('at', '>=', filter.from);
  if (filter.to !== undefined) query = query.where('at', '<=', filter.to);
  if (filter.search !== undefined) query = query.where(holdsText('text', filter.search));
  const rows = await query.execute();
  return rows.map((row) => ({ ...row, level: row.level === null ? null : (logLevels[row.level] ?? null) }));
}

/** Cursors of the oldest and the newest line; the newest is 0 before the first line. */
export async function logBounds(store: Store): Promise<{ first: number; last: number }> {
  // Each of the two is one look into the index of the table; asked for together they are a scan.
  const edge = async (order: 'asc' | 'desc') =>
    (await store.db.selectFrom('log_lines').select('cursor').orderBy('cursor', order).limit(1).executeTakeFirst())
      ?.cursor;
  return { first: (await edge('asc')) ?? 1, last: (await edge('desc')) ?? 0 };
}

export async function pruneLines(store: Store): Promise<void> {
  const { last } = await logBounds(store);
  await store.db
    .deleteFrom('log_lines')
    .where('cursor', '<=', last - log_lines_kept_max)
    .execute();
}
