/** The parts of the reconciler, put together. */
import { join } from 'node:path';
import type { DesiredService } from '@mainstay/contract/desired-state';
import { drift } from '../drift/drift.ts';
import { createDriftLog, type DriftLog } from '../drift/drift-log.ts';
import { createDriftWatch, type DriftWatch } from '../drift/drift-watch.ts';
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
  drift_log: DriftLog;
  drift_watch: DriftWatch;
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
  const drift_log = createDriftLog(context);
  const proxy_upkeep = createProxyUpkeep(context, routing);
  const names_upkeep = createNamesUpkeep(context, routing, drift_log);
  const progress = createProgress(context.clock.now, context.changed);
  const desired = (service: string) =>
    wantedServices(context.state.desired.applied()?.document ?? null)[service] ?? null;
  /** What served was whole when it began to. */
  const rebuild = async (service: string, release: DesiredService, signal: AbortSignal) => {
    const { build_id } = release;
    const is_whole = await context.workspace.hasBuild(build_id);
    const what = `build ${build_id} of service ${service}`;
    if (!is_whole) drift_log.found(drift(what, 'the commit, built', 'it is not whole on disk'), service);
    const operation_id = context.state.desired.applied()?.operation_id ?? null;
    await ensureBuild({ context, environment, secrets, progress }, service, release, operation_id, signal);
    if (!is_whole) drift_log.settled(what);
  };
  const upkeep = createUpkeep(context, { instances, ports, routing, desired, drift_log, ensureBuild: rebuild });
  const drift_watch = createDriftWatch(context, {
    drift_log,
    services: () => wantedServices(context.state.desired.applied()?.document ?? null),
    ensureBuild: rebuild,
    renew: upkeep.renew,
    kept_files: ['identity.json', 'secrets.key'].map((name) => join(context.state.home, name)),
  });
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
    drift_log,
    drift_watch,
    upkeep,
    drains,
    progress,
    tidy,
  };
}
