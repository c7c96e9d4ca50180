/**
 * Recovery: from the journal back to a running server, after a restart, a crash at any point, or a reboot; it needs no
 * control plane. What serves is adopted, or started again; requests are sent where the journal says; only then is what a
 * crash left behind ended, so that a candidate that already had requests keeps them until they have somewhere else to go.
 */
import type { DesiredState } from '@mainstay/contract/desired-state';
import type { LiveInstance } from './instances.ts';
import type { Parts } from './parts.ts';
import { wantedServices } from './plan.ts';
import type { Target } from './proxy-config.ts';

export async function recover(parts: Parts, others: readonly string[]): Promise<void> {
  const { context, instances, upkeep, drains } = parts;
  const { state, supervisor, emit } = context;
  const applied = state.desired.applied();
  const wanted = wantedServices(applied?.document ?? null);
  const records = state.releases.instances();
  const adopted = new Map<string, LiveInstance>();
  const draining: { instance: LiveInstance; until: number }[] = [];
  let lost = 0;

  for (const record of records.filter(({ role }) => role !== 'candidate')) {
    const instance = await instances.recover(record);
    if (!instance) lost += record.role === 'serving' ? 1 : 0;
    else if (record.role === 'serving' && wanted[record.service]?.release_id === record.release_id)
      adopted.set(record.service, instance);
    else draining.push({ instance, until: record.drain_until ?? context.clock.now() });
  }

  const targets = new Map<string, Target>();
  for (const service of Object.keys(wanted)) {
    const active = adopted.get(service) ?? null;
    targets.set(service, { active, held: active === null && !upkeep.isSuspended() });
  }
  if (applied && Object.keys(wanted).length > 0) await restoreRoutes(parts, applied.document, targets);

  const own = [...adopted.values(), ...draining.map(({ instance }) => instance)];
  const known = new Set([...own.map(({ id }) => id), ...others]);
  // An empty journal may be a lost one: without it nothing is known to be a stray.
  const strays = state.desired.accepted() ? await supervisor.sweep(known) : [];
  for (const record of records.filter(({ role }) => role === 'candidate')) state.releases.removeInstance(record.id);
  settleReleases(parts, draining);

  for (const { instance, until } of draining) void drains.begin(instance, until);
  for (const service of Object.keys(wanted)) upkeep.adopt(service, adopted.get(service) ?? null);
  if (records.length === 0 && strays.length === 0) return;
  const message = `Recovered: ${adopted.size} services run on, ${lost} are started again, ${strays.length} leftovers were ended.`;
  emit({ kind: 'agent.recovered', severity: 'notice', message });
}

async function restoreRoutes(
  { context, routing, proxy_upkeep }: Parts,
  document: DesiredState,
  targets: Map<string, Target>,
): Promise<void> {
  try {
    await proxy_upkeep.ensure();
  } catch (error) {
    context.problems.set('proxy', `The proxy could not be started: ${(error as Error).message}`);
  }
  await routing.restore(document, targets);
}

/** Releases that a crash left in a passing state. */
function settleReleases({ context }: Parts, draining: { instance: LiveInstance }[]): void {
  const { state, clock } = context;
  state.write(() => {
    for (const { service, release_id, state: release_state, served_at } of state.releases.list()) {
      if (release_state === 'candidate') {
        if (served_at === null) state.releases.remove(service, release_id);
        else state.releases.setState(service, release_id, 'kept', clock.now());
      }
      const drains = draining.some(
        ({ instance }) => instance.release_id === release_id && instance.service === service,
      );
      if (release_state === 'draining' && !drains) state.releases.setState(service, release_id, 'kept', clock.now());
    }
  });
}
