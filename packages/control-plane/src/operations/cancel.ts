/**
 * Taking back an operation that has not begun, or that goes out in waves. Its row is the judge: what cancels it and what carries it out both demand the row as it
 * was before, so that one of the two is written and the other is not; its run, where there is one, is cancelled in the same write. Once it
 * was carried out nothing is left to be cancelled: what takes it back then is a change of its own, with a plan to look at. One that goes out
 * in waves is stopped by its run instead, which gives all servers again what they had, and ends the operation.
 */
import { AppError } from '@mainstay/contract/errors';
import type { Actor, OperationState } from '@mainstay/contract/operation';
import { auditEntry } from '../audit/audit-entry.ts';
import type { Context } from '../context.ts';
import { insertEvent } from '../events/event-store.ts';
import type { RunRow } from '../orchestrator/advance.ts';
import { actionStatements, findRun, wake_topic } from '../orchestrator/controls.ts';
import { findRollout } from '../rollouts/rollout-store.ts';
import { BatchConflict, type Statement } from '../store/store.ts';
import { findOperation, type OperationRow, updateOperation } from './operation-store.ts';
import { auditOperation } from './records.ts';

export type Cancellation = { actor: Actor; message: string; reason: string | null };

const open: readonly OperationState[] = ['proposed', 'waiting', 'approved'];
/** An operation or its run may move on while it is looked at; each time it is looked at anew. */
const attempts_max = 5;

/** @throws AppError NotFound; Conflict once it was carried out or has ended. */
export async function cancel(context: Context, id: string, actor: Actor, reason: string | null): Promise<void> {
  const message = `Cancelled by ${actor.name}${reason === null ? '.' : `: ${reason}`}`;
  for (let attempt = 1; ; attempt++) {
    const row = await findOperation(context.store, id);
    const run = await rollingRun(context, row);
    if (!run) refuseLate(row, `Operation ${id}`);
    // What the keeper has approved it does not take back: that it is not carried out stands in the row.
    if (row.state !== 'approved' && !run) await context.keeper.withdraw(id);
    try {
      const now = context.clock.now();
      const statements = run
        ? stopStatements(context, row, run, { actor, message, reason }, now)
        : await cancelStatements(context, row, { actor, message, reason }, now);
      await context.store.batch(statements);
      break;
    } catch (error) {
      if (!(error instanceof BatchConflict)) throw error;
      if (attempt < attempts_max) continue;
      throw new AppError('Conflict', `Operation ${id} moves on at this moment.`, { field: 'id', hint: 'Try again.' });
    }
  }
  context.signals.notify(...cancelledTopics(id));
}

/** The run of an operation that goes out in waves and can be stopped; null where there is none. */
export async function rollingRun({ store }: Context, row: OperationRow): Promise<RunRow | null> {
  const rollout = row.state === 'running' ? await findRollout(store, row.id) : null;
  if (rollout?.state !== 'rolling' || row.run_id === null) return null;
  const run = await findRun(store, row.run_id);
  return run.state === 'running' || run.state === 'paused' ? run : null;
}

/** Turns the run of a rollout back; that ends its operation when all servers have again what they had. */
export function stopStatements(
  { store }: Context,
  row: OperationRow,
  run: RunRow,
  { actor, message, reason }: Cancellation,
  now: number,
): Statement[] {
  return [
    ...actionStatements('cancel', run, now),
    auditEntry(store, {
      kind: 'run.cancelled',
      at: now,
      actor,
      operation: row.operation,
      operation_id: row.id,
      run_id: run.id,
      target: `run/${run.id}`,
      outcome: 'succeeded',
      data: { reason },
    }),
    insertEvent(store, {
      kind: 'rollout.stopped',
      severity: 'notice',
      message:
        row.stack_id === null ? `${message} No further wave begins.` : `${message} What was before is brought back.`,
      at: now,
      actor: actor.name,
      operation_id: row.id,
      stack: row.stack,
    }),
  ];
}

export function cancelledTopics(operation_id: string): string[] {
  return ['operations', 'events', 'runs', `operation:${operation_id}`, wake_topic];
}

/** Refuses to cancel what was carried out or has ended, and says what is to be done instead. */
export function refuseLate(row: OperationRow, what: string): void {
  const state = row.state as OperationState;
  if (open.includes(state)) return;
  const isDone = state === 'running' || state === 'succeeded';
  const why = state === 'running' ? 'the change is written already, and its servers follow it' : `it is ${state}`;
  const back =
    row.stack !== null && row.version !== null
      ? `To have what was before, roll back: mainstay stacks rollback ${row.stack}`
      : 'What takes it back is a change of its own.';
  throw new AppError('Conflict', `${what} cannot be cancelled: ${why}.`, {
    field: 'id',
    hint: isDone ? back : 'Nothing is left to be cancelled.',
  });
}

/** Ends an operation as cancelled, with its run; the batch is undone when either moved on since it was read. */
export async function cancelStatements(
  context: Context,
  row: OperationRow,
  cancellation: Cancellation,
  now: number,
): Promise<Statement[]> {
  const { db } = context.store;
  const run =
    row.run_id === null
      ? null
      : await db.selectFrom('runs').selectAll().where('id', '=', row.run_id).executeTakeFirst();
  const isUnderWay = run?.state === 'running' || run?.state === 'paused';
  return [
    ...endStatements(context, row, cancellation, now),
    ...(run && isUnderWay ? actionStatements('cancel', run, now) : []),
  ];
}

/** Ends an operation as cancelled, whose run has been already. */
export function endStatements(
  { store }: Context,
  row: OperationRow,
  { actor, message, reason }: Cancellation,
  now: number,
): Statement[] {
  const set = { state: 'cancelled', message, proposal_sealed: null, finished_at: now } as const;
  return [
    updateOperation(store, row.id, [row.state as OperationState], set),
    auditOperation(store, 'operation.cancelled', row, now, { actor, data: { reason } }),
    insertEvent(store, {
      kind: 'operation.cancelled',
      message,
      at: now,
      actor: actor.name,
      operation_id: row.id,
      stack: row.stack,
    }),
  ];
}
