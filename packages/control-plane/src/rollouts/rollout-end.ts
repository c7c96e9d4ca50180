/** How an operation ends that went out in waves: one write, with the state of its version, its receipts, its event and its audit entries. */
import type { OperationState } from '@mainstay/contract/operation';
import type { Context } from '../context.ts';
import { insertEvent } from '../events/event-store.ts';
import { type OperationRow, updateOperation } from '../operations/operation-store.ts';
import { auditOperation, auditReceipt } from '../operations/records.ts';
import { serversOfStack } from '../servers/server-store.ts';
import { setVersionState } from '../stacks/stack-store.ts';
import type { Statement } from '../store/store.ts';
import { admitted, seenOf, targetsOf } from './rollout-progress.ts';
import { type RolloutRow, updateRollout } from './rollout-store.ts';
import { isFailure, isOpen, names } from './waves.ts';

export type EndState = Extract<OperationState, 'succeeded' | 'failed' | 'compensated' | 'cancelled'>;
const severities = { succeeded: 'info', failed: 'error', compensated: 'error', cancelled: 'notice' } as const;
const words = { succeeded: 'Done', failed: 'Failed', compensated: 'Taken back', cancelled: 'Cancelled' } as const;

export type RolloutEnd = { statements: Statement[]; signals: string[] };

/** @param message Why it did not succeed; of one that did, what is left is told instead. */
export async function endOfRollout(
  context: Context,
  row: OperationRow,
  rollout: RolloutRow,
  state: EndState,
  message: string | null,
): Promise<RolloutEnd> {
  const { store } = context;
  const now = context.clock.now();
  const { stack_id, version, undo_version, operation_id } = rollout;
  const seen = await seenOf(context, row, rollout);
  const back = undo_version === null ? null : await seenOf(context, row, rollout, undo_version);
  const targets = targetsOf(seen, { ...rollout, state: 'ended' }, back);
  const succeeded = state === 'succeeded';
  const said = succeeded ? leftOver(seen) : message;
  const hint = succeeded ? null : (seen.find((one) => isFailure(one) && one.hint !== null)?.hint ?? null);
  const { summary } = JSON.parse(row.plan) as { summary: string };
  const set = { state, message: said, hint, targets: JSON.stringify(targets), finished_at: now };
  // The version that is in force from now on, where there is a new one.
  const serving = stack_id === '' ? null : succeeded ? version : state === 'failed' ? null : undo_version;
  const receipts = targets.map(({ server, state }) => ({ server, state }));
  const statements: Statement[] = [
    updateOperation(store, row.id, ['running'], set),
    updateRollout(store, operation_id, rollout.state, { state: 'ended' }),
    ...(stack_id === '' ? [] : [setVersionState(store, stack_id, version, succeeded ? 'succeeded' : 'failed')]),
    ...(undo_version === null
      ? []
      : [setVersionState(store, stack_id, undo_version, serving === undo_version ? 'succeeded' : 'failed')]),
    ...(serving === null ? [] : [serves(context, stack_id, serving, now)]),
    insertEvent(store, {
      kind: `operation.${state}`,
      severity: severities[state],
      message: `${words[state]}: ${summary}${said === null ? '' : `\n${said}`}`.slice(0, 4_000),
      at: now,
      actor: (JSON.parse(row.actor) as { name: string }).name,
      stack: row.stack,
      operation_id: row.id,
    }),
    ...admitted(seen).map(({ name, server_id, state, message, told }) =>
      auditReceipt(store, row, { server: name, id: server_id, state, message, ...receiptOf(told) }, now),
    ),
    auditOperation(store, `operation.${state}`, row, now, {
      data: { receipts, ...(said === null ? {} : { message: said }) },
    }),
  ];
  const servers = await serversOfStack(store, stack_id);
  const woken = servers.map(({ id }) => `desired:${id}`);
  const topics = [
    ...(stack_id === '' ? ['servers'] : []),
    'operations',
    'stacks',
    'events',
    `operation:${row.id}`,
    `settled:${row.id}`,
  ];
  return { statements, signals: [...topics, ...woken] };
}

function receiptOf(told: Awaited<ReturnType<typeof seenOf>>[number]['told']) {
  return told?.receipt ? { receipt: told.receipt } : {};
}

function serves({ store }: Context, stack_id: string, version: number, now: number): Statement {
  const query = store.db.updateTable('stacks').set({ serving_version: version, updated_at: now });
  return { query: query.where('id', '=', stack_id).where('serving_version', '<', version) };
}

/** What a rollout that came through left behind; null when it is on every server. */
function leftOver(seen: Awaited<ReturnType<typeof seenOf>>): string | null {
  const away = seen.filter(isOpen);
  const failed = seen.filter(isFailure);
  const lines = [
    ...(away.length > 0 ? [`Offline, and follows when it is back: ${names(away)}.`] : []),
    ...(failed.length > 0 ? [`Failed, as the settings of its rollout allow: ${names(failed)}.`] : []),
  ];
  return lines.length > 0 ? lines.join('\n') : null;
}
