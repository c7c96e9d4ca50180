/**
 * A program that `up` keeps running. It runs in a session of its own, so that a Ctrl-C in the terminal reaches `up` alone,
 * which then ends things in order.
 *
 *   start ─▶ running ─(it ends by itself)─▶ waits 1, 2, 4 … 30 s ─▶ running
 *               │
 *             stop: the signal ─(timeout)─▶ SIGKILL
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { ProcessIdentity } from './process-identity.ts';
import { identityOf } from './process-identity.ts';
import { openProgramLog } from './program-log.ts';

export type BackgroundProgramOptions = {
  name: string;
  argv: readonly string[];
  env: Record<string, string>;
  log_path: string;
  onLine(line: string): void;
  /** It runs, for the first time or again. */
  onStart(identity: ProcessIdentity | null): void;
  /** It ended though nobody asked; it is started again after the delay. */
  onUnexpectedEnd(how: string, restart_in_ms: number): void;
};

export type BackgroundProgram = {
  readonly name: string;
  start(): void;
  /** How the last run ended; null while it runs. */
  ended(): string | null;
  tail(): string[];
  /** Ends it for good; true when it went by itself within the time. */
  stop(signal: NodeJS.Signals, timeout_ms: number): Promise<boolean>;
  kill(): void;
};

const backoff_first_ms = 1_000;
const backoff_max_ms = 30_000;
/** After a run as long as this, the next delay is the first one again. */
const stable_ms = 60_000;

export function createBackgroundProgram(options: BackgroundProgramOptions): BackgroundProgram {
  const log = openProgramLog(options.log_path, options.onLine);
  let child: ChildProcess | null = null;
  let end: string | null = null;
  let isStopping = false;
  let delay = backoff_first_ms;
  let restart: NodeJS.Timeout | undefined;
  let onEnd = () => {};

  const start = () => {
    clearTimeout(restart);
    const started = Date.now();
    end = null;
    const running = spawn(process.execPath, options.argv, {
      env: options.env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child = running;
    running.stdout.on('data', (chunk: Buffer) => log.write(chunk));
    running.stderr.on('data', (chunk: Buffer) => log.write(chunk));
    let isOver = false;
    const over = (how: string) => {
      if (isOver) return;
      isOver = true;
      child = null;
      end = how;
      onEnd();
      if (isStopping) return;
      if (Date.now() - started > stable_ms) delay = backoff_first_ms;
      options.onUnexpectedEnd(how, delay);
      restart = setTimeout(start, delay);
      delay = Math.min(delay * 2, backoff_max_ms);
    };
    running.once('error', (error) => over(error.message));
    // Not `close`: what the program itself left running may hold its pipes open.
    running.once('exit', (code, signal) => over(signal ?? `exit code ${code}`));
    if (running.pid !== undefined) options.onStart(identityOf(running.pid));
  };

  return {
    name: options.name,
    start,
    ended: () => end,
    tail: () => log.tail(),
    async stop(signal, timeout_ms) {
      isStopping = true;
      clearTimeout(restart);
      const running = child;
      if (!running) return true;
      const ended = new Promise<void>((resolve) => {
        onEnd = resolve;
      });
      running.kill(signal);
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<'late'>((resolve) => {
        timer = setTimeout(() => resolve('late'), timeout_ms);
      });
      const isLate = (await Promise.race([ended, late])) === 'late';
      clearTimeout(timer);
      if (isLate) {
        running.kill('SIGKILL');
        await ended;
      }
      return !isLate;
    },
    kill() {
      isStopping = true;
      clearTimeout(restart);
      child?.kill('SIGKILL');
    },
  };
}
