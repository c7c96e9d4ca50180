/** What the operations on the audit trail do. */
import { AppError } from '@mainstay/contract/errors';
import { operations } from '@mainstay/contract/operations/index';
import { type Handler, reads } from '../operations/handlers.ts';
import { checkPage } from '../operations/page-input.ts';
import { standingAlerts } from './alerts.ts';
import { chainHead, chainOf, countPending, newestPruning, selectAudit } from './audit-store.ts';
import { isAway } from './ledger-heads.ts';
import type { AuditParts } from './start-audit.ts';
import { verifyStore } from './verify.ts';

/** One call of `audit.verify` walks no longer than this; whoever wants more goes on from where it ended. */
const verify_ms_max = 5_000;

export function createAuditHandlers({ anchors, ledgerProblem, mirror, remotes }: AuditParts): Handler[] {
  return [
    reads(operations['audit.list'], async ({ store }, filter) => {
      checkPage(filter);
      return selectAudit(store, filter);
    }),

    reads(operations['audit.head'], async ({ store }) => {
      const { anchors: noted } = await anchors();
      const state = mirror();
      return {
        ...(await chainOf(store)),
        head: await chainHead(store),
        pending: await countPending(store),
        alerts: await standingAlerts(store),
        pruned_through: (await newestPruning(store))?.through_seq ?? null,
        anchors: (['keeper', 'mirror'] as const).flatMap(
          (source) => noted.findLast((anchor) => anchor.source === source) ?? [],
        ),
        mirror: state && {
          commit: state.tip?.commit ?? null,
          seq: state.tip?.seq ?? 0,
          problem: state.problem,
          remotes: remotes(),
        },
      };
    }),

    reads(operations['audit.verify'], async ({ store, clock }, { after, after_hash }, { signal }) => {
      if ((after === undefined) !== (after_hash === undefined)) {
        const missing = after === undefined ? 'after' : 'after_hash';
        throw new AppError('InvalidInput', '"after" and "after_hash" are given together, or not at all.', {
          field: missing,
          hint: 'Give both as they stand in `head` of the answer before.',
        });
      }
      const total = (await chainHead(store))?.seq ?? 0;
      const { anchors: noted, keeper_reached } = await anchors();
      const report = await verifyStore(store, {
        anchors: noted,
        now_ms: clock.now(),
        after: after === undefined ? null : { seq: after, hash: after_hash! },
        time_ms: verify_ms_max,
        signal,
      });
      // What the walk is too short for is looked at with its last part.
      const found = report.complete ? await ledgerProblem().catch(nullWhileAway) : null;
      const problems = found === null ? report.problems : [...report.problems, found];
      return { ...report, ok: report.ok && found === null, problems, total, keeper_reached };
    }),
  ];
}

function nullWhileAway(error: unknown): null {
  if (isAway(error)) return null;
  throw error;
}
