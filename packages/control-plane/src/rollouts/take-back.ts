/**
 * Taking a rollout back: servers that took the new version, or may have, are given the content of the one before as a version of its own,
 * which the keeper signs because the approved plan named it (ADR 0027). Servers whose wave was not open never had another.
 *
 *   rolling ──nobody has it──────────────────────────────▶ ended
 *      └──the keeper signs──▶ undoing ──all have it again──▶ ended
 */
import type { DesiredState } from '@mainstay/contract/desired-state';
import { desiredStateDigest } from '@mainstay/contract/desired-state';
import { AppError, ErrorBody } from '@mainstay/contract/errors';
import type { Issued } from '@mainstay/contract/keeper-api';
import type { Context } from '../context.ts';
import { insertEvent } from '../events/event-store.ts';
import { findOperation, type OperationRow } from '../operations/operation-store.ts';
import {
  findStackById,
  findVersion,
  insertVersion,
  type StackVersion,
  setVersionState,
  updateStack,
} from '../stacks/stack-store.ts';
import { BatchConflict } from '../store/store.ts';
import { type EndState, endOfRollout } from './rollout-end.ts';
import { admitted, type Seen, seenOf } from './rollout-progress.ts';
import { factsOf, findRollout, type RolloutRow, updateRollout } from './rollout-store.ts';
import { isAway, isLate, isOpen, mayHaveIt, names } from './waves.ts';

/** What is waited for is looked at again so much later at the latest. */
const look_again_ms = 5_000;

type Log = (message: string) => void;
type Way = { context: Context; row: OperationRow; rollout: RolloutRow; run_id: string; log: Log };

/** One step on the way back; null when it is done, otherwise when to go on. Idempotent: the rollout's row says how far it came. */
export async function takeBack(
  context: Context,
  operation_id: string,
  run_id: string,
  log: Log,
): Promise<number | null> {
  const rollout = await findRollout(context.store, operation_id);
  if (!rollout || rollout.state === 'ended') return null;
  const way = { context, row: await findOperation(context.store, operation_id), rollout, run_id, log };
  try {
    if (rollout.state !== 'rolling') return await (rollout.stack_id === '' ? followStates(way) : followVersion(way));
    await turn(way);
  } catch (error) {
    const moved = error instanceof BatchConflict;
    const away = error instanceof AppError && error.code === 'Unavailable';
    if (!moved && !away) throw error;
    if (away) log(`${error.message} It is tried again.`);
    return context.clock.now() + (moved ? 200 : look_again_ms);
  }
  return context.clock.now();
}

/** Decides what has to be given back, and has it signed. */
async function turn({ context, row, rollout, run_id, log }: Way): Promise<void> {
  const { store, clock, signals } = context;
  const now = clock.now();
  const seen = admitted(await seenOf(context, row, rollout));
  const wave = Math.max(1, ...seen.map((one) => one.wave));
  const { is_cancelled, why } = await causeOf(context, run_id);
  const stopped = [`Stopped in wave ${wave}.`, ...(is_cancelled || why === null ? [] : [why])].join('\n');
  // States of servers stay where they are; a server whose agent failed has the one before again by itself.
  if (rollout.stack_id === '' || !seen.some(mayHaveIt)) {
    await store.batch([updateRollout(store, row.id, 'rolling', { state: 'undoing', reason: stopped })]);
    return;
  }
  const before =
    rollout.previous_version === null ? null : await findVersion(store, rollout.stack_id, rollout.previous_version);
  const stack = await findStackById(store, rollout.stack_id);
  if (!before || !stack || stack.desired_version !== rollout.version) {
    const reason = `${stopped}\nThere is nothing before it that could be brought back.`;
    return store.batch([updateRollout(store, row.id, 'rolling', { state: 'undoing', reason })]);
  }
  const document: DesiredState = { ...before.document, version: rollout.version + 1 };
  const issued = await context.keeper.undo({ grant: row.grant_jws!, document });
  if (issued.decision === 'denied') {
    log(`The keeper does not take it back: ${issued.reason}`);
    const reason = `${stopped}\nWhat was before was not brought back: ${issued.reason}`;
    return store.batch([updateRollout(store, row.id, 'rolling', { state: 'undoing', reason })]);
  }
  const message = `Version ${document.version} brings back what version ${before.version} was (${commitsOf(before)}).`;
  log(`${stopped} ${message}`);
  await store.batch([
    updateStack(store, stack, {
      desired_version: document.version,
      held: JSON.stringify(factsOf(rollout).held_before),
      updated_at: now,
    }),
    insertVersion(store, await versionRow(row, before, document, issued, now)),
    setVersionState(store, rollout.stack_id, rollout.version, 'failed'),
    updateRollout(store, row.id, 'rolling', { state: 'undoing', undo_version: document.version, reason: stopped }),
    insertEvent(store, {
      kind: 'rollout.stopped',
      severity: 'error',
      message: `Version ${rollout.version} of ${row.stack}: ${stopped}\n${message}`.slice(0, 4_000),
      at: now,
      stack: row.stack,
      operation_id: row.id,
    }),
  ]);
  signals.notify('stacks', 'events', 'operations', ...seen.map(({ server_id }) => `desired:${server_id}`));
}

