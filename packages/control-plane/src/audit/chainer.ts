/**
 * The chainer numbers entries in the order in which they were written, and gives each its hash.
 *
 * Entries are written without a number, together with their cause, so that no change waits for another's hash. A round
 * takes what is not chained yet and writes numbers and hashes in one batch, whole or not at all: a chainer that is killed
 * leaves entries that wait, and nothing else. The number is unique and an entry is chained only where it has none, so that of
 * two chainers one fails and looks again.
 */
import { createHash } from 'node:crypto';
import { type ChainHead, chainText } from '@mainstay/contract/audit';
import { createRounds } from '../rounds.ts';
import { BatchConflict, isUniqueViolation, type Statement, type Store } from '../store/store.ts';
import { chainHead, chainOf } from './audit-store.ts';

const entries_per_batch = 500;
const batches_per_round_max = 20;
/** Other chainers that may come first before a round gives up. */
const attempts_max = 20;
/** Milliseconds between two rounds, at least. */
const apart_ms = 50;

export type Chainer = {
  /** Chains what waits; settles when what was written before the call is chained. */
  next(): Promise<void>;
  stop(): Promise<void>;
};

export function createChainer(store: Store, onChained: (head: ChainHead) => void = () => {}): Chainer {
  const rounds = createRounds(async () => {
    for (let batch = 0; batch < batches_per_round_max; batch += 1) {
      const head = await chainBatch(store);
      if (head === null) return;
      onChained(head);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }, apart_ms);
  return rounds;
}

/** Chains one batch of entries. Gives the head that it made; null when nothing waited. */
export async function chainBatch(store: Store, limit: number = entries_per_batch): Promise<ChainHead | null> {
  const { genesis } = await chainOf(store);
  for (let attempt = 0; attempt < attempts_max; attempt += 1) {
    const waiting = await store.db
      .selectFrom('audit_entries')
      .select(['position', 'body'])
      .where('seq', 'is', null)
      .orderBy('position')
      .limit(limit)
      .execute();
    if (waiting.length === 0) return null;
    let { seq, hash } = (await chainHead(store)) ?? { seq: 0, hash: genesis };
    const statements: Statement[] = [];
    for (const { position, body } of waiting) {
      const prev = hash;
      seq += 1;
      hash = sha256(chainText(seq, prev, body));
      statements.push({
        query: store.db
          .updateTable('audit_entries')
          .set({ seq, prev, hash })
          .where('position', '=', position)
          .where('seq', 'is', null),
        rows: 1,
      });
    }
    try {
      await store.batch(statements);
      return { seq, hash };
    } catch (error) {
      if (!(error instanceof BatchConflict) && !isUniqueViolation(error)) throw error;
    }
  }
  throw new Error(`Another chainer came first ${attempts_max} times.`);
}

/** Lower-case hexadecimal SHA-256, at once. */
export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
