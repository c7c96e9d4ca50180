/**
 * A service with a fixed port cannot run twice, so its old release must end before the new one begins. Meanwhile the proxy
 * holds its requests, bounded, and loses none. What fails is undone: the old release runs again.
 */
import type { DesiredService } from '@mainstay/contract/desired-state';
import { type CandidateNeeds, startCandidate } from './candidates.ts';
import { type Context, DeployFailure } from './context.ts';
import { waitUntilHealthy } from './health-gate.ts';
import type { LiveInstance } from './instances.ts';
import type { Routing } from './routing.ts';
import type { Upkeep } from './upkeep.ts';

export type FixedPortNeeds = CandidateNeeds & { routing: Routing; upkeep: Upkeep };

export type FixedPortChange = { service: string; from: DesiredService; to: DesiredService };

/** Replaces the running release of one service. Throws DeployFailure after the old release runs again. */
export async function replaceOnSamePort(
  needs: FixedPortNeeds,
  { service, from, to }: FixedPortChange,
  operation_id: string,
): Promise<LiveInstance> {
  const { routing, upkeep, instances, progress } = needs;
  const old = await upkeep.surrender(service);
  progress.enter(service, to, 'switch');
  await routing.point(service, { active: old, held: true });
  try {
    if (old) {
      await waitForOpenRequests(needs.context, old, from.drain_timeout_seconds * 1000);
      await instances.stop(old);
    }
    // Once the old release is stopped there is no way but on: to the new one, or back.
    const instance = await startCandidate(needs, service, to, operation_id, new AbortController().signal);
    await routing.point(service, { active: instance, held: false });
    return instance;
  } catch (error) {
    await startOld(needs, service, from);
    throw error;
  }
}

/** Puts the old release of a service that was replaced back in its place. */
export async function putBack(
  needs: FixedPortNeeds,
  { service, from }: FixedPortChange,
  instance: LiveInstance,
): Promise<void> {
  await needs.routing.point(service, { active: instance, held: true });
  await waitForOpenRequests(needs.context, instance, from.drain_timeout_seconds * 1000);
  await needs.instances.stop(instance);
  await startOld(needs, service, from);
}

/** Starts the old release again; where that fails, upkeep goes on trying. */
async function startOld(
  { context, instances, routing, upkeep }: FixedPortNeeds,
  service: string,
  from: DesiredService,
) {
  const never = new AbortController().signal;
  let instance: LiveInstance | null = null;
  try {
    const port = from.port ?? 0;
    instance = await instances.start({ service, desired: from, role: 'serving', port, signal: never });
    const outcome = await waitUntilHealthy(context, instances, instance, never);
    if (!outcome.healthy) throw new DeployFailure(service, 'switch', outcome.message, outcome.hint);
  } catch (error) {
    context.log.error({ err: error, service }, 'the old release did not start again');
    if (instance) await instances.stop(instance);
    instance = null;
  }
  await routing.point(service, { active: instance, held: false });
  upkeep.adopt(service, instance);
}

/** Waits until nothing is open on an instance, within its drain timeout and the bound on holding; cuts the rest. */
async function waitForOpenRequests({ clock, proxy, settings }: Context, instance: LiveInstance, drain_ms: number) {
  const until = clock.now() + Math.min(drain_ms, settings.hold_drain_ms_max);
  while (instance.exit === null) {
    // A proxy that was killed has nothing open; it comes back with its routes, the hold included.
    const open = await proxy.status().then(
      ({ in_flight }) => in_flight[instance.id] ?? 0,
      () => 0,
    );
    if (open === 0) return;
    if (clock.now() >= until) return proxy.cut(instance.id).catch(() => {});
    await clock.sleep(10);
  }
}
