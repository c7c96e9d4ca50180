/**
 * The agent as a process.
 *
 *   mainstay-agent --home <folder> --url <control plane> [--token-file <file>] [--ca-file <pem>] [--metrics-port <port> | --metrics-socket <path>]
 *                  [--ports <first>-<last>] [--names] [--internal-port <port>] [--supervisor process|systemd]
 *                  [--proxy embedded|haproxy] [--agent-file <file>]
 *
 * With --names services are known as <service>.svc.internal to the programs of this server, which needs root, and the internal proxy is at
 * port 80 of 127.0.0.1, or the one that --internal-port says.
 *
 * With --supervisor systemd services and builds are units of systemd, with users, sandboxes and limits of their own; otherwise they are
 * child processes that run as the agent does.
 *
 * With --agent-file it is an installed agent: what was chosen there of security holds, and it can exchange its own executable.
 *
 * With --proxy haproxy Debian's HAProxy serves, a unit of its own where the agent is root and systemd runs; otherwise the embedded proxy.
 *
 * The enrolment token comes from the file or from MAINSTAY_ENROL_TOKEN, never from the command line, which others can read.
 *
 * | Signal            | Meaning |
 * | ----------------- | --- |
 * | SIGTERM           | The agent ends; services and proxy run on (restart, upgrade). |
 * | SIGINT, SIGUSR2   | The agent ends, and all that it runs with it (Ctrl-C of `mainstay up`). |
 *
 * A parent with an IPC channel may send `{ stop: 'agent' | 'all' }` instead, and is sent `{ ready: true }` once it runs.
 * Exit codes: 0 ended as asked, 1 could not start, 64 wrong usage.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { AppError } from '@mainstay/contract/errors';
import { createLogger } from '@mainstay/runtime/log';
import { createRecentLines } from '@mainstay/runtime/recent-lines';
import { type AgentOptions, createAgent } from './agent.ts';
import { collectNowAndThen } from './collect.ts';
import { places, readAgentFile } from './installation/agent-file.ts';
import { type MetricsServer, serveMetrics } from './metrics/metrics-server.ts';

const stop_ms_max = 60_000;

type Usage = Omit<AgentOptions, 'log'> & { metrics: number | string | null };

function readUsage(): Usage {
  const { values } = parseArgs({
    options: {
      home: { type: 'string' },
      url: { type: 'string' },
      'token-file': { type: 'string' },
      'ca-file': { type: 'string' },
      'metrics-port': { type: 'string' },
      'metrics-socket': { type: 'string' },
      ports: { type: 'string' },
      names: { type: 'boolean', default: false },
      'internal-port': { type: 'string' },
      supervisor: { type: 'string', default: 'process' },
      proxy: { type: 'string', default: 'embedded' },
      'agent-file': { type: 'string' },
    },
  });
  const { home, url } = values;
  if (!home) throw new AppError('InvalidInput', '--home <folder> is missing.', { field: 'home' });
  if (!url) throw new AppError('InvalidInput', '--url <control plane> is missing.', { field: 'url' });
  const token_file = values['token-file'];
  const token = token_file ? readFileSync(token_file, 'utf8') : process.env['MAINSTAY_ENROL_TOKEN'];
  // Services are given no environment of the agent's; this keeps the token from everything else that might look.
  delete process.env['MAINSTAY_ENROL_TOKEN'];
  const metrics_port = values['metrics-port'];
  const own_port = values['internal-port'];
  const internal_port = own_port === undefined ? (values.names ? 80 : null) : readPort(own_port, 'internal-port');
  const ports = values.ports === undefined ? undefined : readRange(values.ports);
  return {
    home,
    control_plane_url: url,
    token: token?.trim() || undefined,
    ca_file: values['ca-file'],
    metrics: metrics_port === undefined ? (values['metrics-socket'] ?? null) : readPort(metrics_port, 'metrics-port'),
    names: values.names,
    supervisor: readSupervisor(values.supervisor),
    proxy: readProxy(values.proxy),
    ...readInstalled(values['agent-file']),
    settings: { internal_port: internal_port || null, ...(ports ? { ports } : {}) },
  };
}

function readInstalled(path: string | undefined): Pick<AgentOptions, 'security' | 'update'> {
  const installed = path === undefined ? null : readAgentFile(path);
  if (!installed) return {};
  const { security, release_key } = installed;
  const { binary, previous_binary } = places;
  // What a package of the system owns is the system's to exchange, and without a key nobody could say whose releases are taken.
  return process.execPath === binary && release_key !== null
    ? { security, update: { binary, previous_binary, release_key } }
    : { security };
}

function readSupervisor(text: string): 'process' | 'systemd' {
  if (text === 'process' || text === 'systemd') return text;
  throw new AppError('InvalidInput', `--supervisor must be process or systemd, not "${text}".`, {
    field: 'supervisor',
  });
}

function readProxy(text: string): 'embedded' | 'haproxy' {
  if (text === 'embedded' || text === 'haproxy') return text;
  throw new AppError('InvalidInput', `--proxy must be embedded or haproxy, not "${text}".`, { field: 'proxy' });
}

function readPort(text: string, field: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new AppError('InvalidInput', `--${field} must be a port from 0 to 65535, not "${text}".`, { field });
}

function readRange(text: string): { first: number; last: number } {
  const [first, last] = text.split('-').map((part) => readPort(part, 'ports'));
  if (first !== undefined && last !== undefined && first > 0 && last - first >= 20) return { first, last };
  throw new AppError('InvalidInput', '--ports must be <first>-<last> with at least 20 ports.', { field: 'ports' });
}

async function main(): Promise<void> {
  const recent = createRecentLines();
  const log = createLogger({ name: 'agent', recent });
  const { metrics, ...options } = readUsage();
  const agent = createAgent({ ...options, log, recent });
  let metrics_server: MetricsServer | null = null;
  let stopping = false;

  const stop = async (services: boolean) => {
    if (stopping) return;
    stopping = true;
    setTimeout(() => process.exit(1), stop_ms_max).unref();
    await metrics_server?.close();
    await agent.stop({ services });
    process.exit(0);
  };
  process.on('SIGTERM', () => void stop(false));
  for (const signal of ['SIGINT', 'SIGUSR2'] as const) process.on(signal, () => void stop(true));
  process.on('message', (message: { stop?: unknown }) => {
    if (message?.stop === 'agent' || message?.stop === 'all') void stop(message.stop === 'all');
  });
  process.on('unhandledRejection', (error) => log.error({ err: error }, 'a rejection that nobody handled'));

  if (metrics !== null) metrics_server = await serveMetrics(agent, metrics);
  await agent.start();
  collectNowAndThen();
  process.send?.({ ready: true });
}

main().catch((error: Error) => {
  const hint = error instanceof AppError && error.hint ? ` ${error.hint}` : '';
  process.stderr.write(`mainstay-agent: ${error.message}${hint}\n`);
  process.exit(error instanceof AppError && error.code === 'InvalidInput' ? 64 : 1);
});
