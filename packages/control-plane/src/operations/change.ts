/**
 * The one path of a change: plan → idempotency → decision and signature of the keeper → one atomic write of the change, its
 * operation and its events. Nouns say only what their plan is and which statements carry it out.
 *
 *   plan ──▶ (dry run: shown, nothing written)
 *     │
 *     ▼
 *   keeper ──▶ denied (written, with its reason)
 *     │
 *     ▼
 *   one batch: change + operation + events ──▶ succeeded, or running until the servers' receipts settle it
 */

import { canonicalJson } from '@mainstay/contract/canonical';
import type { DesiredState } from '@mainstay/contract/desired-state';
import { AppError } from '@mainstay/contract/errors';
import type { GrantedAction } from '@mainstay/contract/grant';
import { newId } from '@mainstay/contract/ids';
import { contentDigest, type PlanBody, planHash } from '@mainstay/contract/keeper-api';
import type { Actor, OperationTarget, OperationView, Plan, PlanChange } from '@mainstay/contract/operation';
import type { Context } from '../context.ts';
import { insertEvent, type NewEvent } from '../events/event-store.ts';
import { batchOrConflict, isUniqueViolation, type Statement } from '../store/store.ts';
import { findByIdempotencyKey, insertOperation, type OperationRow } from './operation-store.ts';
import { operationView } from './settlement.ts';

/** What a noun plans: nothing is written while it is made. */
export type Planned = {
  summary: string;
  /** What changes, such as `stack/shop`. */
  target: string;
  /** What it was planned against: a version or a revision. */
  base: number;
  changes: PlanChange[];
  warnings?: string[];
  action: GrantedAction;
  document?: DesiredState;
  /** The desired state that it was planned against, and the grant that allowed it. */
  basis?: { document: DesiredState; grant: string };
  /** Server ids. */
  targets?: string[];
  stack?: { id: string; name: string; version: number };
  /** Runs until the servers have reported, instead of being done when it is written. */
  settled_by_receipts?: boolean;
  /** An empty plan is carried out all the same, as with what only hands out something new. */
  always?: boolean;
  carryOut(approved: Approved): Promise<CarriedOut> | CarriedOut;
};

export type Approved = { operation_id: string; grant: string; now: number; actor: Actor };

export type CarriedOut = {
  statements: Statement[];
  /** Given back to the caller; may hold one-time secrets. */
  result?: unknown;
  /** The same without secrets: kept, and given when the request is repeated. */
  kept_result?: unknown;
  events?: Omit<NewEvent, 'at' | 'actor' | 'operation_id'>[];
  /** Topics to be woken after the write. */
  signals?: string[];
};

export type ChangeRequest = {
  operation: string;
  actor: Actor;
  /** Validated input without the three fields of every change. */
  input: Record<string, unknown>;
  dry_run: boolean;
  plan_hash: string | undefined;
  idempotency_key: string | undefined;
  plan: () => Promise<Planned>;
};

export type ChangeOutcome = { operation: OperationView; result: unknown };

