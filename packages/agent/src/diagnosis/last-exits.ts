/** How instances of each service ended last when nobody had asked for it; of as many services as there are, since the agent started. */
import type { Instances } from '../reconciler/instances.ts';
import type { InstanceExit } from '../supervisor/supervisor.ts';

export type LastExits = ReadonlyMap<string, InstanceExit>;

const services_max = 500;

export function followLastExits(instances: Pick<Instances, 'onExit'>): LastExits {
  const last = new Map<string, InstanceExit>();
  instances.onExit(({ service }, exit) => {
    if (exit.reason === 'stopped') return;
    last.delete(service);
    last.set(service, exit);
    const [oldest] = last.keys();
    if (last.size > services_max && oldest !== undefined) last.delete(oldest);
  });
  return last;
}
