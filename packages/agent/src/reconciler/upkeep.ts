/**
 * Upkeep: what serves is kept running. One entry per service that serves; a rollout takes an entry out while it switches
 * that service, and puts back what then serves.
 * ```
 *            exit, hung                      healthy
 *  running ─────────────▶ waiting ─▶ attempt ─────────▶ running
 *                            ▲          │ failed
 *                            └──────────┘   waits 0, 1, 2, 4 … 60 s; forgotten after 5 minutes up
 * ```
 * During the first attempt requests are held by the proxy; afterwards they are answered 503, so that a service that
 * crashes again and again does not make everybody wait (ADR 0012).
 */
import type { ServiceState } from '@mainstay/contract/agent-api';
import type { CrashReport } from '@mainstay/contract/crash-report';
import type { DesiredService } from '@mainstay/contract/desired-state';
import { drift } from '../drift/drift.ts';
import type { DriftLog } from '../drift/drift-log.ts';
import { type HealthStatus, type HealthWatch, unknownHealth, watchHealth } from '../health/watch.ts';
import type { Context } from './context.ts';
import { describeExit } from './diagnosis.ts';
import { waitUntilHealthy } from './health-gate.ts';
import type { Instances, LiveInstance } from './instances.ts';
import { isFree, type Ports } from './ports.ts';
import type { Routing } from './routing.ts';

export const backoff_ms_max = 60_000;
/** Up so long, a service's earlier failures are forgotten. */
const stable_ms = 300_000;
/** So many failures make a crash loop; it is over when the service has been up for a minute. */
const crash_loop_failures = 3;
const crash_loop_over_ms = 60_000;

export type UpkeepStatus = {
  state: ServiceState;
  instance: LiveInstance | null;
  health: HealthStatus;
};

export type Upkeep = {
  /** This serves from now on; null when it has to be started. */
  adopt(service: string, instance: LiveInstance | null): void;
  /** Lets go of a service, a start under way included; gives what serves now, if anything does. */
  surrender(service: string): Promise<LiveInstance | null>;
  /** Starts what should run and does not, where its waiting time is over. */
  tick(): void;
  status(service: string): UpkeepStatus | null;
  /** Starts nothing from now on, as on a server that is drained, or everything again. What runs goes on until it is let go. */
  suspend(suspended: boolean): void;
  isSuspended(): boolean;
  /** Lets go of all that runs, but keeps in mind what should; gives what serves now. */
  release(): Promise<LiveInstance[]>;
  /** Starts a service anew while requests wait, where it serves and is left alone. */
  renew(service: string): void;
  /** Lets go of everything. */
  stop(): Promise<void>;
};

type Entry = {
  service: string;
  instance: LiveInstance | null;
  watch: HealthWatch | null;
  attempt: { abort: AbortController; done: Promise<void> } | null;
  failures: number;
  next_start_at: number;
  /** The port that it had, to have it again. */
  port: number | null;
};

/** Waiting time before the next start after so many failures in a row, milliseconds. */
export function restartDelay(failures: number): number {
  return failures <= 1 ? 0 : Math.min(1_000 * 2 ** (failures - 2), backoff_ms_max);
}

/** Signals by which a service is ended from outside, and does not end by itself. */
const killing = new Set(['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT']);

export type UpkeepParts = {
  instances: Instances;
  ports: Ports;
  routing: Routing;
  desired: (service: string) => DesiredService | null;
  drift_log: DriftLog;
  /** Makes sure that the build of a service is whole on disk: a loss of power may have taken it. */
  ensureBuild: (service: string, desired: DesiredService, signal: AbortSignal) => Promise<void>;
};

