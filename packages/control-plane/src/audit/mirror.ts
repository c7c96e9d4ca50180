/**
 * The audit mirror copies the chain, entry by entry and in its order, into a Git repository of signed commits. It reads the
 * chain itself, from where its newest commit ends, and so needs no cursor and skips what it has by itself (ADR 0018). It
 * signs only what fits: an entry whose hash is wrong, or a chain that does not follow what was mirrored, stops it.
 */
import { chainText, type ExportHeader } from '@mainstay/contract/audit';
import { canonicalJson } from '@mainstay/contract/canonical';
import { AppError } from '@mainstay/contract/errors';
import type { KeeperApi } from '@mainstay/contract/keeper-api';
import type { Clock, Exec, Logger } from '@mainstay/runtime';
import { createRounds } from '../rounds.ts';
import type { Store } from '../store/store.ts';
import { auditEntry } from './audit-entry.ts';
import { type ChainedRow, chainedAfter, chainHead, chainOf, newestPruning } from './audit-store.ts';
import { sha256 } from './chainer.ts';
import { type MirrorRepository, type MirrorTip, openMirrorRepository } from './mirror-repository.ts';

export type MirrorOptions = {
  store: Store;
  clock: Clock;
  log: Logger;
  exec: Exec;
  keeper: Pick<KeeperApi, 'anchor'> | null;
  /** Folder of the mirror, made where it is not. */
  folder: string;
  /** Called after commits. */
  onCommit?: (repository: MirrorRepository, tip: MirrorTip) => void;
  /** Milliseconds between two rounds, at least. */
  apart_ms?: number;
  /** Milliseconds between two `mirror.anchored` entries, at least. */
  anchored_apart_ms?: number;
  /** Entries in one commit, at most. */
  entries_per_commit?: number;
};

export type Mirror = {
  /** Asks for what was chained to be mirrored. */
  next(): Promise<void>;
  status(): { tip: MirrorTip | null; problem: string | null };
  stop(): Promise<void>;
};

const entries_per_commit_max = 1_000;
const characters_per_commit_max = 1024 * 1024;
const commits_per_round_max = 20;
const commits_per_pack = 500;

export function createMirror(options: MirrorOptions): Mirror {
  const { store, clock, log, keeper } = options;
  let repository: MirrorRepository | null = null;
  let tip: MirrorTip | null = null;
  let isTipKnown = false;
  let problem: string | null = null;
  let commits = 0;
  let anchored_at = Number.NEGATIVE_INFINITY;
  /** Commits since the last anchoring brought something else than the word of an anchoring. */
  let isWorthAnchoring = false;

  async function commitNext(from: MirrorRepository): Promise<boolean> {
    if (!isTipKnown) tip = await from.tip();
    isTipKnown = true;
    const rows = bounded(
      await chainedAfter(store, tip?.seq ?? 0, options.entries_per_commit ?? entries_per_commit_max),
    );
    if (rows.length === 0) {
      const head = await chainHead(store);
      if (tip !== null && (head?.seq ?? 0) < tip.seq)
        throw broken(`it ends at number ${head?.seq ?? 0}, and the mirror has number ${tip.seq}`);
      return false;
    }
    const { installation_id, genesis } = await chainOf(store);
    await check(store, rows, tip ?? { seq: 0, hash: genesis });
    const header: ExportHeader = { mainstay_audit: 1, installation_id, genesis, whole: true, anchors: [] };
    isTipKnown = false;
    tip = await from.append(tip, rows, `${canonicalJson(header)}\n`, clock.now());
    isTipKnown = true;
    isWorthAnchoring ||= rows.some(({ body }) => !/"kind":"mirror\.anchored"/.test(body));
    commits += 1;
    if (commits % commits_per_pack === 0) await from.pack();
    return true;
  }

  /** Says in the chain how far the mirror is. The entry is mirrored, too, and that is not said again. */
  async function anchorTip(): Promise<void> {
    const due = anchored_at + (options.anchored_apart_ms ?? 600_000) <= clock.now();
    if (tip === null || !isWorthAnchoring || !due) return;
    const { seq, hash, commit } = tip;
    await store.batch([
      auditEntry(store, {
        kind: 'mirror.anchored',
        at: clock.now(),
        actor: { kind: 'system', id: 'audit-mirror', name: 'audit mirror', role: null, proof: 'none' },
        target: 'audit-mirror',
        outcome: 'succeeded',
        data: { commit, seq, hash },
      }),
    ]);
    anchored_at = clock.now();
    isWorthAnchoring = false;
    await keeper?.anchor({ kind: 'mirror', seq, hash: commit });
  }

  const rounds = createRounds(async () => {
    try {
      // As long as there is nothing to be mirrored, there is no mirror.
      if (repository === null && (await chainHead(store)) === null) return;
      repository ??= await openMirrorRepository(options.folder, options.exec);
      let done = 0;
      while (done < commits_per_round_max && (await commitNext(repository))) done += 1;
      if (tip !== null) options.onCommit?.(repository, tip);
      await anchorTip();
      if (problem !== null) log.info('the audit mirror goes on');
      problem = null;
      if (done === commits_per_round_max) void rounds.next().catch(() => {});
    } catch (error) {
      isTipKnown = false;
      const text = error instanceof Error ? error.message : String(error);
      if (text !== problem) log.error({ err: error }, 'the audit mirror stands still');
      problem = text;
    }
  }, options.apart_ms ?? 1_000);

  return {
    next: () => rounds.next(),
    status: () => ({ tip, problem }),
    stop: () => rounds.stop(),
  };
}

/** As many entries as fit into one commit; one at least. */
function bounded(rows: ChainedRow[]): ChainedRow[] {
  let size = 0;
  const end = rows.findIndex(({ body }, at) => {
    size += body.length;
    return at > 0 && size > characters_per_commit_max;
  });
  return end < 0 ? rows : rows.slice(0, end);
}

/** @throws AppError Conflict when the entries do not fit themselves, each other, or what they follow. */
async function check(store: Store, rows: readonly ChainedRow[], before: { seq: number; hash: string }): Promise<void> {
  let { seq, hash } = before;
  const first = rows[0]!;
  if (first.seq !== seq + 1) {
    const pruned = await newestPruning(store);
    if (pruned?.through_seq !== first.seq - 1) throw broken(`entries ${seq + 1} to ${first.seq - 1} are missing`);
    seq = pruned.through_seq;
    hash = pruned.through_hash;
  }
  for (const row of rows) {
    if (row.seq !== seq + 1) throw broken(`entries ${seq + 1} to ${row.seq - 1} are missing`);
    if (row.prev !== hash) throw broken(`number ${row.seq} does not follow number ${seq}`);
    if (sha256(chainText(row.seq, row.prev, row.body)) !== row.hash) throw broken(`number ${row.seq} was edited`);
    seq = row.seq;
    hash = row.hash;
  }
}

function broken(what: string): AppError {
  return new AppError('Conflict', `The audit chain in the database is not what is to be mirrored: ${what}.`, {
    hint: 'Run `mainstay audit verify`. What was mirrored before is whole.',
  });
}
