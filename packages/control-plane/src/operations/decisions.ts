/**
 * What the keeper says of a proposal, brought into the operation's row: each step is one write with its audit entry, and what is
 * approved is on the bus in the same write. Also what waits is looked after: proposals that found the keeper away, and those that
 * people, time or a maintenance window decide.
 */
import { AppError } from '@mainstay/contract/errors';
import { Grant } from '@mainstay/contract/grant';
import type { Decision, Word } from '@mainstay/contract/keeper-api';
import type { Actor, OperationState } from '@mainstay/contract/operation';
import type { Context } from '../context.ts';
import { insertEvent, type NewEvent } from '../events/event-store.ts';
import { batchOrConflict, type Statement } from '../store/store.ts';
import { failureStatements, toldError } from './failure.ts';
import { findOperation, type OperationRow, selectByState, updateOperation } from './operation-store.ts';
import { type Asked, type Made, makePlan, movedOn, type PlanOf, proposalOf } from './plans.ts';
import { auditOperation, publishPending, runIdOf } from './records.ts';

/** Asks the keeper. While it is away the operation stays proposed, and says so. */
export async function decide(context: Context, row: OperationRow, made: Made, proof: string | null): Promise<void> {
  const actor = JSON.parse(row.actor) as Actor;
  const proposal = await proposalOf(context, made, { operation_id: row.id, actor, proof });
  let decision: Decision;
  try {
    decision = await context.keeper.decide(proposal);
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'Unavailable') {
      await endBeforeRun(context, row, error);
      throw error;
    }
    const message = 'The keeper is away: it is decided when the keeper is back.';
    await context.store.batch([updateOperation(context.store, row.id, ['proposed'], { message })]);
    context.signals.notify(`operation:${row.id}`);
    return;
  }
  try {
    await apply(context, row, decision);
  } catch (error) {
    // A keeper that is slow is asked by the round as well, which brought the same decision in.
    if ((await findOperation(context.store, row.id)).state === row.state) throw error;
  }
}

/** A person's word on an operation that waits. */
export async function speak(context: Context, word: Word): Promise<void> {
  const row = await findOperation(context.store, word.operation_id);
  if (row.state !== 'waiting') {
    throw new AppError('Conflict', `Operation ${row.id} does not wait for anybody: it is ${row.state}.`, {
      field: 'id',
    });
  }
  const decision = await context.keeper.speak(word);
  await apply(context, row, decision, word);
}

const endOf = { rejected: 'rejected', expired: 'expired', withdrawn: 'cancelled', denied: 'denied' } as const;

/** Brings a decision into the row. The same one again changes nothing. */
async function apply(context: Context, row: OperationRow, decision: Decision, word?: Word): Promise<void> {
  const { store, clock, signals } = context;
  const now = clock.now();
  const approvals = 'approvals' in decision ? JSON.stringify(decision.approvals) : row.approvals;
  const statements: Statement[] = [];
  const topics: string[] = [];
  const events: Omit<NewEvent, 'at' | 'operation_id' | 'stack'>[] = [];
  const from: OperationState[] = ['proposed', 'waiting'];
  const record = (kind: Parameters<typeof auditOperation>[1], data: Record<string, unknown> = {}) =>
    statements.push(auditOperation(store, kind, { ...row, approvals }, now, { actor: word?.actor, data }));
  const told = word?.actor.name ?? null;
  if (word) record('approval.given', { verdict: word.verdict, reason: word.reason, proof: word.actor.proof });
  const summary = (JSON.parse(row.plan) as { summary: string }).summary;
  if (decision.decision === 'approved') {
    const { grant, policy } = decision;
    const run_id = runIdOf(row.id);
    const signed = signatureOf(grant);
    // A statement that came along proves more than the gateway could; the keeper says so in what it signs.
    row.actor = JSON.stringify({ ...JSON.parse(row.actor), proof: signed.proof });
    const set = {
      state: 'approved',
      actor: row.actor,
      grant_jws: grant,
      policy,
      approvals,
      run_id,
      message: null,
    } as const;
    const pending = publishPending(context, row);
    topics.push(pending.topic);
    statements.push(updateOperation(store, row.id, from, set), pending);
    record('operation.approved', { policy });
    record('operation.signed', signed.data);
    if (row.state === 'waiting')
      events.push({ kind: 'operation.approved', message: `Approved: ${summary}`, actor: told });
  } else if (decision.decision === 'waiting') {
    const requirement = JSON.stringify(decision.requirement);
    if (row.state === 'waiting' && row.requirement === requirement && row.approvals === approvals) return;
    const { policy } = decision.requirement;
    statements.push(
      updateOperation(store, row.id, from, { state: 'waiting', requirement, approvals, policy, message: null }),
    );
    if (row.state === 'proposed') {
      record('operation.waiting', { policy });
      events.push({
        kind: 'operation.waiting',
        severity: 'notice',
        message: `Waits for people: ${summary}`,
        actor: actorName(row),
      });
    }
  } else {
    const { reason } = decision;
    const state = endOf[decision.decision];
    const hint = decision.decision === 'denied' ? decision.hint : null;
    const set = { state, message: reason, hint, approvals, proposal_sealed: null, finished_at: now };
    statements.push(updateOperation(store, row.id, from, set));
    record(`operation.${state}`, { reason });
    events.push({
      kind: `operation.${state}`,
      severity: state === 'cancelled' ? 'info' : 'warning',
      message:
        state === 'denied'
          ? `${actorName(row)} was denied ${row.operation}: ${reason}`
          : `${summary}: ${state}. ${reason}`,
      actor: told ?? actorName(row),
    });
  }
  const told_events = events.map((event) =>
    insertEvent(store, { ...event, at: now, operation_id: row.id, stack: row.stack }),
  );
  await batchOrConflict(store, [...statements, ...told_events], 'The operation went on at the same moment.');
  signals.notify('operations', `operation:${row.id}`, ...topics, ...(events.length > 0 ? ['events'] : []));
}

