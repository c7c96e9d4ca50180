/**
 * The Proxy port over the embedded proxy, a process of its own that outlives the agent: it is started in a session of its
 * own, found again by its control socket, and serves on while the agent is restarted or replaced.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AppError } from '@mainstay/contract/errors';
import { baseEnvironment } from '@mainstay/runtime/exec';
import type { Logger } from '@mainstay/runtime/log';
import { smallMalloc } from '@mainstay/runtime/node-flags';
import { http } from '@mainstay/runtime/node-http';
import { fileDrift } from '../drift/drift.ts';
import type { Proxy as ProxyPort, ProxyStatus } from './proxy.ts';
import { parseProxyConfig } from './server/config.ts';
import type { ProxyLimits } from './server/limits.ts';

export type EmbeddedProxyOptions = {
  /** State folder of the proxy: its socket, configuration, lock and log. At most 90 bytes long. */
  home: string;
  log: Logger;
  /** Node 24 or later; this process's own when left out. */
  node_path?: string;
  /** Program of the proxy; the source beside this file when left out. */
  entry_path?: string;
  /** Arguments that make the executable the proxy, in the place of flags and program: where one executable holds several programs. */
  command?: readonly string[];
  /** Departures from the default bounds. */
  limits?: Partial<ProxyLimits>;
};

const start_ms = 15_000;
const log_bytes_max = 1024 * 1024;
const answer_bytes_max = 16 * 1024 * 1024;
/** sun_path holds 108 bytes on Linux, 104 on macOS. */
const socket_path_bytes_max = 103;
const alreadyRuns = 3;

/** What was measured to help: see tests/bench/proxy.bench.ts. */
const nodeFlags = ['--max-semi-space-size=4', '--disable-warning=ExperimentalWarning'];

export function createEmbeddedProxy(options: EmbeddedProxyOptions): ProxyPort {
  const home = resolve(options.home);
  const socketPath = join(home, 'control.sock');
  const logPath = join(home, 'proxy.log');
  const configPath = join(home, 'config.json');
  const entryPath = options.entry_path ?? fileURLToPath(new URL('./embedded-proxy-main.ts', import.meta.url));
  if (Buffer.byteLength(socketPath) > socket_path_bytes_max) {
    throw new AppError('InvalidInput', `The path of the proxy's socket is too long: ${socketPath}`, {
      field: 'home',
      hint: `Choose a state folder whose path is at most ${socket_path_bytes_max - 13} bytes long.`,
    });
  }
  /** What the proxy has written down of what was applied last. */
  let stored: string | null = null;
  let ensuring: Promise<{ started: boolean; pid: number }> | null = null;

  const call = async (method: string, path: string, body?: unknown, timeout_ms = 30_000): Promise<string> => {
    const { status, text } = await controlRequest({ socketPath, method, path, body, timeout_ms });
    if (status === 200) return text;
    const { message } = JSON.parse(text) as { message: string };
    throw new AppError(status === 400 ? 'InvalidInput' : 'Internal', `The proxy refused: ${message}`);
  };

  /** Status of the proxy that answers on the socket, or null when none does. Its pid must be that of a proxy of this folder. */
  const adopt = async (): Promise<ProxyStatus | null> => {
    if (!existsSync(socketPath)) return null;
    let status: ProxyStatus;
    try {
      status = JSON.parse(await call('GET', '/status', undefined, 5_000)) as ProxyStatus;
    } catch (error) {
      if (isGone(error)) return null;
      throw error;
    }
    return isProxyProcess(status.pid, home) ? status : null;
  };

  const start = async (): Promise<{ started: boolean; pid: number }> => {
    mkdirSync(home, { recursive: true, mode: 0o700 });
    if (existsSync(logPath) && statSync(logPath).size > log_bytes_max) renameSync(logPath, `${logPath}.1`);
    const output = openSync(logPath, 'a', 0o600);
    const limits = options.limits ? ['--limits', JSON.stringify(options.limits)] : [];
    let child: ChildProcess;
    try {
      const program = options.command ?? [...nodeFlags, entryPath];
      child = spawn(options.node_path ?? process.execPath, [...program, '--state', home, ...limits], {
        detached: true,
        cwd: home,
        env: { ...baseEnvironment(), ...smallMalloc },
        stdio: ['ignore', output, output],
      });
    } finally {
      closeSync(output);
    }
    let ended: string | null = null;
    child.once('error', (error) => {
      ended = error.message;
    });
    child.once('exit', (code, signal) => {
      ended = code === alreadyRuns ? null : `it ended with ${signal ?? `code ${code}`}`;
    });
    child.unref();
    const deadline = Date.now() + start_ms;
    while (Date.now() < deadline) {
      const status = await adopt();
      if (status) {
        const started = status.pid === child.pid;
        // Another start was sooner. Ours must not be left to take over when that one stops.
        if (!started) child.kill('SIGKILL');
        return { started, pid: status.pid };
      }
      if (ended !== null) break;
      await new Promise((done) => setTimeout(done, 20));
    }
    if (ended === null && child.pid !== undefined) child.kill('SIGKILL');
    throw new AppError('Unavailable', `The proxy could not be started: ${ended ?? 'it does not answer'}.`, {
      hint: `Its log is ${logPath}: ${lastLine(logPath)}`,
    });
  };

  const ensureOnce = async () => {
    const running = await adopt();
    if (running) return { started: false, pid: running.pid };
    const result = await start();
    options.log.info({ pid: result.pid, started: result.started }, 'proxy runs');
    return result;
  };

  return {
    ensure: () => {
      ensuring ??= ensureOnce().finally(() => {
        ensuring = null;
      });
      return ensuring;
    },
    async apply(config) {
      stored = null;
      const text = await call('PUT', '/config', config);
      stored = JSON.stringify(parseProxyConfig(config));
      const { listener_errors } = JSON.parse(text) as Pick<ProxyStatus, 'listener_errors'>;
      if (listener_errors.length === 0) return;
      throw new AppError('Unavailable', listener_errors.map(({ message }) => message).join(' '), {
        hint: 'All else of the configuration is in force; the port is tried again every few seconds.',
      });
    },
    async repair() {
      if (stored === null) return [];
      const found = fileDrift(configPath, stored);
      if (found === null) return [];
      mkdirSync(home, { recursive: true, mode: 0o700 });
      writeFileSync(`${configPath}.back`, stored, { mode: 0o600 });
      renameSync(`${configPath}.back`, configPath);
      return [found];
    },
    status: async () => JSON.parse(await call('GET', '/status')) as ProxyStatus,
    cut: async (backend_id) => {
      await call('POST', '/cut', { backend_id });
    },
    metrics: () => call('GET', '/metrics'),
    async stop(drain_ms) {
      const status = await adopt();
      if (!status) return;
      await call('POST', '/stop', { drain_ms }, drain_ms + 10_000);
      const deadline = Date.now() + 5_000;
      while (isProxyProcess(status.pid, home) && Date.now() < deadline) {
        await new Promise((done) => setTimeout(done, 10));
      }
      rmSync(socketPath, { force: true });
    },
  };
}

