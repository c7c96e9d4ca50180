/**
 * Carrying out what was approved: the signature is verified with public keys, the plan is made again and must be the one that was
 * signed, and the change, its operation's new state, its events and its audit entries are one write. The caller adds the run's receipt to that write,
 * so that it takes place once.
 */
import { AppError } from '@mainstay/contract/errors';
import { type Grant, type KeeperKey, verifyGrant } from '@mainstay/contract/grant';
import type { Actor } from '@mainstay/contract/operation';
import { operationList } from '@mainstay/contract/operations/index';
import { nodeSignatures } from '@mainstay/runtime/signatures';
import { authorize } from '../access/authorize.ts';
import { getUserById } from '../access/user-store.ts';
import type { Context } from '../context.ts';
import { insertEvent } from '../events/event-store.ts';
import { insertRollout } from '../rollouts/rollout-store.ts';
import { insertStates } from '../rollouts/state-rollout.ts';
import type { Statement } from '../store/store.ts';
import { planAgain } from './decisions.ts';
import { type OperationRow, updateOperation } from './operation-store.ts';
import type { Planned } from './planned.ts';
import type { PlanOf } from './plans.ts';
import { auditOperation } from './records.ts';
import { resultColumns } from './results.ts';

export type Effect = { statements: Statement[]; signals: string[]; settled_by_receipts: boolean };

/** The grant of an operation, when it allows exactly this operation with exactly this plan, here and now. */
export async function verifiedGrant(row: OperationRow, keys: readonly KeeperKey[], now_ms: number): Promise<Grant> {
  const tampered =
    'Somebody changed the state of the control plane, or the keeper. Look at the audit: mainstay audit verify';
  const refuse = (reason: string, hint = tampered) =>
    new AppError('Forbidden', `Operation ${row.id} is not carried out: ${reason}`, { hint });
  if (row.grant_jws === null) throw refuse('nobody signed it.');
  const options = { keys, audience: 'control-plane', now_ms, signatures: nodeSignatures };
  const verified = await verifyGrant(row.grant_jws, options);
  if (!verified.ok) {
    const isOfTime = verified.reason === 'expired' || verified.reason === 'not_yet_valid';
    const clocks = 'Ask for it again. If that does not help, set the clocks of this machine and of the keeper (NTP).';
    throw refuse(verified.message, isOfTime ? clocks : tampered);
  }
  const { grant } = verified;
  if (grant.operation_id !== row.id || grant.operation !== row.operation)
    throw refuse('its grant is for another operation.');
  if (grant.plan_hash !== (JSON.parse(row.plan) as { hash: string }).hash)
    throw refuse('its grant is for another plan.');
  if (grant.actor.id !== (JSON.parse(row.actor) as Actor).id) throw refuse('its grant is for another actor.');
  return grant;
}

/** @param how `in_waves`: it goes out in the waves of its plan, where that has some; its run opens them. */
export async function carryOut(
  context: Context,
  planOf: PlanOf,
  row: OperationRow,
  how: { in_waves: boolean },
): Promise<Effect> {
  const { store, clock } = context;
  const grant = await verifiedGrant(row, await context.keeper.keys(), clock.now());
  await checkStanding(context, grant.actor, row);
  const { planned, body } = await planAgain(context, planOf, row);
  const now = clock.now();
  const { actor } = grant;
  const carried = await planned.carryOut({ operation_id: row.id, grant: row.grant_jws!, now, actor, plan_body: body });
  const settled_by_receipts = planned.settled_by_receipts === true;
  const state = settled_by_receipts
    ? ({ state: 'running', targets: JSON.stringify(planned.targets ?? []) } as const)
    : ({ state: 'succeeded', finished_at: now } as const);
  const own = {
    kind: settled_by_receipts ? ('operation.started' as const) : ('operation.succeeded' as const),
    message: planned.summary,
    stack: row.stack,
  };
  const events = [own, ...(carried.events ?? [])].map((event) =>
    insertEvent(store, { ...event, at: now, actor: actor.name, operation_id: row.id }),
  );
  return {
    settled_by_receipts,
    statements: [
      updateOperation(store, row.id, ['approved'], {
        ...state,
        ...resultColumns(context, row.id, carried),
        version: planned.document?.version ?? planned.server_document?.version ?? null,
        proposal_sealed: null,
      }),
      ...carried.statements,
      ...(how.in_waves ? rolloutStatements(context, row, planned, now) : []),
      ...(carried.afterwards ?? []),
      ...events,
      auditOperation(store, settled_by_receipts ? 'operation.started' : 'operation.succeeded', row, now),
    ],
    signals: ['operations', 'events', `operation:${row.id}`, ...(carried.signals ?? [])],
  };
}

function rolloutStatements({ store }: Context, row: OperationRow, planned: Planned, now: number): Statement[] {
  const { rollout, stack } = planned;
  if (!rollout || (!stack && !rollout.states)) return [];
  const { waves, settings, previous_version, held_before, states } = rollout;
  const { pause_seconds, max_failed } = settings;
  const about = {
    operation_id: row.id,
    stack_id: states ? '' : stack!.id,
    version: states ? 0 : stack!.version,
    previous_version,
    state: 'rolling' as const,
    undo_version: null,
    reason: null,
    settings: JSON.stringify({ pause_seconds, max_failed, held_before, what: whatGoesOut(planned) }),
    created_at: now,
  };
  return [...insertRollout(store, about, waves), ...(states ? insertStates(store, row.id, states) : [])];
}

/** As messages call it. */
function whatGoesOut({ stack, rollout }: Planned): string {
  const agent = rollout?.states?.[0]?.document.agent;
  return agent ? `Agent ${agent.version}` : `Version ${stack?.version} of ${stack?.name}`;
}

/** Who was allowed when it was proposed, and is not any more, gets nothing done. */
async function checkStanding({ store }: Context, actor: Actor, row: OperationRow): Promise<void> {
  if (actor.kind !== 'user') return;
  const user = await getUserById(store, actor.id);
  const operation = operationList.find(({ id }) => id === row.operation);
  const may = user && operation && operation.permission !== 'none';
  if (may && authorize({ ...actor, role: user.role }, operation.permission, null)) return;
  throw new AppError('Forbidden', `${actor.name} may not do ${row.operation} any more. Nothing was done.`);
}