/** How the proposer was proven; and for the audit, which key signed, for whom and until when. */
function signatureOf(jws: string) {
  const [head = '', payload = ''] = jws.split('.').map((part) => Buffer.from(part, 'base64url').toString('utf8'));
  const { jti, aud, exp, actor } = Grant.parse(JSON.parse(payload));
  return { proof: actor.proof, data: { kid: (JSON.parse(head) as { kid: string }).kid, jti, aud, exp } };
}

async function endBeforeRun(context: Context, row: OperationRow, error: unknown): Promise<void> {
  await context.store.batch(failureStatements(context, row, toldError(error)));
  context.signals.notify('operations', 'events', `operation:${row.id}`);
}

/** What was asked for, as it was sealed. */
export function askedOf(context: Context, row: OperationRow): Asked {
  if (row.proposal_sealed === null) throw new AppError('Conflict', `Operation ${row.id} has ended.`, { field: 'id' });
  const { input, facts } = JSON.parse(context.seal.open(`operation/${row.id}`, row.proposal_sealed));
  return { operation: row.operation, actor: JSON.parse(row.actor), input, facts };
}

/** Makes the plan of an operation again. Throws Conflict, naming what moved, where it is another one now. */
export async function planAgain(context: Context, planOf: PlanOf, row: OperationRow): Promise<Made> {
  const made = await makePlan(context, planOf, askedOf(context, row));
  const { hash } = JSON.parse(row.plan) as { hash: string };
  if (made.plan.hash !== hash) throw movedOn(JSON.parse(row.plan_body!), made.body);
  return made;
}

/**
 * Looks after what is proposed or waits. Idempotent; at every start and now and then.
 * @param started_at When this process began: what was proposed before then has lost its request.
 */
export async function reconcileDecisions(context: Context, planOf: PlanOf, started_at: number): Promise<void> {
  const in_request_ms = 5_000;
  for (const row of await selectByState(context.store, 'proposed', 'waiting')) {
    // Its own request is asking the keeper right now.
    const isAsked = row.created_at >= started_at && context.clock.now() - row.created_at < in_request_ms;
    if (row.state === 'proposed' && row.message === null && isAsked) continue;
    try {
      const known = await context.keeper.decisionOf(row.id);
      if (known) await apply(context, row, known);
      else await decideAgain(context, planOf, row);
    } catch (error) {
      if (error instanceof AppError && error.code === 'Unavailable') return;
      // With Conflict, somebody else brought it on at the same moment.
      if (error instanceof AppError && error.code === 'Conflict') continue;
      context.log.warn({ err: error, operation_id: row.id }, 'not decided');
    }
  }
}

/** The keeper knows nothing of it: it is asked, with the plan as it is now; one that holds no more is over. */
async function decideAgain(context: Context, planOf: PlanOf, row: OperationRow): Promise<void> {
  let made: Made;
  try {
    made = await planAgain(context, planOf, row);
  } catch (error) {
    if (row.state === 'proposed' && error instanceof AppError) await endBeforeRun(context, row, error);
    throw error;
  }
  await decide(context, row, made, null);
}

function actorName(row: OperationRow): string {
  return (JSON.parse(row.actor) as Actor).name;
}
