/**
 * The audit trail as it runs: the chainer, the anchors with the keeper, the mirror and its remotes, and what of them the
 * operations show. It takes no part in any change: whoever writes one puts `auditEntry` into the batch, and that is all.
 */
import { join } from 'node:path';
import type { AuditAnchor } from '@mainstay/contract/audit';
import type { AuditProblem } from '@mainstay/contract/audit-verify';
import { AppError } from '@mainstay/contract/errors';
import { type Exec, systemExec } from '@mainstay/runtime';
import type { Context } from '../context.ts';
import type { Handler } from '../operations/handlers.ts';
import { createAnchorer, keeperAnchors } from './anchors.ts';
import { createAuditHandlers } from './audit-operations.ts';
import { chainHead } from './audit-store.ts';
import { createChainer } from './chainer.ts';
import { checkLedger, createLedgerHeads } from './ledger-heads.ts';
import { createMirror, type Mirror } from './mirror.ts';
import { createPusher, type Pusher, type PushStatus } from './mirror-push.ts';
import { type MirrorSettings, readMirrorSettings } from './mirror-settings.ts';
import { type AuditRetention, pruneAudit } from './retention.ts';
import { createWatch, type WatchTimes } from './watch.ts';

/** What operations and downloads take from the running parts. */
export type AuditParts = {
  /** Every place of the chain that was noted elsewhere, oldest first of each source; the mirror's alone while the keeper is away. */
  anchors(): Promise<{ anchors: AuditAnchor[]; keeper_reached: boolean }>;
  /** Settles when what was written before the call is chained. */
  chained(): Promise<void>;
  mirror(): ReturnType<Mirror['status']> | null;
  remotes(): PushStatus[];
  /** What the keeper's ledger lacks of what the chain says of it. @throws AppError Unavailable while the keeper is away. */
  ledgerProblem(): Promise<AuditProblem | null>;
};

export type AuditOptions = {
  context: Pick<Context, 'store' | 'clock' | 'log' | 'keeper' | 'signals' | 'home'>;
  exec?: Exec;
  retention?: AuditRetention;
  watch_times?: WatchTimes;
  /** Milliseconds between two notes of the head of the keeper's ledger, at least. */
  ledger_noted_apart_ms?: number;
};

export type Audit = AuditParts & {
  handlers: Handler[];
  /** Looks whether chain, ledger, mirror and remotes are well, and raises alerts; for a reconciler. */
  watch(): Promise<void>;
  /** Removes what is too old or too much; for the reconciler of retention. */
  prune(): Promise<void>;
  stop(): Promise<void>;
};

/** How often it looks for entries that nobody told of. */
const look_every_ms = 1_000;
/** How often it looks for a new head of the keeper's ledger that no operation told of. */
const look_at_ledger_every_ms = 60_000;
/** Each removes some thousands of entries at most. */
const prunings_a_turn_max = 20;
/** Topics that are notified when something was written that may have an audit entry. */
const telling = /^(events|operations|access|servers|stacks)$/;

/** @throws AppError InvalidInput when `<home>/audit-mirror.yaml` is not acceptable. */
export function startAudit(options: AuditOptions): Audit {
  const { context, exec = systemExec, retention } = options;
  const { store, clock, log, keeper, signals, home } = context;
  const settings: MirrorSettings = readMirrorSettings(join(home, 'audit-mirror.yaml'));
  const noted = keeperAnchors(keeper);
  const anchorer = createAnchorer(noted, { log, clock });
  const pusher: Pusher | null = settings.enabled ? createPusher({ remotes: settings.remotes, clock, log, exec }) : null;
  const mirror: Mirror | null = settings.enabled
    ? createMirror({
        store,
        clock,
        log,
        exec,
        keeper,
        folder: join(home, 'audit-mirror'),
        onCommit: (repository, { commit }) => pusher?.tell(repository, commit),
      })
    : null;
  const chainer = createChainer(store, (head) => {
    anchorer.tell(head);
    void mirror?.next().catch(() => {});
  });
  let isFailing = false;
  const chain = () =>
    chainer.next().then(
      () => {
        isFailing = false;
      },
      (error: unknown) => {
        if (!isFailing && !isStopped) log.error({ err: error }, 'audit entries could not be chained');
        isFailing = true;
      },
    );
  let isStopped = false;
  const apart_ms = options.ledger_noted_apart_ms;
  const ledger_heads = createLedgerHeads({ ...context, ...(apart_ms === undefined ? {} : { apart_ms }) });
  const noteLedger = () => void ledger_heads.next().catch(() => {});
  const unlisten = signals.listen((topic) => {
    if (telling.test(topic)) void chain();
    if (topic === 'operations') noteLedger();
  });
  const timer = setInterval(() => void chain(), look_every_ms);
  const ledger_timer = setInterval(noteLedger, look_at_ledger_every_ms);
  // What an earlier process chained may not be anchored or mirrored yet.
  void chainHead(store)
    .then((head) => head && anchorer.tell(head))
    .catch(() => {});
  void mirror?.next().catch(() => {});
  void chain();

  const parts: AuditParts = {
    chained: () => chainer.next(),
    mirror: () => mirror?.status() ?? null,
    remotes: () => pusher?.status() ?? [],
    ledgerProblem: () => checkLedger(store, keeper),
    async anchors() {
      const tip = mirror?.status().tip ?? null;
      const mirrored = tip ? [{ seq: tip.seq, hash: tip.hash, at: tip.at, source: 'mirror' as const, jws: null }] : [];
      const kept = await noted.list().catch((error: unknown) => {
        if (error instanceof AppError && error.code === 'Unavailable') return null;
        throw error;
      });
      return { anchors: [...(kept ?? []), ...mirrored], keeper_reached: kept !== null };
    },
  };
  return {
    ...parts,
    handlers: createAuditHandlers(parts),
    watch: createWatch(context, parts, options.watch_times),
    async prune() {
      const mirrored_through = mirror ? (mirror.status().tip?.seq ?? 0) : null;
      const options = { mirrored_through, ...(retention ? { retention } : {}) };
      for (let write = 0; write < prunings_a_turn_max && (await pruneAudit(store, clock, options)) > 0; write += 1) {
        // Others are served in between.
        await new Promise((resolve) => setTimeout(resolve));
      }
    },
    async stop() {
      // What was written until now is chained and anchored; the mirror goes on with it at the next start.
      unlisten();
      clearInterval(timer);
      clearInterval(ledger_timer);
      await ledger_heads.stop();
      await chain();
      isStopped = true;
      await chainer.stop();
      await mirror?.stop();
      await pusher?.stop();
      await anchorer.stop();
    },
  };
}
