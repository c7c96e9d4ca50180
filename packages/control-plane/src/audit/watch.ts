/**
 * The audit trail watches itself: it walks the chain again and again, a little at a time, holds the keeper's ledger against it, and looks
 * at the mirror, its remotes, and what the keeper itself warns of. What is wrong becomes an alert; nothing is mended here. That other policies
 * are in force is noted on the way.
 */
import type { AuditAnchor, ChainHead } from '@mainstay/contract/audit';
import type { Context } from '../context.ts';
import { type Alert, tellAlerts } from './alerts.ts';
import { isAway } from './ledger-heads.ts';
import { notePolicies } from './policy-changes.ts';
import type { AuditParts } from './start-audit.ts';
import { verifyStore } from './verify.ts';

export type WatchTimes = {
  /** Milliseconds that a part of the walk takes at most, and between two parts. */
  walk_ms: number;
  walk_apart_ms: number;
  /** Between the end of a walk and the next. */
  walks_apart_ms: number;
  /** A mirror that stands still, or a remote that takes nothing, for this long is told. */
  mirror_fails_ms: number;
  remote_fails_ms: number;
};

export const defaultWatchTimes: WatchTimes = {
  walk_ms: 250,
  walk_apart_ms: 30_000,
  walks_apart_ms: 600_000,
  mirror_fails_ms: 30_000,
  remote_fails_ms: 600_000,
};

type WatchContext = Pick<Context, 'store' | 'clock' | 'signals' | 'keeper'>;

/** Gives the function that looks at all of it once. It may be called as often as one likes, one call after another. */
export function createWatch(
  context: WatchContext,
  parts: AuditParts,
  times: WatchTimes = defaultWatchTimes,
): () => Promise<void> {
  const { store, clock, keeper } = context;
  const failing_since = new Map<string, number>();
  let walk: { after: ChainHead | null; anchors: AuditAnchor[]; alerts: Alert[] } | null = null;
  let walk_at = Number.NEGATIVE_INFINITY;
  /** What the walks found: of the newest whole one, and of the present one as soon as it finds anything. Null before the first. */
  let chain: Alert[] | null = null;

  async function walkOn(): Promise<void> {
    const now = clock.now();
    if (now < walk_at) return;
    walk ??= { after: null, anchors: (await parts.anchors()).anchors, alerts: [] };
    const { after, anchors } = walk;
    const report = await verifyStore(store, { after, anchors, now_ms: now, time_ms: times.walk_ms });
    walk_at = now + (report.complete ? times.walks_apart_ms : times.walk_apart_ms);
    if (!report.ok && walk.alerts.length === 0) {
      const what = report.problems[0]?.message ?? '';
      const message = `The audit chain is broken. ${what} Run: mainstay audit verify`;
      walk.alerts.push({ kind: 'audit.alert', target: 'audit', message });
    }
    if (report.complete || walk.alerts.length > 0) chain = walk.alerts;
    walk = report.complete ? null : { ...walk, after: report.head };
  }

  /** The alert, when what is told has gone on for so long. */
  const lasting = (alert: Alert, for_ms: number): Alert[] => {
    const since = failing_since.get(alert.target) ?? clock.now();
    failing_since.set(alert.target, since);
    return clock.now() - since >= for_ms ? [alert] : [];
  };
  const mirrorAlerts = (): Alert[] => {
    const problems = [
      { target: 'audit-mirror', problem: parts.mirror()?.problem ?? null, for_ms: times.mirror_fails_ms },
      ...parts.remotes().map(({ url, problem }) => ({
        ...{ target: `audit-mirror/${url}`.slice(0, 500), problem, for_ms: times.remote_fails_ms },
      })),
    ];
    return problems.flatMap(({ target, problem, for_ms }) => {
      if (problem === null) failing_since.delete(target);
      const what =
        target === 'audit-mirror' ? 'stands still' : `is not pushed to ${target.slice('audit-mirror/'.length)}`;
      return problem === null
        ? []
        : lasting({ kind: 'mirror.alert', target, message: `The audit mirror ${what}: ${problem}` }, for_ms);
    });
  };
  /** Null while the keeper is away. */
  const keeperAlerts = async (): Promise<Alert[] | null> => {
    try {
      const ledger = await parts.ledgerProblem();
      await notePolicies(context);
      const own = (await keeper.alerts()).map(({ kind, message, hint }): Alert => {
        const about = kind === 'policy_broken' ? 'policy.alert' : 'audit.alert';
        return { kind: about, target: `keeper/${kind}`, message: `${message} ${hint}` };
      });
      if (ledger === null) return own;
      return [...own, { kind: 'audit.alert', target: 'keeper/ledger', message: ledger.message }];
    } catch (error) {
      if (isAway(error)) return null;
      throw error;
    }
  };

  return async () => {
    await walkOn();
    const of_keeper = await keeperAlerts();
    await tellAlerts(context, [...mirrorAlerts(), ...(chain ?? []), ...(of_keeper ?? [])], ({ kind, target }) => {
      if (target.startsWith('keeper/')) return of_keeper !== null;
      return kind === 'mirror.alert' || chain !== null;
    });
  };
}
