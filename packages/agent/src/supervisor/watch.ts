/**
 * The two loops over all instances: one follows output and notices the end of adopted ones (cheap: an fstat(2) a stream, a
 * kill(2) an adopted instance), the other holds limits (a scan of all processes, where groups are found by one). Both slow down when
 * nothing happens, and the second also in proportion to what a scan costs, so that an idle agent stays idle.
 */
import type { Clock } from '@mainstay/runtime/clock';
import type { Logger } from '@mainstay/runtime/log';
import type { Instance } from './instance.ts';
import { isAlive } from './proc.ts';
import { limitExceeded, type ProcessTable } from './process-group.ts';

const output_interval_ms = { active: 50, quiet: 200, idle: 500 };
const quiet_after_ms = 1_000;
const idle_after_ms = 30_000;
/** When idle, only every so many looks read /proc, which also tells a later process of the same pid, and one that nobody waited for. */
const exact_looks = 8;
const limit_interval_ms = { young: 250, settled: 2_000 };
const young_ms = 10_000;
/** Scans take at most this share of one core. */
const scan_share = { young: 0.2, settled: 0.02 };

export type Watch = {
  /** Something was started: look closely again. */
  wake(): void;
  stop(): Promise<void>;
};

export type WatchOptions = {
  instances: () => Instance[];
  /** Null where the kernel tells the processes of a group, so that no scan is needed. */
  table: Pick<ProcessTable, 'scan'> | null;
  clock: Clock;
  log: Logger;
};

export function startWatch(options: WatchOptions): Watch {
  const { instances, table, clock, log } = options;
  let waking = new AbortController();
  let changed_at = clock.now();
  let stopped = false;

  async function follow(): Promise<void> {
    let interval: keyof typeof output_interval_ms = 'active';
    for (let look = 0; !stopped; look++) {
      const is_exact = interval !== 'idle' || look % exact_looks === 0;
      for (const instance of instances()) {
        for (const tail of instance.output.tails) {
          if (!instance.running() || !tail.hasMore()) continue;
          changed_at = clock.now();
          void tail.pump();
        }
        const { pid, start_ticks } = instance.handle;
        if (!instance.adopted || !instance.running()) continue;
        if (!isThere(pid) || (is_exact && !isAlive(pid, start_ticks))) instance.leaderEnded(null, null);
      }
      const quiet_ms = clock.now() - changed_at;
      interval = quiet_ms < quiet_after_ms ? 'active' : quiet_ms < idle_after_ms ? 'quiet' : 'idle';
      await clock.sleep(output_interval_ms[interval], waking.signal);
    }
  }

  async function holdLimits(): Promise<void> {
    while (!stopped) {
      const started = performance.now();
      const running = instances().filter((instance) => instance.running());
      const rows = running.length > 0 ? table?.scan() : [];
      for (const instance of running) {
        const { memory_mb = null, processes } = instance.spec.limits;
        if (memory_mb === null && (instance.group.size?.() ?? Number.POSITIVE_INFINITY) <= processes) continue;
        const exceeded = limitExceeded(instance.group.members(rows), { memory_mb, processes });
        if (exceeded === null) continue;
        log.warn({ instance: instance.spec.id, ...exceeded }, 'an instance exceeds its limit and is ended');
        instance.kill(exceeded.reason).catch((error: unknown) => log.error({ err: error }, 'it could not be ended'));
      }
      const is_young = running.some((instance) => clock.now() - instance.since < young_ms);
      const age = is_young ? 'young' : 'settled';
      const interval_ms = Math.max(limit_interval_ms[age], (performance.now() - started) / scan_share[age]);
      await clock.sleep(interval_ms, waking.signal);
    }
  }

  const loops = [follow(), holdLimits()].map((loop) =>
    loop.catch((error: unknown) => log.error({ err: error }, 'the watch over instances ended')),
  );
  return {
    wake() {
      changed_at = clock.now();
      waking.abort();
      waking = new AbortController();
    },
    async stop() {
      stopped = true;
      waking.abort();
      await Promise.all(loops);
    },
  };
}

/** Whether there is a process with this pid, of whomever. */
function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
