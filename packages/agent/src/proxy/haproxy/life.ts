/**
 * The life of HAProxy's processes: found again, started once however many want it, given another configuration, ended.
 * ```
 *  none ──start──▶ master + worker ──reload──▶ master + worker + old workers, which end with what is open on them
 * ```
 */
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '@mainstay/contract/errors';
import { systemExec } from '@mainstay/runtime/exec';
import type { Logger } from '@mainstay/runtime/log';
import { isAlive, readProcess } from '../../supervisor/proc.ts';
import { isGone, type MasterSocket, type Processes } from './master-socket.ts';
import type { HaproxyProcess, ProcessPaths } from './process.ts';
import { withLock } from './start-lock.ts';
import { structureIn } from './workers.ts';

const start_ms = 15_000;
const poll_ms = 10;
const start_attempts_max = 4;
/** While its processes live, HAProxy itself is asked no more often, milliseconds; the watch for drift asks it sooner, and counts here too. */
const ask_interval_ms = 15_000;

export type Life = {
  /** Starts HAProxy unless it runs. */
  ensure(): Promise<{ started: boolean; pid: number }>;
  /** The processes, or null when none runs. */
  adopt(): Promise<Processes | null>;
  /** Hash of the structure that a worker has loaded; null when it does not tell. */
  structureOf(pid: number): Promise<string | null>;
  /** Throws AppError when HAProxy would not take the file. */
  validate(path: string): Promise<void>;
  /** Lets a new worker take over; resolves when it takes all new connections. */
  reload(before: Processes, structure: string): Promise<void>;
  stop(drain_ms: number): Promise<void>;
};

export type LifeOptions = {
  home: string;
  paths: ProcessPaths;
  socket: MasterSocket;
  runner: HaproxyProcess;
  log: Logger;
  /** Makes sure that there is a configuration to start with. */
  prepare(): Promise<void>;
};

