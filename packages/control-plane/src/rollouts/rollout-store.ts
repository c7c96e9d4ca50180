/** Rows of rollouts. */
import type { Plan } from '@mainstay/contract/operation';
import type { Selectable } from 'kysely';
import type { Statement, Store } from '../store/store.ts';
import type { RolloutTables } from './rollout-tables.ts';

export type RolloutRow = Selectable<RolloutTables['rollouts']>;
export type RolloutServer = Selectable<RolloutTables['rollout_servers']>;
export type RolloutFacts = {
  pause_seconds: number;
  max_failed: number;
  /** The held services of the stack before it. */
  held_before: Record<string, string>;
  /** What goes out, as messages call it. */
  what: string;
};

/** Signalled when servers of a rollout said something new. */
export function rolloutTopic(operation_id: string): string {
  return `rollout:${operation_id}`;
}

export function factsOf({ settings }: RolloutRow): RolloutFacts {
  return JSON.parse(settings) as RolloutFacts;
}

export async function findRollout(store: Store, operation_id: string): Promise<RolloutRow | null> {
  const query = store.db.selectFrom('rollouts').selectAll().where('operation_id', '=', operation_id);
  return (await query.executeTakeFirst()) ?? null;
}

/** The rollout of a stack that has not ended; there is one at most. */
export async function openRollout(store: Store, stack_id: string): Promise<RolloutRow | null> {
  const query = store.db.selectFrom('rollouts').selectAll().where('stack_id', '=', stack_id);
  return (await query.where('state', '!=', 'ended').executeTakeFirst()) ?? null;
}

/** Ids of operations whose rollout has not ended. */
export async function openRollouts(store: Store): Promise<Set<string>> {
  const rows = await store.db
    .selectFrom('rollouts')
    .select('operation_id')
    .where('state', 'in', ['rolling', 'undoing'])
    .execute();
  return new Set(rows.map(({ operation_id }) => operation_id));
}

/** In order of their waves. */
export async function serversOfRollout(store: Store, operation_id: string): Promise<RolloutServer[]> {
  const query = store.db.selectFrom('rollout_servers').selectAll().where('operation_id', '=', operation_id);
  return query.orderBy('wave').orderBy('name').execute();
}

/**
 * Whether a version is for this server, and what is while it is not: before its wave, after a rollout that stopped, and for a server that
 * came while it was on its way. Null where the version did not go out in waves.
 */
export async function admissionOf(
  store: Store,
  version: { stack_id: string; version: number },
  server_id: string,
): Promise<{ is_admitted: boolean; previous_version: number | null } | null> {
  const row = await store.db
    .selectFrom('rollouts')
    .leftJoin('rollout_servers', (join) =>
      join
        .onRef('rollout_servers.operation_id', '=', 'rollouts.operation_id')
        .on('rollout_servers.server_id', '=', server_id),
    )
    .select(['rollouts.state', 'rollouts.previous_version', 'rollout_servers.admitted_at'])
    .where('rollouts.stack_id', '=', version.stack_id)
    .where('rollouts.version', '=', version.version)
    .executeTakeFirst();
  if (!row) return null;
  const { state, previous_version, admitted_at } = row;
  return { is_admitted: state === 'rolling' && admitted_at !== null, previous_version };
}

/** The version that was taken back by this one; null where it took none back. */
export async function takenBackBy(store: Store, stack_id: string, version: number): Promise<number | null> {
  const row = await store.db
    .selectFrom('rollouts')
    .select('version')
    .where('stack_id', '=', stack_id)
    .where('undo_version', '=', version)
    .executeTakeFirst();
  return row?.version ?? null;
}

/** A rollout whose first wave is open. */
export function insertRollout(
  store: Store,
  row: RolloutRow,
  waves: readonly (readonly { id: string; name: string; online: number }[])[],
): Statement[] {
  const servers = waves.flatMap((wave, index) =>
    wave.map(({ id, name, online }) => ({
      ...{ operation_id: row.operation_id, server_id: id, name, wave: index + 1, passed_at: null },
      ...(index === 0 ? { admitted_at: row.created_at, was_online: online } : { admitted_at: null, was_online: 0 }),
    })),
  );
  const statements: Statement[] = [{ query: store.db.insertInto('rollouts').values(row) }];
  // SQLite takes so many parameters in a statement, and not many more.
  for (let start = 0; start < servers.length; start += 500)
    statements.push({ query: store.db.insertInto('rollout_servers').values(servers.slice(start, start + 500)) });
  return statements;
}

/** Moves a rollout on, if it is still in that state; the batch is undone where it is not. */
export function updateRollout(
  store: Store,
  operation_id: string,
  from: RolloutRow['state'],
  set: Partial<Pick<RolloutRow, 'state' | 'undo_version' | 'reason'>>,
): Statement {
  const query = store.db.updateTable('rollouts').set(set).where('operation_id', '=', operation_id);
  return { query: query.where('state', '=', from), rows: 1 };
}

/** Opens a wave, once: what is open already stays as it was opened. Nothing when the rollout no longer rolls. */
export function admitWave(store: Store, operation_id: string, wave: number, now: number): Statement {
  return {
    query: store.db
      .updateTable('rollout_servers')
      .set((e) => ({
        admitted_at: now,
        was_online: e
          .selectFrom('servers')
          .select((s) => s.fn.coalesce(s.fn.max('servers.online'), s.val(0)).as('online'))
          .whereRef('servers.id', '=', 'rollout_servers.server_id'),
      }))
      .where('operation_id', '=', operation_id)
      .where('wave', '=', wave)
      .where('admitted_at', 'is', null)
      .where((e) =>
        e.exists(
          e
            .selectFrom('rollouts')
            .select('rollouts.operation_id')
            .where('rollouts.operation_id', '=', operation_id)
            .where('rollouts.state', '=', 'rolling'),
        ),
      ),
  };
}

export function passWave(store: Store, operation_id: string, wave: number, now: number): Statement {
  const query = store.db.updateTable('rollout_servers').set({ passed_at: now });
  return {
    query: query.where('operation_id', '=', operation_id).where('wave', '=', wave).where('passed_at', 'is', null),
  };
}

/** Whether an operation goes out in waves: by its plan, as it was approved. */
export function goesInWaves({ plan }: { plan: string }): boolean {
  return (JSON.parse(plan) as Plan).rollout !== undefined;
}

/** Rollouts stay as long as their operations. */
export async function pruneRollouts(store: Store): Promise<void> {
  for (const table of ['rollouts', 'rollout_servers', 'rollout_states'] as const) {
    await store.db
      .deleteFrom(table)
      .where('operation_id', 'not in', (e) => e.selectFrom('operations').select('id'))
      .execute();
  }
}
