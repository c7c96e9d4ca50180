/**
 * Draining: an instance that was replaced finishes what is open on it, up to its drain timeout, and is then stopped. Drains
 * run in the background, several at once, and go on after a restart of the agent.
 */
import type { Context } from './context.ts';
import type { Instances, LiveInstance } from './instances.ts';

export type Drains = {
  /** Drains and stops an instance; the journal has it as draining already. */
  begin(instance: LiveInstance, drain_until: number): Promise<void>;
  /** Ends the drain of whatever holds a port at once, and waits for its end. */
  freePort(port: number): Promise<void>;
  instances(): LiveInstance[];
  /** Resolves when all that drains now is stopped. */
  settled(): Promise<void>;
  /** Leaves the drains as they are, to be taken up again after a restart. */
  detach(): Promise<void>;
};

const pause_ms_first = 20;
const pause_ms_max = 500;

type Drain = { instance: LiveInstance; hurry: AbortController; done: Promise<void> };

export function createDrains(context: Context, instances: Instances, onDrained: (service: string) => void): Drains {
  const { clock, proxy, state, log } = context;
  const running = new Map<string, Drain>();
  const leaving = new AbortController();

  const openRequests = async (id: string): Promise<number> => {
    try {
      return (await proxy.status()).in_flight[id] ?? 0;
    } catch (error) {
      log.debug({ reason: (error as Error).message }, 'the proxy does not tell what is open');
      return 1;
    }
  };

  const drain = async ({ instance, hurry }: Omit<Drain, 'done'>, drain_until: number) => {
    const { id, service, release_id } = instance;
    const wake = AbortSignal.any([hurry.signal, leaving.signal]);
    let pause_ms = pause_ms_first;
    let open = 0;
    while (instance.exit === null && !wake.aborted) {
      open = await openRequests(id);
      if (open === 0 || clock.now() >= drain_until) break;
      await clock.sleep(Math.min(pause_ms, Math.max(1, drain_until - clock.now())), wake);
      pause_ms = Math.min(pause_ms * 1.5, pause_ms_max);
    }
    if (leaving.signal.aborted) return;
    if (open > 0 && instance.exit === null) await proxy.cut(id).catch(() => {});
    await instances.stop(instance);
    const release = state.releases.list(service).find((candidate) => candidate.release_id === release_id);
    if (release?.state === 'draining') state.releases.setState(service, release_id, 'kept', clock.now());
    const message =
      open > 0 ? `The old release was stopped; ${open} open requests were cut.` : 'The old release was stopped.';
    context.emit({ kind: 'release.stopped', message, service, release_id, data: { cut_requests: open } });
    onDrained(service);
  };

  return {
    begin(instance, drain_until) {
      const hurry = new AbortController();
      const done = drain({ instance, hurry }, drain_until)
        .catch((error: unknown) => log.error({ err: error, instance: instance.id }, 'a drain went wrong'))
        .finally(() => {
          running.delete(instance.id);
          context.changed();
        });
      running.set(instance.id, { instance, hurry, done });
      return done;
    },
    async freePort(port) {
      const holders = [...running.values()].filter(({ instance }) => instance.port === port);
      for (const { hurry } of holders) hurry.abort();
      await Promise.all(holders.map(({ done }) => done));
    },
    instances: () => [...running.values()].map(({ instance }) => instance),
    async settled() {
      while (running.size > 0) await Promise.all([...running.values()].map(({ done }) => done));
    },
    async detach() {
      leaving.abort();
      await Promise.all([...running.values()].map(({ done }) => done));
    },
  };
}
