/**
 * Rows of usage: a row is a chunk of one series. Records are put to the end of a row by the database itself, so that nothing
 * is read to be written, and a control plane that starts goes on with the chunks that are open.
 *
 * Rows hold no reference to servers, so that a report of one that is removed at this moment fails nobody's write; what is
 * written of it after that expires by age.
 */
import { sql } from 'kysely';
import type { Statement, Store } from '../store/store.ts';
import { type Resolution, spans } from './chunk.ts';

/** A server, or a service of a stack on a server; with the server itself, stack and service are empty. */
export type Series = { server_id: string; stack_id: string; service: string };

export type ChunkPart = Series & { resolution_seconds: Resolution; start: number; data: string };

/** Rows of one statement: always as many, or one, so that few statements are prepared. */
const rows_of_a_statement = 32;

/** Puts records to the end of their chunks; chunks that there are not yet begin with them. */
export function appendToChunks(store: Store, parts: readonly ChunkPart[]): Statement[] {
  const statements: Statement[] = [];
  let start = 0;
  while (start < parts.length) {
    const count = parts.length - start >= rows_of_a_statement ? rows_of_a_statement : 1;
    const rows = parts.slice(start, start + count).map((part) => ({ ...part, rolled_up: 0 }));
    start += count;
    statements.push({
      query: store.db
        .insertInto('usage_chunks')
        .values(rows)
        .onConflict((conflict) =>
          conflict
            .columns(['server_id', 'stack_id', 'service', 'resolution_seconds', 'start'])
            .doUpdateSet({ data: sql`usage_chunks.data || excluded.data`, rolled_up: 0 }),
        ),
    });
  }
  return statements;
}

/** Chunks of a series that reach into a time, oldest first. */
export async function selectChunks(
  store: Store,
  { server_id, stack_id, service }: Series,
  resolution_seconds: Resolution,
  from: number,
): Promise<{ start: number; data: string; rolled_up: number }[]> {
  return store.db
    .selectFrom('usage_chunks')
    .select(['start', 'data', 'rolled_up'])
    .where('server_id', '=', server_id)
    .where('stack_id', '=', stack_id)
    .where('service', '=', service)
    .where('resolution_seconds', '=', resolution_seconds)
    .where('start', '>', from - spans[resolution_seconds].chunk_ms)
    .orderBy('start')
    .execute();
}

/** Hours of minutes that began at the latest at `until`, and whose quarters are not made yet. */
export async function hoursToRollUp(store: Store, until: number, limit: number) {
  return store.db
    .selectFrom('usage_chunks')
    .select(['id', 'server_id', 'stack_id', 'service', 'start', 'data'])
    .where('resolution_seconds', '=', 60)
    .where('rolled_up', '=', 0)
    .where('start', '<=', until)
    .orderBy('start')
    .limit(limit)
    .execute();
}

export function markRolledUp(store: Store, ids: readonly number[]): Statement {
  return { query: store.db.updateTable('usage_chunks').set({ rolled_up: 1 }).where('id', 'in', ids) };
}

/** Minutes are kept for a day, quarters of an hour for fourteen. */
export const kept_ms: Record<Resolution, number> = { 60: 86_400_000, 900: 14 * 86_400_000 };

const pruned_at_once_max = 500;
/** In one turn; what is left waits for the next. */
const pruned_max = 50_000;

/** Forgets all of a server. */
export function forgetUsage(store: Store, server_id: string): Statement {
  return { query: store.db.deleteFrom('usage_chunks').where('server_id', '=', server_id) };
}

/** Forgets what is too old. Gives how many chunks went. */
export async function pruneUsage(store: Store, now: number): Promise<number> {
  const old = (resolution_seconds: Resolution, rolled_up: number) =>
    store.db
      .selectFrom('usage_chunks')
      .select('id')
      .where('resolution_seconds', '=', resolution_seconds)
      .where('rolled_up', '=', rolled_up)
      .where('start', '<=', now - kept_ms[resolution_seconds] - spans[resolution_seconds].chunk_ms);
  let pruned = 0;
  for (const which of [old(60, 1), old(900, 0)]) {
    while (pruned < pruned_max) {
      const ids = (await which.limit(pruned_at_once_max).execute()).map(({ id }) => id);
      if (ids.length > 0) await store.db.deleteFrom('usage_chunks').where('id', 'in', ids).execute();
      pruned += ids.length;
      if (ids.length < pruned_at_once_max) break;
      // Others are served in between.
      await new Promise((resolve) => setTimeout(resolve));
    }
  }
  return pruned;
}
