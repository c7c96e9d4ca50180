/**
 * The data plane: listeners, routes, services and backends, and the switch between two configurations. A switch is one
 * synchronous step, so every request sees either the old configuration or the new one, and never half of each.
 */
import type { ServerResponse } from 'node:http';
import type { ProxyConfig, ProxyRoute, ProxyStatus } from '../proxy.ts';
import { type Answer, sendAnswer } from './answers.ts';
import { Backend } from './backend.ts';
import { Exchange } from './exchange.ts';
import type { ProxyLimits } from './limits.ts';
import { createListener, type Incoming, type Listener, type ListenerRole } from './listener.ts';
import { renderMetrics } from './metrics.ts';
import { readRequestHead } from './request-head.ts';
import { matchRoute, orderRoutes, originForm, refusalOfPath, stripPrefix } from './request-path.ts';
import { Service } from './service.ts';

export type DataPlane = {
  /** Puts a configuration into force; resolves to the listeners that could not be opened. They are tried again. */
  apply(config: ProxyConfig): Promise<ProxyStatus['listener_errors']>;
  status(): ProxyStatus;
  cut(backend_id: string): void;
  metrics(): string;
  /** No new connections; resolves when all is served, or after so many milliseconds, when the rest is cut. */
  stop(drain_ms: number): Promise<void>;
};

const listenerRetryTicks = 2;

