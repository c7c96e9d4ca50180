/** Rows of operations: what was asked for, by whom, what it was planned to do, and what became of it. */
import { AppError } from '@mainstay/contract/errors';
import type {
  Actor,
  Approval,
  OperationState,
  OperationTarget,
  OperationView,
  Plan,
  Requirement,
} from '@mainstay/contract/operation';
import type { Insertable, Selectable, Updateable } from 'kysely';
import type { Statement, Store } from '../store/store.ts';
import type { Tables } from '../store/tables.ts';

export type OperationRow = Selectable<Tables['operations']>;

export function insertOperation(store: Store, row: Insertable<Tables['operations']>) {
  return { query: store.db.insertInto('operations').values(row) };
}

export async function findOperation(store: Store, id: string): Promise<OperationRow> {
  const row = await store.db.selectFrom('operations').selectAll().where('id', '=', id).executeTakeFirst();
  if (!row) throw new AppError('NotFound', `There is no operation ${id}.`, { field: 'id' });
  return row;
}

export async function findByIdempotencyKey(store: Store, actor_id: string, operation: string, key: string) {
  return store.db
    .selectFrom('operations')
    .selectAll()
    .where('actor_id', '=', actor_id)
    .where('operation', '=', operation)
    .where('idempotency_key', '=', key)
    .executeTakeFirst();
}

export type OperationFilter = {
  stack?: string | undefined;
  state?: readonly string[] | undefined;
  /** Id of an operation of the contract, or the beginning of some with its dot. */
  operation?: string | undefined;
  before?: string | undefined;
  limit: number;
};

/** The newest operations that fit, newest first, and whether there are older ones. */
export async function selectOperations(
  store: Store,
  filter: OperationFilter,
): Promise<{ rows: OperationRow[]; more: boolean }> {
  const { stack, state, operation, before, limit } = filter;
  let query = store.db
    .selectFrom('operations')
    .selectAll()
    .orderBy('id', 'desc')
    .limit(limit + 1);
  if (stack !== undefined) query = query.where('stack', '=', stack);
  if (state !== undefined) query = query.where('state', 'in', state);
  if (operation?.endsWith('.'))
    query = query.where('operation', '>', operation).where('operation', '<', `${operation}~`);
  else if (operation !== undefined) query = query.where('operation', '=', operation);
  if (before !== undefined) query = query.where('id', '<', before);
  const rows = await query.execute();
  return { rows: rows.slice(0, limit), more: rows.length > limit };
}

export async function selectByState(store: Store, ...states: OperationState[]): Promise<OperationRow[]> {
  return store.db.selectFrom('operations').selectAll().where('state', 'in', states).orderBy('id').execute();
}

/** How many operations are not decided yet: of all people, and of this one. */
export async function countUndecided(store: Store, actor_id: string): Promise<{ all: number; own: number }> {
  return store.db
    .selectFrom('operations')
    .select((e) => [
      e.fn.countAll<number>().as('all'),
      e.fn.countAll<number>().filterWhere('actor_id', '=', actor_id).as('own'),
    ])
    .where('state', 'in', ['proposed', 'waiting'])
    .executeTakeFirstOrThrow();
}

/** Moves an operation on, if it is still in one of these states; the batch is undone where it is not. */
export function updateOperation(
  store: Store,
  id: string,
  from: readonly OperationState[],
  set: Updateable<Tables['operations']>,
): Statement {
  return {
    query: store.db.updateTable('operations').set(set).where('id', '=', id).where('state', 'in', from),
    rows: 1,
  };
}

/** Older operations than the newest so many are forgotten, but for those that run and those that made a kept version. */
export const operations_kept_max = 20_000;

export async function pruneOperations(store: Store): Promise<void> {
  const oldest = await store.db
    .selectFrom('operations')
    .select('id')
    .orderBy('id', 'desc')
    .offset(operations_kept_max)
    .limit(1)
    .executeTakeFirst();
  if (!oldest) return;
  await store.db
    .deleteFrom('operations')
    .where('id', '<=', oldest.id)
    .where('state', 'not in', ['proposed', 'waiting', 'approved', 'running'])
    .where('id', 'not in', (e) => e.selectFrom('stack_versions').select('operation_id'))
    .execute();
}

/** The view of a row; `targets` are given for a running operation, whose progress stands with the servers. */
export function viewOfOperation(row: OperationRow, targets?: OperationTarget[]): OperationView {
  return {
    id: row.id,
    operation: row.operation,
    state: row.state as OperationState,
    actor: JSON.parse(row.actor) as Actor,
    plan: JSON.parse(row.plan) as Plan,
    stack: row.stack,
    version: row.version,
    targets: targets ?? (JSON.parse(row.targets) as OperationTarget[]),
    requirement: row.requirement === null ? null : (JSON.parse(row.requirement) as Requirement),
    approvals: JSON.parse(row.approvals) as Approval[],
    run_id: row.run_id,
    message: row.message,
    hint: row.hint,
    created_at: row.created_at,
    finished_at: row.finished_at,
  };
}
