/**
 * The one path of a change, up to where the controller takes over.
 *
 *   plan ──▶ (dry run: shown, nothing written)
 *     │
 *     ▼
 *   row `proposed`, with its input sealed ──▶ keeper ──▶ denied
 *     │                                          └─────▶ waiting ──▶ …
 *     ▼
 *   approved, and on the bus in the same write ──▶ controller ──▶ run ──▶ carried out ──▶ settled
 *
 * Nouns say only what their plan is and which statements carry it out. While the keeper is away, what was proposed waits for it.
 */
import { canonicalJson } from '@mainstay/contract/canonical';
import { AppError, type ErrorCode } from '@mainstay/contract/errors';
import { newId } from '@mainstay/contract/ids';
import type { Actor, OperationState, OperationView } from '@mainstay/contract/operation';
import type { Context } from '../context.ts';
import { batchOrConflict } from '../store/store.ts';
import { decide } from './decisions.ts';
import {
  countUndecided,
  findByIdempotencyKey,
  findOperation,
  insertOperation,
  type OperationRow,
} from './operation-store.ts';
import type { Facts } from './planned.ts';
import { makePlan, type PlanOf } from './plans.ts';
import { auditOperation } from './records.ts';
import { takeResult } from './results.ts';
import { operationView } from './settlement.ts';

export type ChangeRequest = {
  operation: string;
  actor: Actor;
  /** Validated input without the fields of every change. */
  input: Record<string, unknown>;
  dry_run?: boolean;
  plan_hash?: string | undefined;
  idempotency_key?: string | undefined;
  proof?: string | undefined;
  /** What was learned already, so that it is not asked for twice. */
  facts?: Facts;
};

/** Operations that may wait for a decision at one time: of everybody, as many as the keeper holds, and of one person. */
const undecided_max = 1_000;
const undecided_of_actor_max = 200;

export type ChangeOutcome = { operation: OperationView; result: unknown };

/** An answer waits so long for what was approved to be carried out; it goes on after that all the same. */
const carried_out_within_ms = 20_000;
const notYet: readonly OperationState[] = ['proposed', 'approved'];

export async function change(context: Context, planOf: PlanOf, request: ChangeRequest): Promise<ChangeOutcome> {
  const input_digest = context.seal.fingerprint(canonicalJson(request.input));
  const replayed = request.dry_run ? null : await replay(context, request, input_digest);
  if (replayed) return replayed;
  const facts: Facts = { ...request.facts };
  const asked = { operation: request.operation, actor: request.actor, input: request.input, facts };
  const made = await makePlan(context, planOf, asked);
  const { planned, plan } = made;
  if (request.plan_hash !== undefined && request.plan_hash !== plan.hash) {
    throw new AppError('Conflict', 'The plan is no longer the one that was shown: something changed in between.', {
      field: 'plan_hash',
      hint: 'Look at the new plan (a dry run), and repeat with its hash.',
    });
  }
  const now = context.clock.now();
  const row = newRow(request, made, { now, input_digest });
  if (request.dry_run)
    return { operation: { ...(await operationView(context, row)), id: null, state: 'planned' }, result: null };
  if (planned.changes.length === 0 && !planned.always) {
    Object.assign(row, { state: 'succeeded', message: 'Nothing to change.', finished_at: now });
  } else {
    await refuseTooMany(context, request.actor);
    row.proposal_sealed = context.seal.seal(`operation/${row.id}`, JSON.stringify({ input: request.input, facts }));
  }
  try {
    const recorded = auditOperation(context.store, 'operation.proposed', row, now);
    await batchOrConflict(
      context.store,
      [insertOperation(context.store, row), ...(row.state === 'proposed' ? [recorded] : [])],
      'Something else changed at the same moment; nothing was done.',
    );
  } catch (error) {
    // Two requests with one key at the same moment: the second gives the first one's answer.
    const first =
      error instanceof AppError && error.code === 'Conflict' ? await replay(context, request, input_digest) : null;
    if (first) return first;
    throw error;
  }
  context.signals.notify('operations');
  if (row.state === 'proposed') await decide(context, row, made, request.proof ?? null);
  return outcomeOf(context, row.id);
}

/** Each of them holds its input and is asked about every few seconds; nobody is to fill the places of all. */
async function refuseTooMany({ store }: Context, actor: Actor): Promise<void> {
  const { all, own } = await countUndecided(store, actor.id);
  if (all < undecided_max && own < undecided_of_actor_max) return;
  const whose = own < undecided_of_actor_max ? `${all} operations` : `${own} operations of ${actor.name}`;
  throw new AppError('RateLimited', `${whose} wait for a decision already.`, {
    hint: 'Have some of them approved, rejected or cancelled: mainstay ops list --state waiting',
  });
}

function newRow(
  request: ChangeRequest,
  { planned, plan, body }: Awaited<ReturnType<typeof makePlan>>,
  { now, input_digest }: { now: number; input_digest: string },
): OperationRow {
  return {
    id: newId('operation', now),
    project_id: 'default',
    operation: request.operation,
    idempotency_key: request.idempotency_key ?? null,
    actor_id: request.actor.id,
    actor: JSON.stringify(request.actor),
    input_digest,
    plan: JSON.stringify(plan),
    plan_body: JSON.stringify(body),
    proposal_sealed: null,
    state: 'proposed',
    stack_id: planned.stack?.id ?? null,
    stack: planned.stack?.name ?? planned.about_stack ?? null,
    version: null,
    targets: '[]',
    requirement: null,
    approvals: '[]',
    policy: null,
    grant_jws: null,
    run_id: null,
    result: null,
    result_sealed: null,
    error_code: null,
    error_field: null,
    message: null,
    hint: null,
    created_at: now,
    finished_at: null,
  };
}

/** How it stands once it is carried out, denied, or waits for people. Throws what it failed with before anything was done. */
async function outcomeOf(context: Context, id: string): Promise<ChangeOutcome> {
  const until = context.clock.now() + carried_out_within_ms;
  for (;;) {
    const woken = context.signals.wait([`operation:${id}`], until - context.clock.now(), context.signals.ended);
    const row = await findOperation(context.store, id);
    if (!notYet.includes(row.state as OperationState) || row.message !== null) {
      throwItsError(row);
      return { operation: await operationView(context, row), result: await takeResult(context, row) };
    }
    if (!(await woken)) return { operation: await operationView(context, row), result: null };
  }
}

async function replay(context: Context, request: ChangeRequest, input_digest: string): Promise<ChangeOutcome | null> {
  if (request.idempotency_key === undefined) return null;
  const row = await findByIdempotencyKey(context.store, request.actor.id, request.operation, request.idempotency_key);
  if (!row) return null;
  if (row.input_digest !== input_digest) {
    throw new AppError('Conflict', 'This idempotency key was used before, with another input.', {
      field: 'idempotency_key',
      hint: 'Use a new key for a new request.',
    });
  }
  throwItsError(row);
  return {
    operation: await operationView(context, row),
    result: row.result === null ? null : JSON.parse(row.result),
  };
}

/** What an operation failed with before it did anything is the answer to whoever asked for it. */
export function throwItsError(row: OperationRow): void {
  if (row.error_code === null) return;
  throw new AppError(row.error_code as ErrorCode, row.message ?? 'It failed.', {
    ...(row.hint === null ? {} : { hint: row.hint }),
    ...(row.error_field === null ? {} : { field: row.error_field }),
  });
}
