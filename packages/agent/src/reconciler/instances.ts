/**
 * Instances as the reconciler holds them: journalled before they are started and until they are gone, so that a crash at
 * any point leaves nothing that recovery does not know or sweep away.
 */
import type { LastLine } from '@mainstay/contract/crash-report';
import type { DesiredService } from '@mainstay/contract/desired-state';
import { AppError } from '@mainstay/contract/errors';
import { newId } from '@mainstay/contract/ids';
import type { InstanceRecord, InstanceRole } from '../state/releases.ts';
import type { InstanceExit, InstanceSpec } from '../supervisor/supervisor.ts';
import type { Context } from './context.ts';
import type { Environment } from './environment.ts';
import type { Ports } from './ports.ts';

export type LiveInstance = {
  readonly id: string;
  readonly service: string;
  readonly release_id: string;
  readonly port: number;
  readonly desired: DesiredService;
  readonly started_at: number;
  readonly pid: number;
  /** Set once it has ended. */
  exit: InstanceExit | null;
};

export type StartRequest = {
  service: string;
  desired: DesiredService;
  role: InstanceRole;
  port: number;
  signal: AbortSignal;
};

export type Instances = {
  start(request: StartRequest): Promise<LiveInstance>;
  /** Takes back one of the journal; null, and forgotten, when it no longer runs. */
  recover(record: InstanceRecord): Promise<LiveInstance | null>;
  /** Stops it with all its processes, and forgets it. Idempotent. */
  stop(instance: LiveInstance): Promise<void>;
  all(): LiveInstance[];
  /** What it printed last, whether it runs or has ended. */
  lastLines(instance: LiveInstance): LastLine[];
  /** Resolves when it has ended. */
  ended(instance: LiveInstance): Promise<InstanceExit>;
  onExit(listener: (instance: LiveInstance, exit: InstanceExit) => void): void;
};

export function createInstances(context: Context, environment: Environment, ports: Ports): Instances {
  const { state, supervisor, workspace, clock } = context;
  const live = new Map<string, LiveInstance>();
  const waiters = new Map<string, ((exit: InstanceExit) => void)[]>();
  /** Exits of instances whose start has not returned yet. */
  const early = new Map<string, InstanceExit>();
  const listeners: ((instance: LiveInstance, exit: InstanceExit) => void)[] = [];

  supervisor.onExit((exit) => {
    const instance = live.get(exit.id);
    if (!instance) return void early.set(exit.id, exit);
    if (instance.exit) return;
    instance.exit = exit;
    for (const wake of waiters.get(exit.id) ?? []) wake(exit);
    waiters.delete(exit.id);
    for (const listener of listeners) listener(instance, exit);
  });

  const hold = (record: Omit<InstanceRecord, 'role' | 'handle' | 'drain_until'>, pid: number): LiveInstance => {
    const { id, service, release_id, port, desired, started_at } = record;
    const instance = { id, service, release_id, port, desired, started_at, pid, exit: early.get(id) ?? null };
    early.delete(id);
    live.set(id, instance);
    return instance;
  };
  const forget = (id: string, port: number, desired: DesiredService) => {
    try {
      state.releases.removeInstance(id);
    } catch (error) {
      // It is gone all the same; recovery clears what the journal then still has of it.
      context.log.warn({ instance: id, reason: (error as Error).message }, 'the end of an instance was not journalled');
    }
    if (desired.port === null) ports.release(port);
    live.delete(id);
    early.delete(id);
    waiters.delete(id);
  };
  const specOf = (
    record: Pick<InstanceRecord, 'id' | 'service' | 'release_id' | 'desired'>,
    directory: string,
    env: Record<string, string>,
  ): InstanceSpec => ({
    id: record.id,
    service: record.service,
    release_id: record.release_id,
    directory,
    command: record.desired.run,
    env,
    limits: record.desired.limits,
    stop_timeout_seconds: record.desired.stop_timeout_seconds,
  });

  return {
    async start({ service, desired, role, port, signal }) {
      const { release_id } = desired;
      const place = await workspace.locate(desired.build_id, desired.source.root);
      if (!place.ok) throw new AppError('Unavailable', place.message, { hint: place.hint ?? undefined });
      const env = await environment.ofService(service, desired, port, release_id, signal);
      signal.throwIfAborted();
      const id = newId('instance', clock.now());
      const record = { id, service, release_id, port, desired, started_at: clock.now() };
      state.releases.addInstance({ ...record, role, handle: null, drain_until: null });
      try {
        const handle = await supervisor.start(specOf(record, place.directory, env));
        state.releases.setHandle(id, handle);
        return hold(record, handle.pid);
      } catch (error) {
        await supervisor.stop(id);
        forget(id, port, desired);
        throw error;
      }
    },
    async recover(record) {
      const { id, desired, port, handle } = record;
      if (desired.port === null) ports.hold(port);
      // Folder and environment do not matter to what runs already.
      const recovered = handle && (await supervisor.recover(handle, specOf(record, '/', {})));
      if (recovered && supervisor.isRunning(id)) return hold(record, recovered.pid);
      await supervisor.stop(id);
      forget(id, port, desired);
      return null;
    },
    async stop(instance) {
      await supervisor.stop(instance.id);
      forget(instance.id, instance.port, instance.desired);
    },
    all: () => [...live.values()],
    lastLines: (instance) => instance.exit?.last_lines ?? supervisor.lastLines(instance.id),
    ended: (instance) =>
      new Promise((resolve) => {
        if (instance.exit) return resolve(instance.exit);
        waiters.set(instance.id, [...(waiters.get(instance.id) ?? []), resolve]);
      }),
    onExit: (listener) => void listeners.push(listener),
  };
}
