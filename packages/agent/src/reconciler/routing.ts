/** Where requests go now. One change at a time; the proxy is always told the whole of it. */
import type { DesiredState } from '@mainstay/contract/desired-state';
import type { Context } from './context.ts';
import { proxyConfig, type Target } from './proxy-config.ts';

export type Routing = {
  /** Points one service elsewhere. What the proxy refuses is kept in mind and applied again later. */
  point(service: string, target: Target): Promise<void>;
  /** Puts another desired state into force, with new targets for some services; rejects, with all as before, when the proxy refuses it. */
  replace(document: DesiredState | null, targets: ReadonlyMap<string, Target>): Promise<void>;
  /** Takes up a desired state that was in force before; what the proxy refuses is applied again later. */
  restore(document: DesiredState, targets: ReadonlyMap<string, Target>): Promise<void>;
  /** Tells the proxy again what it should know. */
  reapply(): Promise<void>;
  document(): DesiredState | null;
};

type Routes = { document: DesiredState | null; targets: Map<string, Target> };

export function createRouting({
  proxy,
  state,
  problems,
  log,
}: Pick<Context, 'proxy' | 'state' | 'problems' | 'log'>): Routing {
  let routes: Routes = { document: null, targets: new Map() };
  let queue: Promise<void> = Promise.resolve();

  const inTurn = (work: () => Promise<void>): Promise<void> => {
    const done = queue.then(work);
    queue = done.catch(() => {});
    return done;
  };
  const apply = async ({ document, targets }: Routes) => {
    await proxy.ensure();
    await proxy.apply(proxyConfig(document, targets, state.services.internalPorts()));
    problems.clear('proxy');
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
    document: () => routes.document,
  };
}
