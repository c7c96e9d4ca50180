/**
 * Whether this server is drained, as a part of its server state. A drained server runs nothing of its stack: what is open on its services
 * finishes, they are stopped, and their data and releases stay. Desired states are accepted meanwhile, and carried out when it is undrained.
 */
import type { Clock } from '@mainstay/runtime/clock';
import { ServerFailure, type ServerPart } from '../server/server-part.ts';
import type { Parts } from './parts.ts';
import { wantedServices } from './plan.ts';

export type DrainedPartOptions = {
  parts: Parts;
  /** True while a rollout is under way. */
  isAtWork(): boolean;
  /** True while what was accepted is not settled. */
  isRollingOut(): boolean;
  /** Has the reconciler look at what is accepted. */
  wake(): void;
};

const look_again_ms = 100;
/** Beyond the time that a service has to become healthy, milliseconds: for its checkout and its place among the others. */
const start_spare_ms = 60_000;

export function createDrainedPart({ parts, isAtWork, isRollingOut, wake }: DrainedPartOptions): ServerPart {
  const { context, upkeep, drains, routing } = parts;
  const { state, clock } = context;

  const stopAll = async () => {
    const serving = await upkeep.release();
    const now = clock.now();
    const drained = serving.map((instance) => ({
      instance,
      until: now + instance.desired.drain_timeout_seconds * 1000,
    }));
    state.write(() => {
      for (const { instance, until } of drained) state.releases.setRole(instance.id, 'draining', until);
    });
    for (const { instance } of drained) await routing.point(instance.service, { active: null, held: false });
    await Promise.all(drained.map(({ instance, until }) => drains.begin(instance, until)));
    context.changed();
  };

  const drain = async (signal: AbortSignal) => {
    upkeep.suspend(true);
    while (isAtWork()) await pause(clock, signal);
    await stopAll();
  };

  const undrain = async (signal: AbortSignal) => {
    upkeep.suspend(false);
    wake();
    let since = clock.now();
    for (;;) {
      const waiting = notRunning();
      if (waiting.length === 0 && !isRollingOut()) return context.changed();
      // Builds and starts of a rollout are bounded by themselves.
      if (isRollingOut()) since = clock.now();
      if (clock.now() > since + start_spare_ms + Math.max(0, ...waiting.map(({ start_ms }) => start_ms))) {
        const names = waiting.map(({ service }) => service).join(', ');
        upkeep.suspend(true);
        await stopAll();
        throw new ServerFailure(
          `After being undrained, this did not come up: ${names}. The server is drained again.`,
          'See the logs of the service; deploy what mends it, and undrain the server again.',
        );
      }
      await pause(clock, signal);
    }
  };

  const notRunning = () =>
    Object.entries(wantedServices(state.desired.applied()?.document ?? null))
      .filter(([service]) => upkeep.status(service)?.state !== 'running')
      .map(([service, { health }]) => ({ service, start_ms: health.start_timeout_seconds * 1000 }));

  return {
    name: 'drained',
    async apply({ drained }, signal) {
      if (drained) await drain(signal);
      else if (upkeep.isSuspended()) await undrain(signal);
    },
    async keepUp({ drained }) {
      // What a crash in the middle left running.
      if (drained && upkeep.isSuspended() && !isAtWork() && isAnythingRunning()) await stopAll();
    },
  };

  function isAnythingRunning(): boolean {
    const document = state.desired.applied()?.document ?? null;
    return Object.keys(wantedServices(document)).some((service) => upkeep.status(service)?.instance);
  }
}

async function pause(clock: Clock, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  await clock.sleep(look_again_ms, signal);
  signal.throwIfAborted();
}
