/**
 * The tunnel of a server, as a part of its server state. The program is an instance of the supervisor like a service's: it outlives the
 * agent, is adopted again by its handle, and is sandboxed as services are.
 * ```
 *   apply ─▶ start ─▶ ready? ──▶ the one before is stopped
 *                       └ no, within 30 s ─▶ it is stopped, the one before stays, the change fails
 * ```
 * A new token runs beside the old one until it is connected, so that an exchange cuts nothing.
 */
import {
  accessSync,
  closeSync,
  constants,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { newId } from '@mainstay/contract/ids';
import type { TunnelObserved } from '@mainstay/contract/server-state';
import { Limits } from '@mainstay/contract/stack';
import type { Clock } from '@mainstay/runtime/clock';
import type { Logger } from '@mainstay/runtime/log';
import { createBackoff } from '../link/backoff.ts';
import { ServerFailure, type ServerPart } from '../server/server-part.ts';
import type { NewAgentEvent } from '../state/event-outbox.ts';
import type { InstanceExit, InstanceHandle, InstanceSpec, Supervisor } from '../supervisor/supervisor.ts';
import type { TunnelProgram } from './tunnel-program.ts';

export type TunnelOptions = {
  home: string;
  program: TunnelProgram;
  supervisor: Pick<Supervisor, 'start' | 'recover' | 'stop' | 'isRunning' | 'lastLines' | 'onExit'>;
  /** The value behind a commitment of the signed document. */
  resolve(commitment: string, signal: AbortSignal): Promise<string>;
  clock: Clock;
  log: Logger;
  emit(event: NewAgentEvent): void;
  changed(): void;
  /** How long a tunnel may take to be connected, milliseconds. */
  ready_within_ms?: number;
};

export type TunnelPart = ServerPart & {
  /** Takes back a tunnel that runs; before the supervisor's sweep. Gives the ids of instances that are the tunnel's. */
  recover(): Promise<string[]>;
  /** Ends the tunnel's program. What is wanted stays so: `keepUp` starts it again. */
  stop(): Promise<void>;
  observe(): TunnelObserved | null;
  /** What runs its program; null while nothing does. */
  handle(): InstanceHandle | null;
};

type Running = { id: string; token: string; metrics_port: number; handle: InstanceHandle | null };

const service = 'mainstay-tunnel';
const release_id = `rel_${'0'.repeat(24)}`;
const stop_timeout_seconds = 30;

export function createTunnelPart(options: TunnelOptions): TunnelPart {
  const { home, program, supervisor, clock, log, emit, changed, ready_within_ms = 30_000 } = options;
  const path = join(home, 'tunnel.json');
  let running: Running | null = null;
  let observed: TunnelObserved | null = null;
  const backoff = createBackoff();
  let start_again_at = 0;
  let last_exit: InstanceExit | null = null;

  supervisor.onExit((exit) => {
    last_exit = exit;
  });

  const note = (state: TunnelObserved['state'], message: string) => {
    if (observed?.state === state) return void Object.assign(observed, { message });
    const before = observed?.state;
    observed = { kind: program.kind, state, since: clock.now(), message };
    if (state === 'connected')
      emit({ kind: 'tunnel.connected', severity: 'notice', message: `The tunnel is connected: ${message}.` });
    else if (before === 'connected')
      emit({ kind: 'tunnel.down', severity: 'error', message: `The tunnel is down: ${message}.` });
    changed();
  };

  const specOf = ({ id, metrics_port }: Running, value: string): InstanceSpec => ({
    id,
    service,
    release_id,
    directory: '/',
    command: program.command(metrics_port),
    env: { PATH: process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin', HOME: '/nonexistent', ...program.env(value) },
    limits: Limits.parse({ memory_mb: 512 }),
    stop_timeout_seconds,
  });

  /** Starts the program; its id is on disk before it runs, so that a crash between the two leaves nothing unknown. */
  const start = async (token: string, signal: AbortSignal): Promise<Running> => {
    const value = await options.resolve(token, signal);
    const next: Running = { id: newId('instance', clock.now()), token, metrics_port: await freePort(), handle: null };
    save(path, { running, next });
    try {
      next.handle = await supervisor.start(specOf(next, value));
    } catch (error) {
      await stop(next);
      throw error;
    }
    save(path, { running, next });
    return next;
  };
  const stop = async (instance: Running) => supervisor.stop(instance.id);

  const waitUntilReady = async (instance: Running, signal: AbortSignal): Promise<void> => {
    const until = clock.now() + ready_within_ms;
    for (;;) {
      if (!supervisor.isRunning(instance.id)) throw failure(instance, 'it ended');
      const { ready, message } = await program.readiness(instance.metrics_port, signal);
      if (ready) return note('connected', message);
      signal.throwIfAborted();
      if (clock.now() >= until) throw failure(instance, `${message} after ${ready_within_ms / 1000} s`);
      await clock.sleep(250, signal);
    }
  };
  const failure = (instance: Running, why: string) => {
    const said = (last_exit?.id === instance.id ? last_exit.last_lines : supervisor.lastLines(instance.id)).map(
      ({ text }) => text,
    );
    const last = said.length > 0 ? ` It said: ${said.slice(-3).join(' / ')}` : '';
    return new ServerFailure(
      `The tunnel did not connect: ${why}.${last}`,
      'Is the token right, and may this server reach the outside? What was in force before stays.',
    );
  };

  const bringUp = async (token: string, signal: AbortSignal) => {
    const before = running;
    if (before?.token === token && supervisor.isRunning(before.id)) return waitUntilReady(before, signal);
    if (!isInstalled(program.path))
      throw new ServerFailure(`${program.path} is not installed on this server.`, program.install_hint);
    const next = await start(token, signal);
    try {
      await waitUntilReady(next, signal);
    } catch (error) {
      await stop(next);
      save(path, { running: before, next: null });
      if (!before) observed = null;
      throw error;
    }
    running = next;
    save(path, { running, next: null });
    if (before) await stop(before);
  };

  const takeDown = async () => {
    if (running) await stop(running);
    running = null;
    observed = null;
    rmSync(path, { force: true });
    changed();
  };

  return {
    name: 'tunnel',
    async apply({ tunnel }, signal) {
      if (tunnel) await bringUp(tunnel.token, signal);
      else await takeDown();
    },

    async keepUp({ tunnel }) {
      if (!tunnel) return;
      const never = new AbortController().signal;
      try {
        if (running && supervisor.isRunning(running.id)) {
          const { ready, message } = await program.readiness(running.metrics_port, never);
          note(ready ? 'connected' : 'down', message);
          if (ready) backoff.reset();
          return;
        }
        note('down', 'its program does not run');
        if (clock.now() < start_again_at) return;
        start_again_at = clock.now() + backoff.next();
        running = await start(tunnel.token, never);
        save(path, { running, next: null });
        note('connecting', 'its program was started again');
      } catch (error) {
        log.warn({ reason: (error as Error).message }, 'the tunnel could not be kept up');
        note('down', (error as Error).message.slice(0, 1_000));
      }
    },

    async recover() {
      const stored = load(path);
      const ids: string[] = [];
      for (const instance of [stored.running, stored.next]) {
        if (!instance) continue;
        // Command and environment do not matter to what runs already.
        const handle = instance.handle && (await supervisor.recover(instance.handle, specOf(instance, '')));
        if (instance === stored.running && handle && supervisor.isRunning(instance.id)) {
          running = { ...instance, handle };
          ids.push(instance.id);
        } else {
          await stop(instance);
        }
      }
      if (running) save(path, { running, next: null });
      return ids;
    },

    stop: takeDown,
    observe: () => observed,
    handle: () => running?.handle ?? null,
  };
}

type Stored = { running: Running | null; next: Running | null };

function save(path: string, stored: Stored): void {
  const file = openSync(`${path}.new`, 'w', 0o600);
  writeSync(file, JSON.stringify(stored));
  fsyncSync(file);
  closeSync(file);
  renameSync(`${path}.new`, path);
}

function load(path: string): Stored {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Stored;
  } catch {
    return { running: null, next: null };
  }
}

function isInstalled(program: string): boolean {
  const folders = program.includes('/') ? [''] : (process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin').split(':');
  return folders.some((folder) => {
    try {
      accessSync(folder === '' ? program : join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** A loopback port that is free now; the program has it a moment later. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}
