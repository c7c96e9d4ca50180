/**
 * The environment of services and builds. What Mainstay sets itself: PORT, DATA_DIR, MAINSTAY_SERVICE, MAINSTAY_RELEASE,
 * MAINSTAY_COMMIT, and SERVICE_<NAME>_URL for every other service of the stack, which is the proxy's internal listener for
 * it and stays the same over all releases. A service that was added later is known to the others from their next start.
 */
import type { DesiredService } from '@mainstay/contract/desired-state';
import { serviceUrlVariable } from '@mainstay/contract/stack';
import type { Context } from './context.ts';
import type { Ports } from './ports.ts';
import type { Secrets } from './secrets.ts';

export type Environment = {
  /** Makes sure that services have an internal port. */
  nameServices(services: readonly string[]): Promise<void>;
  ofService(
    service: string,
    desired: DesiredService,
    port: number,
    release_id: string,
    signal: AbortSignal,
  ): Promise<Record<string, string>>;
  /** No PORT and no addresses: a build is kept over releases and must not know them. */
  ofBuild(service: string, desired: DesiredService, signal: AbortSignal): Promise<Record<string, string>>;
};

export function createEnvironment(
  { state, workspace }: Pick<Context, 'state' | 'workspace'>,
  ports: Ports,
  secrets: Secrets,
): Environment {
  for (const port of state.services.internalPorts().values()) ports.hold(port);

  const configured = async (desired: DesiredService, signal: AbortSignal) => {
    const env = { ...desired.env };
    const values = await secrets.resolve(Object.values(desired.secrets), signal);
    for (const [name, commitment] of Object.entries(desired.secrets)) env[name] = values.get(commitment) ?? '';
    return env;
  };
  return {
    async nameServices(services) {
      for (const service of services) {
        if (!state.services.get(service)) state.services.add(service, await ports.reserveInternal());
      }
    },
    async ofService(service, desired, port, release_id, signal) {
      const env = await configured(desired, signal);
      for (const [other, internal_port] of state.services.internalPorts()) {
        if (other !== service) env[serviceUrlVariable(other)] = `http://127.0.0.1:${internal_port}`;
      }
      return {
        ...env,
        PORT: String(port),
        DATA_DIR: await workspace.dataDirectory(service),
        MAINSTAY_SERVICE: service,
        MAINSTAY_RELEASE: release_id,
        MAINSTAY_COMMIT: desired.source.commit,
      };
    },
    ofBuild: async (service, desired, signal) => ({
      ...(await configured(desired, signal)),
      MAINSTAY_SERVICE: service,
      MAINSTAY_COMMIT: desired.source.commit,
    }),
  };
}
