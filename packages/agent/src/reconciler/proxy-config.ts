/** The proxy's configuration for a desired state and the instances that are to serve it: a pure function. */
import type { DesiredState } from '@mainstay/contract/desired-state';
import type { ProxyConfig, ProxyRoute, ProxyService } from '../proxy/proxy.ts';
import type { LiveInstance } from './instances.ts';
import { wantedServices } from './plan.ts';

export type Target = { active: LiveInstance | null; held: boolean };

export function proxyConfig(
  document: DesiredState | null,
  targets: ReadonlyMap<string, Target>,
  internal_ports: ReadonlyMap<string, number>,
  internal_port: number | null,
  binds_publicly = true,
): ProxyConfig {
  const wanted = Object.entries(wantedServices(document));
  if (document === null || wanted.length === 0) return { external: null, internal: null, routes: [], services: {} };
  const routes: ProxyRoute[] = [];
  const services: Record<string, ProxyService> = {};
  for (const [service, { route }] of wanted) {
    const internal_port = internal_ports.get(service);
    if (internal_port === undefined) throw new Error(`Service "${service}" has no internal port.`);
    const target = targets.get(service);
    const active = target?.active ?? null;
    services[service] = {
      active: active && { id: active.id, release_id: active.release_id, port: active.port },
      held: target?.held ?? false,
      internal_port,
    };
    if (route) routes.push({ prefix: route.prefix, strip: route.strip, service });
  }
  return {
    external: externalAddress(document, binds_publicly),
    internal: { port: internal_port ?? document.names.port, domain: document.names.domain },
    routes,
    services,
  };
}

/** The port that the server would have for the internal proxy; null where the stack uses it for something else. */
export function ownInternalPort({ proxy, services }: DesiredState, own: number | null): number | null {
  const is_taken = proxy.port === own || Object.values(services).some(({ port }) => port === own);
  return is_taken ? null : own;
}

/** Where the outside is served; on loopback only where the security mode lets nothing in. */
export function externalAddress({ proxy }: DesiredState, binds_publicly = true): { host: string; port: number } {
  return { host: proxy.bind === 'public' && binds_publicly ? '0.0.0.0' : '127.0.0.1', port: proxy.port };
}