export function createUpkeep(
  context: Context,
  { instances, ports, routing, desired, drift_log, ensureBuild }: UpkeepParts,
): Upkeep {
  const { clock, state } = context;
  const entries = new Map<string, Entry>();
  let suspended = false;

  const watch = (entry: Entry, instance: LiveInstance) => {
    const { service, release_id } = instance;
    entry.instance = instance;
    entry.port = instance.port;
    entry.watch = watchHealth({
      clock,
      port: instance.port,
      health: () => desired(service)?.health ?? instance.desired.health,
      healthy: true,
      onChange: ({ state: health, message }) => {
        const healthy = health === 'healthy';
        context.emit({
          kind: healthy ? 'service.healthy' : 'service.unhealthy',
          severity: healthy ? 'notice' : 'warning',
          message: healthy ? 'The service is healthy again.' : `The service is unhealthy: ${message}.`,
          service,
          release_id,
        });
        context.changed();
      },
      onHung: (message) => {
        if (entry.instance === instance) fail(entry, instance, 'hung', `It hangs and is restarted: ${message}.`);
      },
    });
  };

  const unwatch = (entry: Entry) => {
    entry.watch?.stop();
    entry.watch = null;
  };

  /** Counts a failure and tells of it. */
  const report = (entry: Entry, instance: LiveInstance, why: CrashReport['reason'], message: string) => {
    const { service, release_id, exit, started_at } = instance;
    const now = clock.now();
    entry.failures++;
    entry.next_start_at = now + restartDelay(entry.failures);
    const limit = exit?.reason === 'memory_limit' || exit?.reason === 'process_limit' ? exit.reason : null;
    const record = state.services.get(service);
    const data: CrashReport = {
      reason: limit ?? (exit ? 'exit' : why),
      exit_code: exit?.code ?? null,
      signal: exit?.signal ?? null,
      uptime_ms: Math.max(0, (exit?.at ?? now) - started_at),
      restarts: record?.restarts_of === release_id ? record.restarts : 0,
      failures: entry.failures,
      next_start_at: entry.next_start_at,
      last_lines: instances.lastLines(instance),
    };
    const kind = limit ? 'service.limit_exceeded' : 'service.crashed';
    context.emit({ kind, severity: 'error', message, service, release_id, data });
    context.changed();
  };

  /** The serving instance has ended, or is of no use any more. */
  const fail = (entry: Entry, instance: LiveInstance, why: CrashReport['reason'], message: string) => {
    unwatch(entry);
    if (clock.now() - instance.started_at > stable_ms) entry.failures = 0;
    entry.instance = null;
    report(entry, instance, why, message);
    const { service } = instance;
    const signal_name = instance.exit?.reason === null ? instance.exit.signal : null;
    if (signal_name && killing.has(signal_name))
      drift_log.found(drift(`service ${service}`, 'it runs', `it was ended by ${signal_name}`), service);
    begin(entry, async (signal) => {
      await routing.point(service, { active: null, held: entry.failures === 1 });
      await instances.stop(instance);
      await clock.sleep(Math.max(0, entry.next_start_at - clock.now()), signal);
      if (!signal.aborted && !suspended) await restart(entry, signal);
    });
  };

  /** Runs the one piece of work that an entry may have at a time. */
  const begin = (entry: Entry, work: (signal: AbortSignal) => Promise<void>) => {
    const abort = new AbortController();
    const before = entry.attempt?.done;
    const done = (async () => {
      await before;
      await work(abort.signal);
    })()
      .catch((error: unknown) => {
        if (abort.signal.aborted) return;
        entry.failures++;
        entry.next_start_at = clock.now() + restartDelay(entry.failures);
        context.log.warn(
          { service: entry.service, reason: (error as Error).message },
          'a service could not be started',
        );
      })
      .finally(() => {
        if (entry.attempt?.abort === abort) entry.attempt = null;
        context.changed();
      });
    entry.attempt = { abort, done };
  };

  const restart = async (entry: Entry, signal: AbortSignal) => {
    const { service } = entry;
    const wanted = desired(service);
    if (wanted === null || signal.aborted) return;
    const { release_id } = wanted;
    const unasked = entry.failures > 0;
    await ensureBuild(service, wanted, signal);
    if (unasked) state.services.countRestart(service, release_id);
    const instance = await instances.start({
      service,
      desired: wanted,
      role: 'serving',
      port: await choosePort(entry, wanted),
      signal,
    });
    let healthy = false;
    try {
      const outcome = await waitUntilHealthy(context, instances, instance, signal);
      healthy = outcome.healthy;
      if (!outcome.healthy) {
        report(entry, instance, 'unhealthy', `The service did not come up: ${outcome.message}`);
        await routing.point(service, { active: null, held: false });
        return;
      }
      // What ended between the last check and here is found by tick.
      watch(entry, instance);
      await routing.point(service, { active: instance, held: false });
      drift_log.settled(`service ${service}`);
      context.emit({
        kind: 'service.restarted',
        severity: unasked ? 'warning' : 'notice',
        message: unasked
          ? `The service was restarted after failure ${entry.failures}.`
          : 'The service was started again.',
        service,
        release_id,
      });
    } finally {
      if (!healthy) await instances.stop(instance);
      context.changed();
    }
  };

  const choosePort = async (entry: Entry, wanted: DesiredService): Promise<number> => {
    if (wanted.port !== null) return wanted.port;
    if (entry.port !== null && (await isFree(entry.port))) {
      ports.hold(entry.port);
      return entry.port;
    }
    return ports.reserve();
  };

  instances.onExit((instance, exit) => {
    const entry = entries.get(instance.service);
    if (entry?.instance !== instance) return;
    const { message } = describeExit(exit, instance.desired, exit.at - instance.started_at);
    fail(entry, instance, 'exit', message);
  });

  const stateOf = (entry: Entry): ServiceState => {
    const up_ms = entry.instance && !entry.instance.exit ? clock.now() - entry.instance.started_at : 0;
    if (entry.failures >= crash_loop_failures && up_ms < crash_loop_over_ms) return 'crash_looping';
    if (!entry.instance) return suspended ? 'stopped' : 'starting';
    // It is healthy, and requests are not led to it yet.
    if (entry.attempt) return 'starting';
    return entry.watch?.status().state === 'unhealthy' ? 'unhealthy' : 'running';
  };

  const upkeep: Upkeep = {
    adopt(service, instance) {
      const entry: Entry = {
        service,
        instance: null,
        watch: null,
        attempt: null,
        failures: 0,
        next_start_at: 0,
        port: instance?.port ?? null,
      };
      entries.set(service, entry);
      if (instance) watch(entry, instance);
      upkeep.tick();
    },
    async surrender(service) {
      const entry = entries.get(service);
      if (!entry) return null;
      entries.delete(service);
      entry.attempt?.abort.abort();
      await entry.attempt?.done;
      unwatch(entry);
      return entry.instance;
    },
    tick() {
      if (suspended) return;
      const now = clock.now();
      for (const entry of entries.values()) {
        if (entry.attempt) continue;
        const { instance } = entry;
        if (instance?.exit) {
          const { message } = describeExit(instance.exit, instance.desired, instance.exit.at - instance.started_at);
          fail(entry, instance, 'exit', message);
        } else if (instance) {
          if (entry.failures > 0 && now - instance.started_at > stable_ms) entry.failures = 0;
        } else if (now >= entry.next_start_at) {
          begin(entry, (signal) => restart(entry, signal));
        }
      }
    },
    status(service) {
      const entry = entries.get(service);
      if (!entry) return null;
      const health = entry.watch?.status() ?? unknownHealth;
      return { state: stateOf(entry), instance: entry.instance, health };
    },
    suspend(next) {
      suspended = next;
      if (!suspended) for (const entry of entries.values()) Object.assign(entry, { failures: 0, next_start_at: 0 });
      upkeep.tick();
    },
    isSuspended: () => suspended,
    async release() {
      const serving: LiveInstance[] = [];
      for (const service of [...entries.keys()]) {
        const instance = await upkeep.surrender(service);
        if (instance) serving.push(instance);
        upkeep.adopt(service, null);
      }
      return serving;
    },
    renew(service) {
      const entry = entries.get(service);
      if (!entry?.instance || entry.attempt) return;
      const { instance } = entry;
      unwatch(entry);
      entry.instance = null;
      begin(entry, async (signal) => {
        await routing.point(service, { active: null, held: true });
        await instances.stop(instance);
        if (!signal.aborted) await restart(entry, signal);
      });
    },
    async stop() {
      await Promise.all([...entries.keys()].map((service) => upkeep.surrender(service)));
    },
  };
  return upkeep;
}
