/**
 * Anchors: places of the chain noted where the database cannot reach, so that an end which was cut off, or a history which
 * was hashed again, is found out. The keeper notes one soon after the chain has grown; the mirror's newest commit is another.
 */
import type { AuditAnchor, ChainHead } from '@mainstay/contract/audit';
import type { KeeperApi } from '@mainstay/contract/keeper-api';
import type { Clock, Logger } from '@mainstay/runtime';
import { createRounds } from '../rounds.ts';

/** Where anchors are kept. */
export type Anchors = {
  /** Notes a place. Noting one twice does nothing. */
  record(head: ChainHead): Promise<void>;
  /** What was noted, the newest last; bounded by whoever keeps them. */
  list(): Promise<AuditAnchor[]>;
};

const anchors_read_max = 1_000;

/** Anchors that the keeper signs, and keeps in its own ledger. */
export function keeperAnchors(keeper: Pick<KeeperApi, 'anchor' | 'anchors'>): Anchors {
  return {
    async record({ seq, hash }) {
      await keeper.anchor({ kind: 'audit', seq, hash });
    },
    async list() {
      const noted = await keeper.anchors({ kind: 'audit', limit: anchors_read_max });
      return noted.reverse().map(({ seq, hash, at, jws }) => ({ seq, hash, at, jws, source: 'keeper' as const }));
    },
  };
}

/** Milliseconds between two anchors, at least: what is cut off within them is known by the mirror only. */
export const anchor_apart_ms = 5_000;

export type Anchorer = {
  /** Tells of a new head, which is noted soon. */
  tell(head: ChainHead): void;
  /** Notes what was told and not noted yet, and ends. */
  stop(): Promise<void>;
};

export function createAnchorer(
  anchors: Anchors,
  { log, clock, apart_ms = anchor_apart_ms }: { log: Logger; clock: Clock; apart_ms?: number },
): Anchorer {
  let told: ChainHead | null = null;
  let noted: ChainHead | null = null;
  let fails = false;
  const ended = new AbortController();
  const note = async () => {
    const head = told;
    if (head === null || head.hash === noted?.hash) return;
    try {
      await anchors.record(head);
      noted = head;
      fails = false;
    } catch (error) {
      // The next head is tried in any case; one line is enough for as long as the keeper is away.
      if (!fails) log.warn({ err: error }, 'the head of the audit chain could not be noted with the keeper');
      fails = true;
      await clock.sleep(apart_ms, ended.signal);
      if (!ended.signal.aborted) void rounds.next().catch(() => {});
    }
  };
  const rounds = createRounds(note, apart_ms);
  return {
    tell(head) {
      told = head;
      void rounds.next().catch(() => {});
    },
    async stop() {
      ended.abort();
      await rounds.stop();
      await note();
    },
  };
}
