/** What the map shows: proxies, and per service its route, state and names. Made of the stack and of what servers reported. */
import { serviceUrlVariable } from '@mainstay/contract/env-names';
import type { ServiceOnServer } from '@mainstay/contract/operations/services';
import type { Output } from '../../../api/client.ts';
import { map as texts } from '../../../texts/stack/map.ts';
import { type Status, serviceStatus, type Tone } from '../../../ui/words.ts';

export type MapProxy = {
  key: string;
  address: string;
  on: string;
  status: Status;
  /** Servers whose proxy runs; several where many proxies are shown as one. */
  open_on: string[];
};

export type MapService = {
  name: string;
  status: Status;
  /** Servers that run it now, so that a request there can be answered; a proxy forwards on its own server only. */
  running_on: string[];
  servers: number;
  route: { prefix: string; strip: boolean } | null;
  /** `SERVICE_<NAME>_URL`, which every other service is given. */
  variable: string;
  /** Where it answers by name, on every server. */
  name_url: string;
};

export type MapModel = { proxies: MapProxy[]; services: MapService[]; bind: 'loopback' | 'public' };

/** More proxies than this are shown as one. */
const proxies_shown_max = 4;

const severity: readonly Tone[] = ['idle', 'good', 'busy', 'warning', 'bad'];
const proxyTones = { running: 'good', down: 'bad', none: 'idle' } as const;

export function mapModel({ spec, proxies }: Output<'stacks.get'>, entries: readonly ServiceOnServer[]): MapModel {
  const { domain, port } = spec.names;
  const services = Object.entries(spec.services).map(([name, service]): MapService => {
    const of = entries.filter((entry) => entry.service === name);
    return {
      name,
      status: worstStatus(of.map(serviceStatus)),
      running_on: of.filter(isServing).map(({ server }) => server),
      servers: of.length,
      route: service.route ?? null,
      variable: serviceUrlVariable(name),
      name_url: `http://${name}.${domain}:${port}`,
    };
  });
  return { proxies: mapProxies(proxies, spec.proxy.port), services: services.sort(byRoute), bind: spec.proxy.bind };
}

function isServing({ server_online, observed }: ServiceOnServer): boolean {
  return server_online && (observed?.state === 'running' || observed?.state === 'unhealthy');
}

function worstStatus(all: readonly Status[]): Status {
  const none: Status = { tone: 'idle', word: texts.notReported };
  return all.reduce(
    (found, next) => (severity.indexOf(next.tone) > severity.indexOf(found.tone) ? next : found),
    all[0] ?? none,
  );
}

function mapProxies(proxies: Output<'stacks.get'>['proxies'], port: number): MapProxy[] {
  const all = proxies.map(({ server, state, address }) => ({
    key: server,
    address: address ?? texts.port(port),
    on: texts.proxyOn(server),
    status: { tone: proxyTones[state], word: texts.proxyState[state] },
    open_on: state === 'running' ? [server] : [],
  }));
  if (all.length <= proxies_shown_max) return all;
  const open_on = all.flatMap((proxy) => proxy.open_on);
  const up = open_on.length;
  return [
    {
      key: 'all',
      address: texts.port(port),
      on: texts.proxies(all.length),
      status: { tone: up === all.length ? 'good' : up > 0 ? 'warning' : 'bad', word: texts.proxiesUp(up, all.length) },
      open_on,
    },
  ];
}

/** Routed services first, the nearest to the root on top; then those that are reached from inside only. */
function byRoute(a: MapService, b: MapService): number {
  if ((a.route === null) !== (b.route === null)) return a.route === null ? 1 : -1;
  const [x, y] = [a.route?.prefix ?? a.name, b.route?.prefix ?? b.name];
  return x < y ? -1 : x > y ? 1 : 0;
}

/** Whether requests that come in at the proxy can be answered by the service. */
export function canReach(proxy: MapProxy, service: MapService): boolean {
  return proxy.open_on.some((server) => service.running_on.includes(server));
}
