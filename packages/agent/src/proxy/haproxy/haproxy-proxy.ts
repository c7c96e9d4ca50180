/**
 * The Proxy port over HAProxy. A release switch, a hold and a cut are commands on its socket; only other listeners, routes
 * or services need a reload, which HAProxy makes without closing a port. Nothing is remembered here: what runs is asked,
 * so that an agent that was restarted goes on with what it finds. See ADR 0022.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '@mainstay/contract/errors';
import { systemExec } from '@mainstay/runtime/exec';
import type { Logger } from '@mainstay/runtime/log';
import type { ProxyConfig, Proxy as ProxyPort } from '../proxy.ts';
import { ConfigError, parseProxyConfig } from '../server/config.ts';
import { bindAddress, type ConfigText, filesIn, renderConfig } from './config-text.ts';
import { replaceFile } from './files.ts';
import { defaultHaproxyLimits, type HaproxyLimits } from './limits.ts';
import { type ListenerError, tryListener, wantedListeners } from './listeners.ts';
import { createMasterSocket, isGone, type Processes } from './master-socket.ts';
import { renderHaproxyMetrics } from './metrics.ts';
import { createChildProcess, type HaproxyProcess, type ProcessPaths } from './process.ts';
import { luaProgram } from './program.ts';
import { withLock } from './start-lock.ts';
import { createWorkers, statOf } from './workers.ts';

export type HaproxyProxyOptions = {
  /** State folder: configuration, maps, socket and log. At most 85 bytes of letters, digits and `._-/`. */
  home: string;
  log: Logger;
  haproxy_path?: string;
  limits?: Partial<HaproxyLimits>;
  /** User and group of the workers, where the agent is root; null to stay root. `haproxy` when left out and there. */
  user?: { user: string; group: string } | null;
  /** How HAProxy is run; a detached child when left out. */
  process?: (paths: ProcessPaths, home: string) => HaproxyProcess;
};

const nothing: ProxyConfig = { external: null, internal: null, routes: [], services: {} };
const start_ms = 15_000;
const poll_ms = 10;
const listener_retry_ms = 1_000;
const home_bytes_max = 85;

