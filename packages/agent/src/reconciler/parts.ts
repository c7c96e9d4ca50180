/** The parts of the reconciler, put together. */
import type { DesiredService } from '@mainstay/contract/desired-state';
import { ensureBuild } from './builds.ts';
import type { Context } from './context.ts';
import { createDrains, type Drains } from './drains.ts';
import { createEnvironment, type Environment } from './environment.ts';
import { createInstances, type Instances } from './instances.ts';
import { createNamesUpkeep, type NamesUpkeep } from './names-upkeep.ts';
import { wantedServices } from './plan.ts';
import { createPorts, type Ports } from './ports.ts';
import { createProgress, type Progress } from './progress.ts';
import { createProxyUpkeep, type ProxyUpkeep } from './proxy-upkeep.ts';
import { createRouting, type Routing } from './routing.ts';
import { createSecrets, type Secrets } from './secrets.ts';
import { createTidy, type Tidy } from './tidy.ts';
import { createUpkeep, type Upkeep } from './upkeep.ts';

export type Parts = {
  context: Context;
  ports: Ports;
  secrets: Secrets;
  environment: Environment;
  instances: Instances;
  routing: Routing;
  proxy_upkeep: ProxyUpkeep;
  names_upkeep: NamesUpkeep;
  upkeep: Upkeep;
  drains: Drains;
  progress: Progress;
  tidy: Tidy;
};

export function createParts(context: Context): Parts {
  const ports = createPorts(context.settings);
  const secrets = createSecrets(context);
  const environment = createEnvironment(context, ports, secrets);
  const instances = createInstances(context, environment, ports);
  const routing = createRouting(context);
  const proxy_upkeep = createProxyUpkeep(context, routing);
  const names_upkeep = createNamesUpkeep(context, routing);
  const progress = createProgress(context.clock.now, context.changed);
  const desired = (service: string) =>
    wantedServices(context.state.desired.applied()?.document ?? null)[service] ?? null;
  const rebuild = (service: string, release: DesiredService, signal: AbortSignal) => {
    const operation_id = context.state.desired.applied()?.operation_id ?? null;
    return ensureBuild({ context, environment, secrets, progress }, service, release, operation_id, signal);
  };
  const upkeep = createUpkeep(context, { instances, ports, routing, desired, ensureBuild: rebuild });
  const tidy = createTidy(context, proxy_upkeep, () => drains);
  const drains = createDrains(context, instances, tidy.request);
  return {
    context,
    ports,
    secrets,
    environment,
    instances,
    routing,
    proxy_upkeep,
    names_upkeep,
    upkeep,
    drains,
    progress,
    tidy,
  };
}