/** Makes a data plane that serves nothing yet. */
export function createDataPlane(limits: ProxyLimits): DataPlane {
  const started_at_ms = Date.now();
  const services = new Map<string, Service>();
  const backends = new Map<string, Backend>();
  const listeners = new Map<string, Listener>();
  const refused = new Map<number, number>();
  let wanted = new Map<string, { host: string; port: number; role: ListenerRole }>();
  let listenerErrors = new Map<string, ProxyStatus['listener_errors'][number]>();
  let routes: ProxyRoute[] = [];
  let domain = '';
  let queue: Promise<unknown> = Promise.resolve();

  const countRefused = (status: number) => refused.set(status, (refused.get(status) ?? 0) + 1);

  const refuse = (incoming: Incoming, answer: Answer) => {
    countRefused(answer.status);
    const { request, response, tunnel } = incoming;
    if (tunnel) response.on('finish', () => tunnel.socket.destroySoon());
    const body = request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined;
    sendAnswer(request, response as ServerResponse, { ...answer, close: answer.close || body || tunnel !== null });
  };

  /** The service that a Host names: `<service>.<domain>` or `<service>`, in any case, with or without port and final dot. */
  const serviceOfHost = (host: string): Service | undefined => {
    const name = host.replace(/:\d*$/, '').replace(/\.$/, '').toLowerCase();
    if (domain !== '' && name.endsWith(`.${domain}`)) return services.get(name.slice(0, -domain.length - 1));
    return services.get(name);
  };

  const onRequest = (incoming: Incoming) => {
    const { request, response, role, tunnel, listener } = incoming;
    const { path, authority } = originForm(request.url!);
    const problem = refusalOfPath(path);
    if (problem !== null) return refuse(incoming, { status: 400, code: 'InvalidInput', message: problem, close: true });
    const head = readRequestHead(request, authority, limits);
    if ('status' in head) {
      const code = head.status === 413 ? 'TooLarge' : 'InvalidInput';
      return refuse(incoming, { status: head.status, code, message: head.message, close: true });
    }
    if (tunnel && head.body !== 'none') {
      const message = 'A request for a WebSocket must have no body.';
      return refuse(incoming, { status: 400, code: 'InvalidInput', message, close: true });
    }
    let service: Service | undefined;
    let route: ProxyRoute | null = null;
    if (role.kind === 'external') {
      route = matchRoute(routes, path);
      if (route) service = services.get(route.service);
    } else if (role.kind === 'internal') service = serviceOfHost(head.host);
    else service = services.get(role.service);
    if (!service) {
      return refuse(incoming, {
        status: 404,
        code: 'NotFound',
        message: role.kind === 'internal' ? 'No service has this host name.' : 'No service has a route for this path.',
        hint: 'Routes and names of services are set in the stack file.',
      });
    }
    const prefix = route?.strip && route.prefix !== '/' ? route.prefix : null;
    new Exchange({
      request,
      response,
      service,
      head,
      target: prefix === null ? path : stripPrefix(path, prefix),
      prefix,
      internal: role.kind !== 'external',
      expects_continue: incoming.expects_continue && head.body !== 'none',
      tunnel,
      listener,
      limits,
    }).dispatch();
  };

  const openListeners = async (): Promise<void> => {
    for (const [key, { host, port, role }] of wanted) {
      if (listeners.has(key)) continue;
      const listener = createListener({ host, port, role, limits, onRequest, onRefused: countRefused });
      try {
        await listener.open();
        listeners.set(key, listener);
        listenerErrors.delete(key);
      } catch (error) {
        listenerErrors.set(key, { host, port, message: listenerMessage(host, port, role, error) });
      }
    }
  };

  /** The one step in which requests begin to go elsewhere. */
  const switchTo = (config: ProxyConfig): void => {
    routes = orderRoutes(config.routes);
    domain = config.internal?.domain.toLowerCase() ?? '';
    const current = new Set<Backend>();
    for (const [name, { active, held }] of Object.entries(config.services)) {
      const service = services.get(name) ?? new Service(name, limits);
      services.set(name, service);
      let backend: Backend | null = null;
      if (active) {
        backend = backends.get(active.id) ?? null;
        if (!backend || backend.port !== active.port || backend.release_id !== active.release_id) {
          backend?.retire();
          backend = new Backend(active, limits);
          backends.set(active.id, backend);
        }
        backend.retired = false;
        current.add(backend);
      }
      service.set(backend, held);
    }
    for (const [name, service] of services) {
      if (config.services[name]) continue;
      services.delete(name);
      service.remove();
    }
    for (const backend of backends.values()) if (!current.has(backend)) backend.retire();
    wanted = wantedListeners(config);
    listenerErrors = new Map([...listenerErrors].filter(([key]) => wanted.has(key)));
    for (const [key, listener] of listeners) {
      const want = wanted.get(key);
      if (want) listener.setRole(want.role);
      else {
        listeners.delete(key);
        void listener.close();
      }
    }
  };

  const inOrder = <T>(run: () => Promise<T>): Promise<T> => {
    const result = queue.then(run);
    queue = result.catch(() => {});
    return result;
  };

  let ticks = 0;
  const sweep = setInterval(() => {
    const now_ms = performance.now();
    for (const service of services.values()) service.sweep(now_ms);
    for (const [id, backend] of backends) {
      backend.sweep(now_ms);
      if (backend.retired && backend.users.size === 0) backends.delete(id);
    }
    if (listenerErrors.size > 0 && ++ticks % listenerRetryTicks === 0) void inOrder(openListeners);
  }, 1_000);

  return {
    apply: (config) =>
      inOrder(async () => {
        switchTo(config);
        await openListeners();
        return [...listenerErrors.values()];
      }),
    status() {
      const in_flight: Record<string, number> = {};
      for (const { id, users } of backends.values()) if (users.size > 0) in_flight[id] = users.size;
      const waiting: Record<string, number> = {};
      for (const service of services.values()) if (service.waiting > 0) waiting[service.name] = service.waiting;
      return { pid: process.pid, in_flight, waiting, listener_errors: [...listenerErrors.values()] };
    },
    cut: (backend_id) => backends.get(backend_id)?.cut(),
    metrics: () =>
      renderMetrics({
        services: [...services.values()].map(({ name, metrics, waiting }) => ({ name, metrics, waiting })),
        refused,
        started_at_ms,
      }),
    async stop(drain_ms) {
      wanted = new Map();
      const open = [...listeners.values()];
      listeners.clear();
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise((resolve) => {
        timer = setTimeout(resolve, drain_ms);
      });
      await Promise.race([Promise.all(open.map((listener) => listener.close())), late]);
      clearTimeout(timer);
      clearInterval(sweep);
      for (const backend of backends.values()) backend.cut();
      for (const listener of open) listener.closeAll();
    },
  };
}

function wantedListeners(config: ProxyConfig) {
  const wanted = new Map<string, { host: string; port: number; role: ListenerRole }>();
  const want = (host: string, port: number, role: ListenerRole) => wanted.set(`${host} ${port}`, { host, port, role });
  for (const [service, { internal_port }] of Object.entries(config.services)) {
    want('127.0.0.1', internal_port, { kind: 'service', service });
  }
  if (config.internal) want('127.0.0.1', config.internal.port, { kind: 'internal' });
  if (config.external) want(config.external.host, config.external.port, { kind: 'external' });
  return wanted;
}

function listenerMessage(host: string, port: number, role: ListenerRole, error: unknown): string {
  const what = role.kind === 'service' ? `the internal port of service "${role.service}"` : `the ${role.kind} listener`;
  const code = (error as NodeJS.ErrnoException).code;
  const why =
    code === 'EADDRINUSE'
      ? 'another program has this port; stop it, or choose another port'
      : code === 'EACCES'
        ? 'this user may not open the port; choose one above 1023'
        : code === 'EADDRNOTAVAIL'
          ? 'this machine does not have the address'
          : (error as Error).message;
  return `Cannot open ${what} on ${host}:${port}: ${why}.`;
}