export function createHaproxyProxy(options: HaproxyProxyOptions): ProxyPort {
  const home = resolve(options.home);
  if (Buffer.byteLength(home) > home_bytes_max || /[^\w./-]/.test(home)) {
    throw new AppError('InvalidInput', `HAProxy cannot keep its state in ${home}.`, {
      field: 'home',
      hint: `Choose a folder whose path is at most ${home_bytes_max} bytes of letters, digits, dots, dashes and underscores; a longer one is too long for a socket.`,
    });
  }
  const files = filesIn(home);
  const paths: ProcessPaths = {
    haproxy_path: options.haproxy_path ?? 'haproxy',
    files,
    master_socket: `${home}/master.sock`,
    log: `${home}/proxy.log`,
  };
  const limits = { ...defaultHaproxyLimits, ...options.limits };
  const user = options.user === undefined ? workerUser() : options.user;
  const { log } = options;
  const socket = createMasterSocket(paths.master_socket, () => hasHaproxy(home));
  const workers = createWorkers(socket, files, (message) => log.warn({}, message));
  const runner = (options.process ?? createChildProcess)(paths, home);

  let ensuring: Promise<{ started: boolean; pid: number }> | null = null;
  let wanted: ProxyConfig | null = null;
  let listenerErrors: ListenerError[] = [];
  let retry: NodeJS.Timeout | null = null;
  let queue: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(run: () => Promise<T>): Promise<T> => {
    const result = queue.then(run);
    queue = result.catch(() => {});
    return result;
  };

  const structureOf = async (pid: number): Promise<string | null> =>
    /^Description: (\S*)$/im.exec(await socket.askWorker(pid, 'show info').catch(() => ''))?.[1] ?? null;

  /** The processes, or null when none runs. */
  const adopt = async (): Promise<Processes | null> => {
    const deadline = Date.now() + start_ms;
    for (;;) {
      try {
        const processes = await socket.processes();
        if (processes.worker !== null) return processes;
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

  const render = (config: ProxyConfig, left_out: ReadonlySet<string>): ConfigText =>
    renderConfig(config, { files, limits, user, left_out, secret: secretIn(files.secret) });

  /** Writes what HAProxy reads when it starts. */
  const write = async (text: ConfigText): Promise<void> => {
    await replaceFile(files.lua, luaProgram(files.held, limits));
    await replaceFile(files.routes, text.routes);
    await replaceFile(files.hosts, text.hosts);
    await replaceFile(files.held, text.held);
    await replaceFile(files.releases, text.releases);
    await replaceFile(files.config, text.text);
  };

  const start = async (): Promise<{ started: boolean; pid: number }> => {
    mkdirSync(home, { recursive: true, mode: 0o700 });
    return withLock(`${home}/lock`, start_ms, async () => {
      const running = await adopt();
      if (running) return { started: false, pid: running.master };
      try {
        readFileSync(files.config);
      } catch {
        await write(render(nothing, new Set()));
      }
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
      throw new AppError('Unavailable', `The proxy could not be started: ${why}.`, {
        hint: `Its log is ${paths.log}: ${lastLines(paths.log)}`,
      });
    });
  };

  const ensureOnce = async () => {
    const running = await adopt();
    if (running) return { started: false, pid: running.master };
    const result = await start();
    log.info({ pid: result.pid, started: result.started }, 'haproxy runs');
    return result;
  };

  const running = async (): Promise<Processes & { worker: number }> => {
    const processes = await adopt();
    if (!processes) throw new AppError('Unavailable', 'HAProxy does not run.');
    return { ...processes, worker: processes.worker! };
  };
  const all = ({ worker, old }: { worker: number; old: number[] }) => [worker, ...old];

  /** Lets a new worker take over; resolves when it takes all new connections. */
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
      hint: `Its log is ${paths.log}: ${lastLines(paths.log)}`,
    });
  };
  const isStopping = async (pid: number) => {
    const info = await socket.askWorker(pid, 'show info').catch(() => '');
    return !/^Stopping: 0$/m.test(info);
  };

  /** Tries the ports that the running HAProxy does not have; gives those that cannot be had, as bind addresses. */
  const tryListeners = async (config: ProxyConfig, structure: string | null) => {
    const current = readText(files.config);
    const has = current.includes(`description ${structure}\n`) ? bindAddresses(current) : new Set<string>();
    const left_out = new Set<string>();
    const errors: ListenerError[] = [];
    for (const listener of wantedListeners(config)) {
      const at = bindAddress(listener.host, listener.port);
      const error = has.has(at) ? null : await tryListener(listener);
      if (!error) continue;
      left_out.add(at);
      errors.push(error);
    }
    return { left_out, errors };
  };

  const applyNow = async (config: ProxyConfig): Promise<void> => {
    const processes = await running();
    const structure = await structureOf(processes.worker);
    const { left_out, errors } = await tryListeners(config, structure);
    const text = render(config, left_out);
    if (text.structure !== structure) {
      await replaceFile(`${files.config}.candidate`, text.text);
      await validate(`${files.config}.candidate`);
    }
    await write(text);
    // Workers of before send onward what comes to them, so that only this one has to know.
    await workers.tell(processes.worker, config);
    if (text.structure !== structure) await reload(processes, text.structure);
    await workers.tidy((await running()).worker, config);
    listenerErrors = errors;
    scheduleRetry();
  };

  /** Ports that could not be had are tried again while the agent runs. */
  const scheduleRetry = () => {
    if (retry) clearTimeout(retry);
    retry = null;
    if (listenerErrors.length === 0) return;
    retry = setTimeout(() => {
      retry = null;
      inTurn(async () => {
        if (wanted && listenerErrors.length > 0) await applyNow(wanted);
      }).catch((error: Error) => {
        log.warn({ reason: error.message }, 'a port could not be tried again');
        scheduleRetry();
      });
    }, listener_retry_ms);
    retry.unref();
  };

  return {
    ensure: () => {
      ensuring ??= ensureOnce().finally(() => {
        ensuring = null;
      });
      return ensuring;
    },
    async apply(given) {
      const config = checked(given);
      await inTurn(async () => {
        wanted = config;
        await applyNow(config);
      });
      if (listenerErrors.length === 0) return;
      throw new AppError('Unavailable', listenerErrors.map(({ message }) => message).join(' '), {
        hint: 'All else of the configuration is in force; the port is tried again every few seconds.',
      });
    },
    async status() {
      const processes = await running();
      return { pid: processes.master, ...(await workers.count(all(processes))), listener_errors: listenerErrors };
    },
    cut: async (backend_id) => {
      const processes = await running();
      await workers.cut(all(processes), backend_id);
    },
    async metrics() {
      const processes = await running();
      const { waiting } = await workers.count(all(processes));
      return renderHaproxyMetrics(await statOf(socket, processes.worker), waiting, all(processes));
    },
    async stop(drain_ms) {
      if (retry) clearTimeout(retry);
      retry = null;
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
      rmSync(paths.master_socket, { force: true });
    },
  };
}

function checked(config: unknown): ProxyConfig {
  try {
    return parseProxyConfig(config);
  } catch (error) {
    if (error instanceof ConfigError) throw new AppError('InvalidInput', `The proxy refused: ${error.message}`);
    throw error;
  }
}

/** The secret of this state folder, made when there is none. */
function secretIn(path: string): string {
  const found = readText(path);
  if (/^[0-9a-f]{32}$/.test(found)) return found;
  const made = randomBytes(16).toString('hex');
  writeFileSync(path, made, { mode: 0o600 });
  return made;
}

/** The addresses that a configuration opens. */
function bindAddresses(text: string): Set<string> {
  return new Set([...text.matchAll(/^ {2}bind '([^']+)' proto h1$/gm)].map((match) => match[1]!));
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function lastLines(path: string): string {
  return readText(path).trimEnd().split('\n').slice(-4).join(' | ').slice(-1_000) || 'empty';
}

/** Whether a pid is alive and HAProxy with this state folder, not a later process of the same number. */
function isHaproxyOf(pid: number, home: string): boolean {
  return readText(`/proc/${pid}/cmdline`).includes(`${home}/haproxy.cfg`);
}

function hasHaproxy(home: string): boolean {
  return readdirSync('/proc').some((name) => /^\d+$/.test(name) && isHaproxyOf(Number(name), home));
}

/** Debian's user for HAProxy, where this process may change to it. */
function workerUser(): (HaproxyProxyOptions['user'] & object) | null {
  if (process.getuid?.() !== 0) return null;
  return /^haproxy:/m.test(readText('/etc/passwd')) && /^haproxy:/m.test(readText('/etc/group'))
    ? { user: 'haproxy', group: 'haproxy' }
    : null;
}