/** Why the run went back: what its wave failed with, or that it was cancelled. */
async function causeOf({ store }: Context, run_id: string): Promise<{ is_cancelled: boolean; why: string | null }> {
  const query = store.db.selectFrom('runs').select(['ending', 'error']).where('id', '=', run_id);
  const run = await query.executeTakeFirst();
  const error = ErrorBody.safeParse(run?.error ? JSON.parse(run.error) : null);
  return { is_cancelled: run?.ending === 'cancelled', why: error.success ? error.data.message : null };
}

async function versionRow(
  row: OperationRow,
  before: StackVersion,
  document: DesiredState,
  issued: Issued & { decision: 'approved' },
  now: number,
) {
  return {
    stack_id: document.stack_id,
    version: document.version,
    spec: JSON.stringify(before.spec),
    document: JSON.stringify(document),
    sha256: await desiredStateDigest(document),
    grant_jws: issued.grant,
    operation_id: row.id,
    state: 'running' as const,
    created_at: now,
  };
}

/** Waits until those that may have had it have again what was before, and ends the operation. */
async function followVersion(way: Way): Promise<number | null> {
  const { context, row, rollout, run_id } = way;
  const now = context.clock.now();
  const { undo_version, reason } = rollout;
  const back = undo_version === null ? [] : await backOf(context, row, rollout, undo_version);
  const waited = back.filter((one) => isOpen(one) && !isAway(one, now) && !isLate(one, now));
  if (waited.length > 0) return now + look_again_ms;
  const stuck =
    undo_version === null
      ? admitted(await seenOf(context, row, rollout)).filter((one) => mayHaveIt(one) && one.state !== 'waiting')
      : back.filter((one) => one.state === 'failed' || isLate(one, now));
  const away = back.filter((one) => isOpen(one) && isAway(one, now));
  const { is_cancelled } = await causeOf(context, run_id);
  const wished = is_cancelled ? ('cancelled' as const) : ('compensated' as const);
  const message = [
    reason,
    whatIsNow(rollout, stuck),
    ...(away.length > 0 ? [`Offline, and follows when it is back: ${names(away)}.`] : []),
  ]
    .filter((line) => line !== null)
    .join('\n');
  return finish(way, stuck.length > 0 ? 'failed' : wished, message);
}

/** Waits until those whose wave was open have come to an end with it, and ends the operation: what was done stays, and no more is begun. */
async function followStates(way: Way): Promise<number | null> {
  const { context, row, rollout, run_id } = way;
  const now = context.clock.now();
  const all = await seenOf(context, row, rollout);
  const took = admitted(all);
  if (took.some((one) => isOpen(one) && !isAway(one, now) && !isLate(one, now))) return now + look_again_ms;
  const { is_cancelled } = await causeOf(context, run_id);
  const updated = took.filter(({ state }) => state === 'succeeded' || state === 'unsteady');
  const away = took.filter(isOpen);
  const rest = all.filter(({ admitted_at }) => admitted_at === null);
  const message = [
    rollout.reason,
    ...(updated.length > 0 ? [`Updated, and stays so: ${names(updated)}.`] : []),
    ...(away.length > 0 ? [`Offline, and updated when it is back: ${names(away)}.`] : []),
    ...(rest.length > 0 ? [`Not begun, with the agent that it had: ${names(rest)}.`] : []),
  ].join('\n');
  return finish(way, is_cancelled ? 'cancelled' : 'failed', message);
}

async function finish({ context, row, rollout, log }: Way, state: EndState, message: string): Promise<null> {
  const end = await endOfRollout(context, row, rollout, state, message);
  await context.store.batch(end.statements);
  log(message);
  context.signals.notify(...end.signals);
  return null;
}

/** How those that may have had it stand to the version that brings back what was; its time begins when that was made. */
async function backOf(context: Context, row: OperationRow, rollout: RolloutRow, undo_version: number) {
  const version = await findVersion(context.store, rollout.stack_id, undo_version);
  const begun = version?.row.created_at ?? rollout.created_at;
  const seen = admitted(await seenOf(context, row, rollout, undo_version));
  return seen.map((one) => ({ ...one, admitted_at: begun }));
}

function whatIsNow({ version, previous_version, undo_version }: RolloutRow, stuck: readonly Seen[]): string {
  if (stuck.length > 0) return `Still on version ${version}: ${names(stuck)}.`;
  if (previous_version === null) return 'No server runs it.';
  const again = undo_version === null ? '' : ` again, as version ${undo_version}`;
  return `All servers have what version ${previous_version} was${again}.`;
}

function commitsOf({ document }: StackVersion): string {
  const commits = Object.entries(document.services).map(
    ([name, { source }]) => `${name} at ${source.commit.slice(0, 12)}`,
  );
  return names(commits, 4);
}
