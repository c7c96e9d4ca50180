/**
 * Running programs as a port. A command is an argv array, never a text for a shell; output, time and memory are bounded.
 * Programs run in a process group of their own, which is killed whole when the time is up.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';

export type ExecOptions = {
  cwd?: string;
  /** The whole environment of the program; nothing is inherited but PATH, HOME and the locale. */
  env?: Record<string, string>;
  /** Whether PATH, HOME and the locale of this process are handed on (true). */
  inherit_env?: boolean;
  stdin?: string | Uint8Array | Readable;
  /** Milliseconds. */
  timeout_ms?: number;
  /** Bytes kept of each of stdout and stderr; the rest is dropped. */
  output_bytes_max?: number;
  signal?: AbortSignal;
  /** Told of output as it comes, also of what is past the bound. */
  onOutput?: (from: 'stdout' | 'stderr', chunk: Buffer) => void;
};

export type ExecResult = {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
  /** Why it was killed, when it was. */
  killed: 'timeout' | 'aborted' | null;
  /** Set when the program could not be started. */
  error: NodeJS.ErrnoException | null;
};

export type Exec = (argv: readonly [string, ...string[]], options?: ExecOptions) => Promise<ExecResult>;

const inherited = ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TMPDIR', 'SSL_CERT_FILE', 'SSL_CERT_DIR', 'USER', 'LOGNAME'];

/** The part of this process's environment that programs are given. */
export function baseEnvironment(): Record<string, string> {
  const env: Record<string, string> = {};
  for (const name of inherited) {
    const value = process.env[name];
    if (value !== undefined) env[name] = value;
  }
  return env;
}

/** Kills a process group. Does nothing when it is gone. */
export function killGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // The group is gone, which is what was wanted.
  }
}

export const systemExec: Exec = (argv, options = {}) =>
  new Promise((resolve) => {
    const [file, ...args] = argv;
    const limit = options.output_bytes_max ?? 1024 * 1024;
    const output = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
    const size = { stdout: 0, stderr: 0 };
    let killed: ExecResult['killed'] = null;
    let child: ChildProcess;
    const finish = (code: number | null, signal: NodeJS.Signals | null, error: NodeJS.ErrnoException | null) => {
      clearTimeout(timer);
      options.signal?.removeEventListener('abort', abort);
      resolve({
        code,
        signal,
        stdout: Buffer.concat(output.stdout).toString('utf8'),
        stderr: Buffer.concat(output.stderr).toString('utf8'),
        killed,
        error,
      });
    };
    const stop = (why: 'timeout' | 'aborted') => {
      killed ??= why;
      if (child.pid !== undefined) killGroup(child.pid, 'SIGKILL');
    };
    const abort = () => stop('aborted');
    child = spawn(file, args, {
      cwd: options.cwd,
      env: { ...(options.inherit_env === false ? {} : baseEnvironment()), ...options.env },
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const timer = setTimeout(() => stop('timeout'), options.timeout_ms ?? 60_000);
    if (options.signal?.aborted) abort();
    options.signal?.addEventListener('abort', abort, { once: true });
    for (const name of ['stdout', 'stderr'] as const) {
      child[name]?.on('data', (chunk: Buffer) => {
        options.onOutput?.(name, chunk);
        const room = limit - size[name];
        if (room > 0) output[name].push(chunk.subarray(0, room));
        size[name] += chunk.length;
      });
    }
    child.stdin?.on('error', () => {});
    const { stdin = '' } = options;
    if (typeof stdin === 'string' || stdin instanceof Uint8Array) child.stdin?.end(stdin);
    else if (child.stdin) stdin.on('error', () => child.stdin?.destroy()).pipe(child.stdin);
    child.once('error', (error) => finish(null, null, error));
    child.once('close', (code, signal) => finish(code, signal, null));
  });
