/** Where requests go now. One change at a time; the proxy is always told the whole of it. */
import type { DesiredState } from '@mainstay/contract/desired-state';
import type { Context } from './context.ts';
import { isFree } from './ports.ts';
import { ownInternalPort, proxyConfig, type Target } from './proxy-config.ts';

export type Routing = {
  /** Points one service elsewhere. What the proxy refuses is kept in mind and applied again later. */
  point(service: string, target: Target): Promise<void>;
  /** Puts another desired state into force, with new targets for some services; rejects, with all as before, when the proxy refuses it. */
  replace(document: DesiredState | null, targets: ReadonlyMap<string, Target>): Promise<void>;
  /** Takes up a desired state that was in force before; what the proxy refuses is applied again later. */
  restore(document: DesiredState, targets: ReadonlyMap<string, Target>): Promise<void>;
  /** Tells the proxy again what it should know. */
  reapply(): Promise<void>;
  /** The security mode has the proxy listen elsewhere than it was told. */
  isMoved(): boolean;
  document(): DesiredState | null;
  /** Where the internal proxy listens; null while nothing is served. */
  internalPort(): number | null;
};

type Routes = { document: DesiredState | null; targets: Map<string, Target> };

export function createRouting(
  context: Pick<Context, 'proxy' | 'state' | 'problems' | 'settings' | 'log' | 'bindsPublicly'>,
): Routing {
  const { proxy, state, problems, settings, log } = context;
  const bindsPublicly = () => context.bindsPublicly?.() ?? true;
  let is_bound_publicly = bindsPublicly();
  let routes: Routes = { document: null, targets: new Map() };
  let queue: Promise<void> = Promise.resolve();
  let internal_port: number | null = null;
  /** Set while another program has the port that is the server's own for the internal proxy. */
  let is_port_lost = false;

  const inTurn = (work: () => Promise<void>): Promise<void> => {
    const done = queue.then(work);
    queue = done.catch(() => {});
    return done;
  };
  const apply = async ({ document, targets }: Routes) => {
    await proxy.ensure();
    const own = document && ownInternalPort(document, settings.internal_port);
    const use = async (port: number | null) => {
      is_bound_publicly = bindsPublicly();
      const config = proxyConfig(document, targets, state.services.internalPorts(), port, is_bound_publicly);
      await proxy.apply(config);
      internal_port = config.internal?.port ?? null;
    };
    // Requests go on at the stack's port until the other one is free: it is looked at before, not tried.
    if (is_port_lost && own !== null && !(await isFree(own))) await use(null);
    else {
      is_port_lost = false;
      await use(own).catch(async (error: unknown) => {
        if (own === null || !(await isRefused(own))) throw error;
        is_port_lost = true;
        await use(null);
      });
    }
    tellOfPort(own);
    problems.clear('proxy');
  };
  /** Whether the proxy could open everything but this port. */
  const isRefused = async (port: number) => {
    const { listener_errors } = await proxy.status();
    return listener_errors.length > 0 && listener_errors.every((error) => error.port === port);
  };
  const tellOfPort = (own: number | null) => {
    if (!is_port_lost) return problems.clear('internal_port');
    const message = `Another program has port ${own} of 127.0.0.1: names of services need port ${internal_port} until it is free.`;
    problems.set('internal_port', message);
  };
  /** Applies what is in mind; a failure is a problem to be told, and is tried again with the next round of healing. */
  const applyOrTell = async () => {
    try {
      await apply(routes);
    } catch (error) {
      const { message } = error as Error;
      log.warn({ reason: message }, 'the proxy did not take its configuration');
      problems.set('proxy', `The proxy did not take its configuration: ${message}`);
    }
  };

  return {
    point: (service, target) =>
      inTurn(async () => {
        routes.targets.set(service, target);
        await applyOrTell();
      }),
    replace: (document, targets) =>
      inTurn(async () => {
        const before = routes;
        const next = { document, targets: new Map([...before.targets, ...targets]) };
        try {
          await apply(next);
          routes = next;
        } catch (error) {
          await applyOrTell();
          throw error;
        }
      }),
    restore: (document, targets) =>
      inTurn(async () => {
        routes = { document, targets: new Map(targets) };
        await applyOrTell();
      }),
    reapply: () => inTurn(applyOrTell),
    isMoved: () => is_bound_publicly !== bindsPublicly(),
    document: () => routes.document,
    internalPort: () => internal_port,
  };
}