export function createLife({ home, paths, socket, runner, log, prepare }: LifeOptions): Life {
  let ensuring: Promise<{ started: boolean; pid: number }> | null = null;
  /** Master and worker when they were asked last: that they live costs two reads of /proc, and no connection. */
  let seen: { processes: [Same, Same]; until: number } | null = null;

  const remember = (master: number, worker: number) => {
    const processes: [Same, Same] = [sameAs(master), sameAs(worker)];
    seen = { processes, until: performance.now() + ask_interval_ms };
  };

  const structureOf = async (pid: number): Promise<string | null> =>
    structureIn(await socket.askWorker(pid, 'show info').catch(() => ''));

  const adopt = async (): Promise<Processes | null> => {
    const deadline = Date.now() + start_ms;
    for (;;) {
      try {
        const processes = await socket.processes();
        if (processes.worker !== null) {
          remember(processes.master, processes.worker);
          return processes;
        }
      } catch (error) {
        if (!isGone(error)) throw error;
        if (!hasHaproxy(home)) return null;
      }
      if (Date.now() > deadline) throw new AppError('Unavailable', 'HAProxy runs, and has no worker.');
      await sleep(poll_ms);
    }
  };

  const validate = async (path: string): Promise<void> => {
    const { code, stderr, stdout, error } = await systemExec([paths.haproxy_path, '-c', '-f', path], {
      timeout_ms: 15_000,
    });
    if (error) {
      throw new AppError('Unavailable', `HAProxy cannot be run: ${error.message}.`, {
        hint: 'Install it: apt-get install haproxy',
      });
    }
    if (code === 0) return;
    const said = `${stderr}${stdout}`.split('\n').filter((line) => /ALERT|error/i.test(line));
    throw new AppError('Internal', `HAProxy refused the configuration: ${said.join(' ').slice(0, 1_000)}`, {
      hint: 'The configuration of before stays in force.',
    });
  };

  const isValid = () =>
    validate(paths.files.config).then(
      () => true,
      () => false,
    );

  const logHint = async () =>
    `Its log is ${runner.log}: ${(await runner.lastLines().catch(() => '')).slice(-1_000) || 'empty'}`;

  const start = async (): Promise<{ started: boolean; pid: number }> => {
    mkdirSync(home, { recursive: true, mode: 0o700 });
    return withLock(`${home}/lock`, start_ms, async () => {
      const running = await adopt();
      if (running) return { started: false, pid: running.master };
      await prepare();
      for (let attempts = 1; ; attempts++) {
        const attempt = await runner.start();
        const deadline = Date.now() + start_ms;
        while (Date.now() < deadline && attempt.failure() === null) {
          const processes = await adopt();
          if (processes && (await structureOf(processes.worker!)) !== null)
            return { started: true, pid: processes.master };
          await sleep(poll_ms);
        }
        const why = attempt.failure() ?? 'it does not answer';
        await attempt.abandon();
        // A process that was killed may have its ports for a moment when nothing of it is to be seen any more.
        if (attempts < start_attempts_max && (await isValid())) {
          await sleep(attempts * 100);
          continue;
        }
        throw new AppError('Unavailable', `The proxy could not be started: ${why}.`, { hint: await logHint() });
      }
    });
  };

  const ensureOnce = async () => {
    const is_known = seen !== null && performance.now() < seen.until && seen.processes.every(isSame);
    if (seen && is_known) return { started: false, pid: seen.processes[0].pid };
    const running = await adopt();
    if (running) return { started: false, pid: running.master };
    const result = await start();
    log.info({ pid: result.pid, started: result.started }, 'haproxy runs');
    return result;
  };

  const reload = async (before: Processes, structure: string): Promise<void> => {
    await socket.ask('reload');
    const deadline = Date.now() + start_ms;
    while (Date.now() < deadline) {
      await sleep(poll_ms);
      const now = await adopt();
      if (!now) break;
      if (now.failed_reloads > before.failed_reloads) break;
      if (now.worker === before.worker || (await structureOf(now.worker!)) !== structure) continue;
      if (now.old.includes(before.worker!) && !(await isStopping(before.worker!))) continue;
      return;
    }
    throw new AppError('Unavailable', 'HAProxy did not take the new configuration; that of before is in force.', {
      hint: await logHint(),
    });
  };
  const isStopping = async (pid: number) => {
    const info = await socket.askWorker(pid, 'show info').catch(() => '');
    return !/^Stopping: 0$/m.test(info);
  };

  const stop = async (drain_ms: number): Promise<void> => {
    const processes = await adopt();
    if (!processes) return;
    const { master } = processes;
    const pids = [master, processes.worker!, ...processes.old];
    const gone = async (within_ms: number) => {
      const deadline = Date.now() + within_ms;
      while (pids.some((pid) => isHaproxyOf(pid, home))) {
        if (Date.now() >= deadline) return false;
        await sleep(poll_ms);
      }
      return true;
    };
    await runner.beginStop(master);
    if (!(await gone(drain_ms))) {
      await runner.end(master);
      if (!(await gone(5_000))) for (const pid of pids) if (isHaproxyOf(pid, home)) process.kill(pid, 'SIGKILL');
    }
    await runner.gone();
    rmSync(paths.master_socket, { force: true });
  };

  return {
    ensure: () => {
      ensuring ??= ensureOnce().finally(() => {
        ensuring = null;
      });
      return ensuring;
    },
    adopt,
    structureOf,
    validate,
    reload,
    stop,
  };
}

type Same = { pid: number; start_ticks: number };
const sameAs = (pid: number): Same => ({ pid, start_ticks: readProcess(pid)?.start_ticks ?? -1 });
const isSame = ({ pid, start_ticks }: Same) => isAlive(pid, start_ticks);

/** Whether a pid is alive and HAProxy with this state folder, not a later process of the same number. */
function isHaproxyOf(pid: number, home: string): boolean {
  return cmdlineOf(pid).includes(`${home}/haproxy.cfg`);
}

/** Whether HAProxy runs with this state folder. */
export function hasHaproxy(home: string): boolean {
  return readdirSync('/proc').some((name) => /^\d+$/.test(name) && isHaproxyOf(Number(name), home));
}

function cmdlineOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}