export async function change(context: Context, request: ChangeRequest): Promise<ChangeOutcome> {
  const { clock, keeper, seal } = context;
  const input_digest = seal.fingerprint(canonicalJson(request.input));
  const replayed = request.dry_run ? null : await replay(context, request, input_digest);
  if (replayed) return replayed;

  const planned = await request.plan();
  const body: PlanBody = {
    operation: request.operation,
    target: planned.target,
    base: planned.base,
    changes: planned.changes,
    content_sha256: planned.document ? await contentDigest(planned.document) : null,
  };
  const plan: Plan = {
    summary: planned.summary,
    changes: planned.changes,
    warnings: planned.warnings ?? [],
    hash: await planHash(body),
  };
  if (request.plan_hash !== undefined && request.plan_hash !== plan.hash) {
    throw new AppError('Conflict', 'The plan is no longer the one that was shown: something changed in between.', {
      field: 'plan_hash',
      hint: 'Look at the new plan (a dry run), and repeat with its hash.',
    });
  }
  const now = clock.now();
  const view: OperationView = {
    id: null,
    operation: request.operation,
    state: 'planned',
    actor: request.actor,
    plan,
    stack: planned.stack?.name ?? null,
    version: null,
    targets: [],
    message: null,
    hint: null,
    created_at: now,
    finished_at: null,
  };
  if (request.dry_run) return { operation: view, result: null };

  const operation_id = newId('operation', now);
  const row: OperationRow = {
    id: operation_id,
    project_id: 'default',
    operation: request.operation,
    idempotency_key: request.idempotency_key ?? null,
    actor_id: request.actor.id,
    actor: JSON.stringify(request.actor),
    input_digest,
    plan: JSON.stringify(plan),
    state: 'succeeded',
    stack_id: planned.stack?.id ?? null,
    stack: planned.stack?.name ?? null,
    version: null,
    targets: JSON.stringify([] satisfies OperationTarget[]),
    grant_jws: null,
    result: null,
    message: null,
    hint: null,
    created_at: now,
    finished_at: now,
  };
  const idle = planned.changes.length === 0 && !planned.always;
  if (idle) {
    row.message = 'Nothing to change.';
    return write(context, request, row, { statements: [] }, input_digest);
  }

  const decision = await keeper.decide({
    operation_id,
    actor: request.actor,
    plan: body,
    action: planned.action,
    document: planned.document ?? null,
    basis: planned.basis ?? null,
    targets: grantTargets(planned.targets),
  });
  if (decision.decision === 'denied') {
    row.state = 'denied';
    row.message = decision.reason;
    row.hint = decision.hint;
    const message = `${request.actor.name} was denied ${request.operation}: ${decision.reason}`;
    const events = [{ kind: 'operation.denied', severity: 'warning', message, stack: row.stack }] as const;
    return write(context, request, row, { statements: [], events: [...events] }, input_digest);
  }
  row.grant_jws = decision.grant;
  if (planned.document) row.version = planned.document.version;
  if (planned.settled_by_receipts) {
    row.state = 'running';
    row.finished_at = null;
    row.targets = JSON.stringify(planned.targets ?? []);
  }
  const carried = await planned.carryOut({ operation_id, grant: decision.grant, now, actor: request.actor });
  const kind = planned.settled_by_receipts ? 'operation.started' : 'operation.succeeded';
  const own = { kind, message: planned.summary, stack: row.stack } as const;
  return write(context, request, row, { ...carried, events: [own, ...(carried.events ?? [])] }, input_digest);
}

/** A grant that named a thousand servers would go to each of them; beyond a few, each gets one of its own when it asks. */
const grant_targets_max = 50;

function grantTargets(targets: string[] | undefined): string[] {
  return targets && targets.length <= grant_targets_max ? targets : ['control-plane'];
}

async function write(
  context: Context,
  request: ChangeRequest,
  row: OperationRow,
  carried: CarriedOut,
  input_digest: string,
): Promise<ChangeOutcome> {
  const { store } = context;
  const kept = carried.kept_result ?? carried.result ?? null;
  row.result = kept === null ? null : JSON.stringify(kept);
  const events = (carried.events ?? []).map((event) =>
    insertEvent(store, { ...event, at: row.created_at, actor: request.actor.name, operation_id: row.id }),
  );
  try {
    await batchOrConflict(
      store,
      [insertOperation(store, row), ...carried.statements, ...events],
      'Something else changed at the same moment; nothing was done.',
    );
  } catch (error) {
    // Two requests with one key at the same moment: the second gives the first one's answer.
    const first =
      error instanceof AppError && error.code === 'Conflict' ? await replay(context, request, input_digest) : null;
    if (first) return first;
    if (isUniqueViolation(error))
      throw new AppError('Conflict', 'Something else changed at the same moment; nothing was done.');
    throw error;
  }
  context.signals.notify('operations', ...(events.length > 0 ? ['events'] : []), ...(carried.signals ?? []));
  return { operation: await operationView(context, row), result: carried.result ?? null };
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
  return {
    operation: await operationView(context, row),
    result: row.result === null ? null : JSON.parse(row.result),
  };
}
