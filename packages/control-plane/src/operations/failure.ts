/** The end of an operation that came to nothing before it changed anything: what it says is what went wrong. */
import { AppError } from '@mainstay/contract/errors';
import type { Actor } from '@mainstay/contract/operation';
import type { Context } from '../context.ts';
import { insertEvent } from '../events/event-store.ts';
import type { Statement } from '../store/store.ts';
import { type OperationRow, updateOperation } from './operation-store.ts';
import { auditOperation } from './records.ts';

/** An error as it may be told; a fault of our own tells nothing of its inside. */
export function toldError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  return new AppError('Internal', 'Mainstay failed to do this; that is a fault of its own.');
}

export function failureStatements(
  context: Context,
  row: OperationRow,
  error: AppError,
  kind: 'operation.failed' | 'operation.refused' = 'operation.failed',
): Statement[] {
  const { store, clock } = context;
  const now = clock.now();
  const { summary } = JSON.parse(row.plan) as { summary: string };
  const { name } = JSON.parse(row.actor) as Actor;
  const set = {
    state: 'failed',
    error_code: error.code,
    error_field: error.field ?? null,
    message: error.message,
    hint: error.hint ?? null,
    proposal_sealed: null,
    finished_at: now,
  } as const;
  return [
    updateOperation(store, row.id, ['proposed', 'waiting', 'approved'], set),
    insertEvent(store, {
      kind: 'operation.failed',
      severity: 'error',
      message: `Failed: ${summary}\n${error.message}`.slice(0, 4_000),
      at: now,
      actor: name,
      stack: row.stack,
      operation_id: row.id,
    }),
    auditOperation(store, kind, row, now, { data: { code: error.code, message: error.message } }),
  ];
}