type ControlRequest = { socketPath: string; method: string; path: string; body: unknown; timeout_ms: number };

function controlRequest(options: ControlRequest): Promise<{ status: number; text: string }> {
  const { socketPath, method, path, body, timeout_ms } = options;
  return new Promise((done, reject) => {
    const content = body === undefined ? '' : JSON.stringify(body);
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(content) };
    const outgoing = http.request({
      socketPath,
      method,
      path,
      headers,
      agent: false,
      signal: AbortSignal.timeout(timeout_ms),
    });
    outgoing.once('response', (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > answer_bytes_max) outgoing.destroy(new Error('its answer is too large'));
        chunks.push(chunk);
      });
      response.once('error', reject);
      response.once('end', () => done({ status: response.statusCode!, text: Buffer.concat(chunks).toString('utf8') }));
    });
    outgoing.once('error', (cause: NodeJS.ErrnoException) => {
      const late = cause.name === 'AbortError' || cause.code === 'ABORT_ERR';
      const message = `The proxy does not answer: ${late ? `nothing came within ${timeout_ms} ms` : cause.message}.`;
      reject(new AppError(late ? 'Timeout' : 'Unavailable', message, { cause }));
    });
    outgoing.end(content);
  });
}

/** Whether nobody listens on the socket. */
function isGone(error: unknown): boolean {
  const code = error instanceof AppError ? (error.cause as NodeJS.ErrnoException | undefined)?.code : undefined;
  return code === 'ECONNREFUSED' || code === 'ENOENT' || code === 'ECONNRESET';
}

/** Whether a pid is alive and, where /proc tells, the proxy of this folder and no later process with the same number. */
function isProxyProcess(pid: number, home: string): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  try {
    const argv = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    return argv[argv.indexOf('--state') + 1] === home;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' && !existsSync('/proc/self');
  }
}

function lastLine(path: string): string {
  try {
    return readFileSync(path, 'utf8').trimEnd().split('\n').slice(-3).join(' | ').slice(-1_000);
  } catch {
    return 'empty';
  }
}
