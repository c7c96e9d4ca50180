/**
 * How a running operation ends: by what its servers report, never by what was sent to them. Progress is read from the
 * servers' receipts, so that nothing is lost when the control plane restarts.
 */
import type { AgentState } from '@mainstay/contract/agent-api';
import type { OperationTarget, OperationView } from '@mainstay/contract/operation';
import type { Context } from '../context.ts';
import { insertEvent } from '../events/event-store.ts';
import { seenOf, targetsOf } from '../rollouts/rollout-progress.ts';
import { findRollout, openRollouts, rolloutTopic } from '../rollouts/rollout-store.ts';
import { createRounds, type Rounds } from '../rounds.ts';
import { reportedStates, serversByIds } from '../servers/server-store.ts';
import { setVersionState } from '../stacks/stack-store.ts';
import { type OperationRow, selectByState, viewOfOperation } from './operation-store.ts';
import { auditOperation, auditReceipt } from './records.ts';
import { type Told, toldBy } from './told.ts';

/** A server that has not reported the end of a change within this time has failed to. It is the life of a grant. */
export const settle_within_ms = 3_600_000;

/** The operation as it stands now; of a running one with the present progress on its servers. */
export async function operationView(context: Context, row: OperationRow): Promise<OperationView> {
  if (row.state !== 'running') return viewOfOperation(row);
  const rollout = await findRollout(context.store, row.id);
  if (!rollout) return viewOfOperation(row, (await progressOf(context, row)).targets);
  const back = rollout.undo_version === null ? null : await seenOf(context, row, rollout, rollout.undo_version);
  return viewOfOperation(row, targetsOf(await seenOf(context, row, rollout), rollout, back));
}

type Progress = { targets: OperationTarget[]; hint: string | null; told: { server: string; id: string; by: Told }[] };

async function progressOf(context: Context, row: OperationRow): Promise<Progress> {
  const targets: OperationTarget[] = [];
  const told: Progress['told'] = [];
  let hint: string | null = null;
  const ids = JSON.parse(row.targets) as string[];
  const servers = await serversByIds(context.store, ids);
  const states = await reportedStates(context.store, [...servers.values()]);
  for (const id of ids) {
    const server = servers.get(id);
    const report: Told = server
      ? unlessDrained(toldBy(server, states.get(id) ?? null, row), states.get(id) ?? null, row)
      : { state: 'failed', message: 'The server was removed.', hint: null };
    targets.push({ server: server?.name ?? id, state: report.state, message: report.message });
    told.push({ server: server?.name ?? id, id, by: report });
    if (report.state === 'failed') hint ??= report.hint;
  }
  return { targets, hint, told };
}

/** A server that was drained before it was done with a version of its stack carries that out when it is undrained. */
function unlessDrained(told: Told, reported: AgentState | null, row: OperationRow): Told {
  const is_open = told.state === 'waiting' || told.state === 'running';
  if (!reported?.drained || !is_open || row.stack_id === null) return told;
  return { state: 'failed', message: 'It was drained before it was done.', hint: 'It follows when it is undrained.' };
}

/** Ends every operation whose servers have all reported, or whose time is up. Idempotent; woken by reports and a timer. */
export async function settleOperations(context: Context): Promise<void> {
  const running = await selectByState(context.store, 'running');
  const rolling = running.length > 0 ? await openRollouts(context.store) : new Set<string>();
  for (const row of running) {
    // What goes out in waves is ended by its run, which looks when it is told that servers said something.
    if (rolling.has(row.id)) context.signals.notify(rolloutTopic(row.id));
    else await settle(context, row);
  }
  if (running.length > 0) context.signals.notify('operations');
}

/** Rounds of settlement are this far apart at least, so that the reports of a fleet are looked at together. */
const settle_apart_ms = 100;

/** Settles soon after it is asked to. A round that fails is logged; the next one looks at the same rows again. */
export function createSettler(context: Context): Rounds {
  const round = () =>
    settleOperations(context).catch((error: unknown) => context.log.error({ err: error }, 'settlement failed'));
  return createRounds(round, settle_apart_ms);
}

async function settle(context: Context, row: OperationRow): Promise<void> {
  const { store, clock, signals } = context;
  const now = clock.now();
  const { targets, hint, told } = await progressOf(context, row);
  const late = now - row.created_at > settle_within_ms;
  const open = targets.filter((target) => target.state === 'waiting' || target.state === 'running');
  // A server that is at work is let come to its end: its builds and starts are bounded by themselves.
  const at_work = open.some((target) => target.state === 'running');
  if (open.length > 0 && (!late || at_work)) return;
  const failed = targets.filter((target) => target.state !== 'succeeded');
  const succeeded = failed.length === 0;
  const message = succeeded ? null : failed.map(describeFailure).join('\n');
  const state = succeeded ? 'succeeded' : 'failed';
  const statements = [
    {
      query: store.db
        .updateTable('operations')
        .set({ state, message, hint: succeeded ? null : hint, targets: JSON.stringify(targets), finished_at: now })
        .where('id', '=', row.id)
        .where('state', '=', 'running'),
      rows: 1,
    },
  ] as Parameters<typeof store.batch>[0][number][];
  if (row.stack_id !== null && row.version !== null) {
    const { stack_id, version } = row;
    statements.push(setVersionState(store, stack_id, version, state));
    if (succeeded) {
      const serving = { serving_version: version, updated_at: now };
      statements.push({
        query: store.db
          .updateTable('stacks')
          .set(serving)
          .where('id', '=', stack_id)
          .where('serving_version', '<', version),
      });
    }
  }
  const summary = (JSON.parse(row.plan) as { summary: string }).summary;
  statements.push(
    insertEvent(store, {
      kind: succeeded ? 'operation.succeeded' : 'operation.failed',
      severity: succeeded ? 'info' : 'error',
      message: succeeded ? `Done: ${summary}` : `Failed: ${summary}\n${message}`.slice(0, 4_000),
      at: now,
      actor: (JSON.parse(row.actor) as { name: string }).name,
      stack: row.stack,
      operation_id: row.id,
    }),
  );
  for (const { server, id, by } of told) statements.push(auditReceipt(store, row, { server, id, ...by }, now));
  const receipts = targets.map(({ server, state }) => ({ server, state }));
  const kind = succeeded ? 'operation.succeeded' : 'operation.failed';
  statements.push(
    auditOperation(store, kind, row, now, { data: { receipts, ...(message === null ? {} : { message }) } }),
  );
  await store.batch(statements);
  signals.notify('operations', 'stacks', 'events', `operation:${row.id}`, `settled:${row.id}`);
}

function describeFailure(target: OperationTarget): string {
  return `${target.server}: ${target.message ?? 'did not report the end of it in time'}`;
}
