/** Verification of the chain in the store: in pages, for a bounded time, against all anchors that there are. */
import type { AuditAnchor, ChainHead } from '@mainstay/contract/audit';
import { type ChainReport, verifyChain } from '@mainstay/contract/audit-verify';
import type { Store } from '../store/store.ts';
import { chainOf, linksOf, newestPruning } from './audit-store.ts';
import { sha256 } from './chainer.ts';

export type VerifyStoreOptions = {
  anchors: readonly AuditAnchor[];
  now_ms: number;
  after?: ChainHead | null;
  /** Milliseconds after which it stops where it is; without it, it goes to the end. */
  time_ms?: number;
  signal?: AbortSignal;
};

export async function verifyStore(store: Store, options: VerifyStoreOptions): Promise<ChainReport> {
  const { genesis } = await chainOf(store);
  const began = performance.now();
  const { after = null, anchors, now_ms, time_ms = Number.POSITIVE_INFINITY, signal } = options;
  return verifyChain(linksOf(store, after?.seq ?? null), {
    genesis,
    after,
    anchors,
    pruned: () => newestPruning(store),
    now_ms,
    isOver: () => signal?.aborted === true || performance.now() - began > time_ms,
    digest: sha256,
  });
}
