/** What an operation leaves on its way, in the same write as each step of it: audit entries, and the message that has it carried out. */

import type { Receipt } from '@mainstay/contract/agent-api';
import type { AuditKind, AuditOutcome } from '@mainstay/contract/audit';
import type { Actor, Plan } from '@mainstay/contract/operation';
import { auditEntry } from '../audit/audit-entry.ts';
import { pendingSubject } from '../bus/subjects.ts';
import type { Context } from '../context.ts';
import type { EndedStep } from '../orchestrator/outcomes.ts';
import type { Statement, Store } from '../store/store.ts';
import type { OperationRow } from './operation-store.ts';

/** The run of an operation: one, whoever starts it. */
export function runIdOf(operation_id: string): string {
  return operation_id.replace(/^op_/, 'run_');
}

export function operationIdOf(run_id: string): string {
  return run_id.replace(/^run_/, 'op_');
}

const outcomes: Partial<Record<AuditKind, AuditOutcome>> = {
  'operation.succeeded': 'succeeded',
  'operation.failed': 'failed',
  'operation.expired': 'failed',
  'operation.cancelled': 'failed',
  'operation.denied': 'refused',
  'operation.rejected': 'refused',
  'operation.refused': 'refused',
};

/** The audit entry of a step of an operation; of its proposer, unless somebody else took it. */
export function auditOperation(
  store: Store,
  kind: AuditKind,
  row: OperationRow,
  at: number,
  more: { actor?: Actor | undefined; data?: Record<string, unknown> } = {},
): Statement {
  const { summary, hash, changes } = JSON.parse(row.plan) as Plan;
  const { target } = JSON.parse(row.plan_body ?? '{}') as { target?: string };
  const proposed = kind === 'operation.proposed' ? { summary, changes } : {};
  return auditEntry(store, {
    kind,
    at,
    actor: more.actor ?? (JSON.parse(row.actor) as Actor),
    operation: row.operation,
    operation_id: row.id,
    run_id: row.run_id,
    target: target ?? null,
    plan_hash: hash,
    outcome: outcomes[kind] ?? null,
    data: { ...proposed, ...more.data },
  });
}

/** The audit entry of what one server made of an operation, by its receipt; without one, what became of it instead. */
export function auditReceipt(
  store: Store,
  row: OperationRow,
  told: { server: string; id: string; state: string; message: string | null; receipt?: Receipt },
  at: number,
): Statement {
  const { server, id, state, message, receipt } = told;
  const { version, sha256, started_at, finished_at } = receipt ?? {};
  return auditEntry(store, {
    kind: 'receipt',
    at,
    actor: receipt ? { kind: 'server', id, name: server, role: null, proof: 'none' } : null,
    operation: row.operation,
    operation_id: row.id,
    run_id: row.run_id,
    target: `server/${server}`,
    plan_hash: (JSON.parse(row.plan) as Plan).hash,
    outcome: state === 'succeeded' ? 'succeeded' : 'failed',
    data: { state, message, version, sha256, started_at, finished_at },
  });
}

/** The message that has an approved operation carried out. It names the operation; what is to be done stands in its row, signed. */
export function publishPending({ bus }: Context, row: OperationRow): Statement & { topic: string } {
  const { id, operation } = row;
  return bus.publishStatement({ subject: pendingSubject(operation), id, payload: { operation_id: id } });
}

/** Who steps and runs are told of by, where no person is. */
export const orchestratorActor: Actor = {
  kind: 'system',
  id: 'orchestrator',
  name: 'orchestrator',
  role: null,
  proof: 'none',
};

/** The audit entry of a step that ended: its receipt, in the same write. */
export function auditStep(
  store: Store,
  { run_id, step, phase, state, attempt, operation_id, error, at }: EndedStep,
): Statement {
  const kind = state !== 'succeeded' ? 'step.failed' : phase === 'undo' ? 'step.compensated' : 'step.succeeded';
  return auditEntry(store, {
    kind,
    at,
    actor: orchestratorActor,
    operation_id,
    run_id,
    target: `step/${step}`,
    outcome: state === 'succeeded' ? 'succeeded' : 'failed',
    data: { attempt, ...(error ? { code: error.code, message: error.message } : {}) },
  });
}
