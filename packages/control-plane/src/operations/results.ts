/**
 * What an operation gives back. One-time secrets among it are sealed until its proposer has taken them, once: by the answer to the
 * request where somebody waits for it, else later. What is kept for good holds none.
 */
import { AppError } from '@mainstay/contract/errors';
import type { Actor } from '@mainstay/contract/operation';
import type { Context } from '../context.ts';
import { BatchConflict, type Store } from '../store/store.ts';
import { findOperation, type OperationRow } from './operation-store.ts';
import type { CarriedOut } from './planned.ts';

/** A result that nobody took is forgotten after this long. */
const taken_within_ms = 24 * 3_600_000;

export function resultColumns({ seal }: Context, id: string, { result, kept_result }: CarriedOut) {
  const kept = kept_result ?? result ?? null;
  const isSecret = kept_result !== undefined && result !== undefined;
  return {
    result: kept === null ? null : JSON.stringify(kept),
    result_sealed: isSecret ? seal.seal(`result/${id}`, JSON.stringify(result)) : null,
  };
}

/** The whole result, which is then forgotten; what is kept of it when it was taken before. */
export async function takeResult(context: Context, row: OperationRow): Promise<unknown> {
  const kept = row.result === null ? null : JSON.parse(row.result);
  if (row.result_sealed === null) return kept;
  const { store, seal } = context;
  const query = store.db
    .updateTable('operations')
    .set({ result_sealed: null })
    .where('id', '=', row.id)
    .where('result_sealed', 'is not', null);
  try {
    await store.batch([{ query, rows: 1 }]);
  } catch (error) {
    if (error instanceof BatchConflict) return kept;
    throw error;
  }
  return JSON.parse(seal.open(`result/${row.id}`, row.result_sealed));
}

/** The result of an operation that had to wait for people; for its proposer alone. */
export async function collectResult(context: Context, id: string, actor: Actor): Promise<unknown> {
  const row = await findOperation(context.store, id);
  if (row.actor_id !== actor.id) {
    throw new AppError('Forbidden', `Operation ${id} was proposed by somebody else.`, { field: 'id' });
  }
  return takeResult(context, row);
}

export async function pruneResults(store: Store, now: number): Promise<void> {
  await store.db
    .updateTable('operations')
    .set({ result_sealed: null })
    .where('result_sealed', 'is not', null)
    .where('finished_at', '<', now - taken_within_ms)
    .execute();
}
