/** Undoing a rollout that failed or was superseded: requests go back first, then what was stopped runs again, then the candidates go. */
import { DeployFailure } from './context.ts';
import { putBack } from './fixed-port.ts';
import type { Parts } from './parts.ts';
import { switches } from './plan.ts';
import type { Rollout } from './rollout.ts';

/** Never rejects: each step is tried, whatever became of the one before. */
export async function undo(parts: Parts, rollout: Rollout, error: unknown): Promise<void> {
  const { context, instances, tidy } = parts;
  const attempt = async (what: string, work: () => Promise<void> | void) => {
    try {
      await work();
    } catch (failure) {
      context.log.error({ err: failure, what }, 'a step of undoing failed');
    }
  };
  if (rollout.switching) {
    await attempt('requests', () => sendRequestsBack(parts, rollout));
    for (const change of rollout.replaced.toReversed()) {
      const instance = rollout.candidates.get(change.service);
      const { service, from, to } = change;
      if (!instance || !from) continue;
      rollout.candidates.delete(service);
      await attempt('fixed port', () => putBack(parts, { service, from, to }, instance));
    }
  }
  await Promise.all(
    [...rollout.candidates.values()].map((candidate) =>
      attempt('candidate', async () => {
        // Requests may have reached it for a moment: they are let finish.
        const drain_ms = rollout.switching ? context.settings.hold_drain_ms_max : 0;
        if (drain_ms > 0) await parts.drains.begin(candidate, context.clock.now() + drain_ms);
        else await instances.stop(candidate);
      }),
    ),
  );
  await attempt('releases', () => restoreReleases(parts, rollout, error));
  tidy.request();
}

async function sendRequestsBack({ routing, upkeep }: Parts, { before, changes, surrendered }: Rollout): Promise<void> {
  const targets = new Map([...surrendered].map(([service, active]) => [service, { active, held: false }]));
  try {
    await routing.replace(before?.document ?? null, targets);
  } finally {
    for (const [service, old] of surrendered) {
      const had = changes.some(
        (change) => change.service === service && change.kind !== 'keep' && change.from !== null,
      );
      if (had) upkeep.adopt(service, old);
    }
  }
}

/** What served once is kept; the release at fault is marked as failed; the others were never there. */
function restoreReleases({ context }: Parts, { changes }: Rollout, error: unknown): void {
  const { releases, write } = { ...context.state, write: context.state.write };
  const at_fault = error instanceof DeployFailure ? error.service : null;
  write(() => {
    for (const { service, to } of switches({ changes })) {
      const release = releases.list(service).find((candidate) => candidate.release_id === to.release_id);
      if (release?.state !== 'candidate') continue;
      if (service === at_fault) releases.setState(service, to.release_id, 'failed', context.clock.now());
      else if (release.served_at !== null) releases.setState(service, to.release_id, 'kept', context.clock.now());
      else releases.remove(service, to.release_id);
    }
  });
}
