/**
 * The Proxy port over HAProxy. A release switch, a hold and a cut are commands on its socket; only other listeners, routes
 * or services need a reload, which HAProxy makes without closing a port. Nothing is remembered here: what runs is asked,
 * so that an agent that was restarted goes on with what it finds. See ADR 0022.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { AppError } from '@mainstay/contract/errors';
import type { Logger } from '@mainstay/runtime/log';
import { type Drift, drift, fileDrift } from '../../drift/drift.ts';
import { readListeningPorts } from '../../supervisor/proc.ts';
import type { ProxyConfig, Proxy as ProxyPort } from '../proxy.ts';
import { ConfigError, parseProxyConfig } from '../server/config.ts';
import { bindAddress, type ConfigText, filesIn, renderConfig } from './config-text.ts';
import { replaceFile } from './files.ts';
import { createLife, hasHaproxy } from './life.ts';
import { defaultHaproxyLimits, type HaproxyLimits } from './limits.ts';
import { type ListenerError, tryListener, wantedListeners } from './listeners.ts';
import { createMasterSocket, type Processes } from './master-socket.ts';
import { renderHaproxyMetrics } from './metrics.ts';
import { createChildProcess, type HaproxyProcess, type ProcessPaths } from './process.ts';
import { luaProgram } from './program.ts';
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

  const prepare = async () => {
    if (readText(files.config) === '') await write(render(nothing, new Set()));
  };
  const life = createLife({ home, paths, socket, runner, log, prepare });

  let wanted: ProxyConfig | null = null;
  /** Null while what is wanted is not in force. */
  let applied: ProxyConfig | null = null;
  let secret: string | null = null;
  let listenerErrors: ListenerError[] = [];
  let retry: NodeJS.Timeout | null = null;
  let queue: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(run: () => Promise<T>): Promise<T> => {
    const result = queue.then(run);
    queue = result.catch(() => {});
    return result;
  };

  const ownSecret = (): string => {
    secret ??= secretIn(files.secret);
    return secret;
  };

  const render = (config: ProxyConfig, left_out: ReadonlySet<string>): ConfigText =>
    renderConfig(config, { files, limits, user, left_out, secret: ownSecret() });

  /** All that HAProxy reads when it starts; the configuration last. */
  const stateFiles = (text: ConfigText) => [
    { path: files.secret, text: ownSecret() },
    { path: files.lua, text: luaProgram(files.held, limits) },
    { path: files.routes, text: text.routes },
    { path: files.hosts, text: text.hosts },
    { path: files.held, text: text.held },
    { path: files.releases, text: text.releases },
    { path: files.config, text: text.text },
  ];

  const write = async (text: ConfigText): Promise<void> => {
    mkdirSync(home, { recursive: true, mode: 0o700 });
    for (const { path, text: content } of stateFiles(text)) await replaceFile(path, content);
  };

  const running = async (): Promise<Processes & { worker: number }> => {
    const processes = await life.adopt();
    if (!processes) throw new AppError('Unavailable', 'HAProxy does not run.');
    return { ...processes, worker: processes.worker! };
  };
  const all = ({ worker, old }: { worker: number; old: number[] }) => [worker, ...old];

  /** Tries the ports that the running HAProxy does not have; gives those that cannot be had, as bind addresses. */
  const tryListeners = async (
    config: ProxyConfig,
    { worker, structure }: { worker: number; structure: string | null },
  ) => {
    const current = readText(files.config);
    const has = current.includes(`description ${structure}\n`) ? bindAddresses(current) : new Set<string>();
    // The file may have been changed since.
    const ports = new Set(readListeningPorts([worker]));
    const left_out = new Set<string>();
    const errors: ListenerError[] = [];
    for (const listener of wantedListeners(config)) {
      const at = bindAddress(listener.host, listener.port);
      const error = has.has(at) || ports.has(listener.port) ? null : await tryListener(listener);
      if (!error) continue;
      left_out.add(at);
      errors.push(error);
    }
    return { left_out, errors };
  };

  const applyNow = async (config: ProxyConfig, reloads = false): Promise<void> => {
    applied = null;
    const processes = await running();
    const { worker } = processes;
    const structure = await life.structureOf(worker);
    const { left_out, errors } = await tryListeners(config, { worker, structure });
    const text = render(config, left_out);
    const is_other = text.structure !== structure || reloads;
    if (is_other) {
      await replaceFile(`${files.config}.candidate`, text.text);
      await life.validate(`${files.config}.candidate`);
    }
    await write(text);
    // Workers of before send onward what comes to them, so that only this one has to know.
    await workers.tell(worker, config);
    if (is_other) await life.reload(processes, text.structure);
    await workers.tidy((await running()).worker, config);
    applied = config;
    listenerErrors = errors;
    scheduleRetry();
  };

  /** What is not as it was applied: files, what HAProxy has loaded, and what it was told over its socket. */
  const findDrift = async (config: ProxyConfig, text: ConfigText, worker: number | null) => {
    const found: Drift[] = stateFiles(text).flatMap((file) => fileDrift(file.path, file.text) ?? []);
    // HAProxy may have read again what it found there.
    const reloads = found.some(({ what }) => [files.config, files.lua, files.routes, files.hosts].includes(what));
    if (worker === null) return { found, reloads };
    const seen = await workers.see(worker);
    if (seen.structure !== text.structure) {
      found.push(drift('HAProxy', 'the configuration that was applied', 'it has loaded another one'));
    } else if (workers.commands(seen, config).length > 0) {
      found.push(drift('HAProxy', 'the servers that were applied', 'it was told others over its socket'));
    }
    return { found, reloads };
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
    ensure: () => life.ensure(),
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
    repair: () =>
      inTurn(async () => {
        if (!applied) return [];
        const config = applied;
        const worker = (await life.adopt())?.worker ?? null;
        const text = render(config, new Set(listenerErrors.map(({ host, port }) => bindAddress(host, port))));
        const { found, reloads } = await findDrift(config, text, worker);
        if (found.length > 0) {
          await write(text);
          if (worker !== null) await applyNow(config, reloads);
        }
        return [...found, ...(await runner.repair())];
      }),
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
      await life.stop(drain_ms);
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

/** Debian's user for HAProxy, where this process may change to it. */
function workerUser(): (HaproxyProxyOptions['user'] & object) | null {
  if (process.getuid?.() !== 0) return null;
  return /^haproxy:/m.test(readText('/etc/passwd')) && /^haproxy:/m.test(readText('/etc/group'))
    ? { user: 'haproxy', group: 'haproxy' }
    : null;
}
