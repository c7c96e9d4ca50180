/**
 * How HAProxy itself is run. It outlives the agent in both ways: as a detached child in a session of its own, which works
 * everywhere, or as a systemd unit of its own, which the init system brings back without the agent.
 */
import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, renameSync, statSync } from 'node:fs';
import { baseEnvironment } from '@mainstay/runtime/exec';
import type { Drift } from '../../drift/drift.ts';
import type { ConfigFiles } from './config-text.ts';

export type StartAttempt = {
  /** Why it has ended already; null while it runs. */
  failure(): string | null;
  /** Gives the attempt up. */
  abandon(): Promise<void>;
};

export type HaproxyProcess = {
  start(): Promise<StartAttempt>;
  /** Asks it to end once nothing is open any more. */
  beginStop(master: number): Promise<void>;
  /** Ends it, whatever is open. */
  end(master: number): Promise<void>;
  /** Takes back what start made, after it has ended. */
  gone(): Promise<void>;
  /** Puts back what makes it start, outside of the state folder, and says what was other since the last time. */
  repair(): Promise<Drift[]>;
  /** Where its log is to be read. */
  log: string;
  lastLines(): Promise<string>;
};

export type ProcessPaths = { haproxy_path: string; files: ConfigFiles; master_socket: string; log: string };

const log_bytes_max = 1024 * 1024;

/** The arguments of HAProxy in master-worker mode; under systemd it tells when it is ready. */
export function haproxyArgv({ haproxy_path, files, master_socket }: ProcessPaths, notify: boolean): string[] {
  const socket = `${master_socket},mode,600,level,admin`;
  return [haproxy_path, notify ? '-Ws' : '-W', '-f', files.config, '-S', socket];
}

/** Runs HAProxy as a detached child. */
export function createChildProcess(paths: ProcessPaths, folder: string): HaproxyProcess {
  return {
    log: paths.log,
    lastLines: async () => readFileSync(paths.log, 'utf8').trimEnd().split('\n').slice(-4).join(' | '),
    repair: async () => [],
    gone: async () => {},
    async start() {
      if (existsSync(paths.log) && statSync(paths.log).size > log_bytes_max) renameSync(paths.log, `${paths.log}.1`);
      const output = openSync(paths.log, 'a', 0o600);
      const [file, ...args] = haproxyArgv(paths, false);
      let ended: string | null = null;
      try {
        const child = spawn(file!, args, {
          detached: true,
          cwd: folder,
          env: baseEnvironment(),
          stdio: ['ignore', output, output],
        });
        child.once('error', (error) => {
          ended = error.message;
        });
        child.once('exit', (code, signal) => {
          ended = `it ended with ${signal ?? `code ${code}`}`;
        });
        child.unref();
        return {
          failure: () => ended,
          abandon: async () => {
            if (ended === null && child.pid !== undefined) child.kill('SIGKILL');
          },
        };
      } finally {
        closeSync(output);
      }
    },
    beginStop: async (master) => signal(master, 'SIGUSR1'),
    end: async (master) => signal(master, 'SIGTERM'),
  };
}

/** Signals a process; one that is gone is no error. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
