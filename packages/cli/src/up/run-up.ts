/** One run of `mainstay up`, from nothing to running to nothing: the file reads as what happens. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Client, createClient } from '@mainstay/contract/client';
import { agentNodeFlags, controlPlaneNodeFlags, smallMalloc } from '@mainstay/runtime/node-flags';
import { type BackgroundProgram, createBackgroundProgram } from './background-program.ts';
import { prepareExample } from './example-stack.ts';
import { lockHome } from './home-lock.ts';
import { findPrograms, type HomeLayout, layoutOf, type Programs, programEnvironment } from './installation.ts';
import { enrolmentToken, isServerOnline, serverName } from './local-server.ts';
import { noticesOf } from './notices.ts';
import { checkPort } from './ports.ts';
import { untilReady } from './ready.ts';
import { endLeftovers, readRecord, type UpRecord, writeRecord } from './record.ts';
import type { Reporter } from './reporter.ts';
import { stopSignals } from './stop-signals.ts';
import { watchStack } from './watch-stack.ts';

export type UpOptions = {
  home: string;
  port: number;
  host: string;
  /** Where a reverse proxy serves the dashboard and the API; null without one. */
  public_url: string | null;
  /** Null leaves the stack its port; 8080 for a new one. */
  proxy_port: number | null;
  has_examples: boolean;
  has_agent: boolean;
  is_verbose: boolean;
  /** The words of a command as this person would type them. */
  command(words: string): string;
  env: Readonly<Record<string, string | undefined>>;
};

const default_proxy_port = 8080;
const leftovers_end_within_ms = 15_000;
const services_stop_within_ms = 70_000;
const agent_revives_within_ms = 15_000;
const control_plane_stops_within_ms = 15_000;
const stack_settles_within_ms = 300_000;
const server_online_within_ms = 60_000;

/** Runs until it is told to stop. Gives the exit code: 0 when everything ended in order, 1 when it had to be forced. */
export async function runUp(options: UpOptions, report: Reporter): Promise<number> {
  const programs = findPrograms();
  const layout = layoutOf(options.home);
  const lock = lockHome(layout);
  const stop = stopSignals();
  const running: BackgroundProgram[] = [];
  const killAll = () => {
    for (const program of running) program.kill();
  };
  try {
    const record = readRecord(layout.record);
    const run = createRun({ options, report, layout, programs, record, running });
    const left = await endLeftovers(record, leftovers_end_within_ms);
    if (left.length > 0) report.step(`Ended what an earlier start left running: ${left.join(', ')}`);
    try {
      await start(run, stop.signal);
      await stop.first;
    } catch (error) {
      if (!stop.signal.aborted) throw error;
    }
    report.step(`\nStopping (${stop.reason()}). Again to force it.`);
    const how = await Promise.race([stopInOrder(run), stop.second.then(() => 'forced' as const)]);
    if (how === 'in order') {
      report.step('Everything has stopped.');
      return 0;
    }
    report.warn(`Not everything stopped in order. Services may still run; the next start takes them up again.`);
    return 1;
  } finally {
    killAll();
    stop.release();
    lock.release();
  }
}

type Run = {
  /** Null until the control plane is ready. */
  client: Client | null;
  options: UpOptions;
  report: Reporter;
  layout: HomeLayout;
  record: UpRecord;
  programs: Programs;
  running: BackgroundProgram[];
  launch(name: string, argv: readonly string[], env?: Record<string, string>): BackgroundProgram;
};

function createRun(parts: Omit<Run, 'launch' | 'client'>): Run {
  const { options, report, layout, record, running } = parts;
  return {
    ...parts,
    client: null,
    launch(name, argv, env = {}) {
      const program = createBackgroundProgram({
        name,
        argv,
        env: { ...programEnvironment(options.env), ...smallMalloc, ...env },
        log_path: join(layout.logs, `${name}.log`),
        onLine: noticesOf(name, report, options.is_verbose),
        onStart(identity) {
          if (identity) record.programs[name] = identity;
          writeRecord(layout.record, record);
        },
        onUnexpectedEnd: (how, delay) =>
          report.warn(`The ${name} ended (${how}). It is started again in ${delay / 1000} s.`),
      });
      running.push(program);
      program.start();
      return program;
    },
  };
}

async function start(run: Run, signal: AbortSignal): Promise<void> {
  const { options, report, layout } = run;
  await checkPort(options.port, options.host, { field: 'port', option: '--port' });
  report.step(`Starting Mainstay in ${layout.home}`);
  rmSync(layout.url, { force: true });
  const control_plane = run.launch('control-plane', [
    ...controlPlaneNodeFlags,
    run.programs.control_plane,
    ...['--home', layout.home, '--port', String(options.port), '--host', options.host],
    ...(options.public_url === null ? [] : ['--public-url', options.public_url]),
  ]);
  const { url, token } = await untilReady(control_plane, layout, signal);
  report.step(`  control plane and dashboard on ${url}`);
  if (!isLoopback(options.host)) {
    report.warn(
      `Everybody who reaches ${options.host} sees the dashboard's first page, and without TLS all that is sent.`,
    );
  }
  const client = createClient({ url, token });
  run.client = client;
  const served = options.has_agent ? await startAgent(run, client, url, signal) : null;
  await sayWhatRuns(run, client, url, served);
}

/** The agent with its stack: the example at the first start, after that what it has. Gives the stack it runs. */
async function startAgent(run: Run, client: Client, url: string, signal: AbortSignal): Promise<string | null> {
  const { options, report, layout, record } = run;
  const { servers } = await client['servers.list']({});
  const before = servers.find((server) => server.name === serverName) ?? null;
  const deploysExample = options.has_examples && !record.is_example_deployed && !before?.stack;
  let stack = before?.stack ?? null;
  if (deploysExample) stack = await applyExample(run, client);
  else if (stack !== null) await keepProxyPort(run, client, stack);

  const token = await enrolmentToken(client, before, stack);
  const started_at = Date.now();
  run.launch(
    'agent',
    [...agentNodeFlags, run.programs.agent, '--home', layout.agent, '--url', url],
    token === null ? {} : { MAINSTAY_ENROL_TOKEN: token },
  );
  if (!(await isServerOnline(client, { started_at, timeout_ms: server_online_within_ms, signal }))) {
    report.warn(
      `The agent has not reported within ${server_online_within_ms / 1000} s. Its log: ${join(layout.logs, 'agent.log')}`,
    );
    return stack;
  }
  report.step('  agent online');
  if (stack === null) return null;
  report.step(deploysExample ? `\nDeploying the stack "${stack}"` : `\nTaking up the stack "${stack}"`);
  const { state } = await watchStack(client, stack, report, { timeout_ms: stack_settles_within_ms, signal });
  if (state === 'late') report.warn(`The stack "${stack}" is not healthy yet. See: ${options.command('status')}`);
  return stack;
}

async function applyExample(run: Run, client: Client): Promise<string> {
  const { options, report, layout } = run;
  const port = options.proxy_port ?? default_proxy_port;
  await checkProxyPort(port, layout);
  const example = await prepareExample(run.programs.examples, layout.examples, port);
  for (const { service, reason } of example.left_out) report.warn(`Left out the example's "${service}": ${reason}.`);
  await client['stacks.apply']({ stack: example.stack, spec: example.spec });
  run.record.is_example_deployed = true;
  writeRecord(layout.record, run.record);
  return example.stack;
}

/** Checks the port of the proxy before services wait for it in vain, and changes it where that was asked for. */
async function keepProxyPort(run: Run, client: Client, stack: string): Promise<void> {
  const { options, layout } = run;
  const { spec } = await client['stacks.get']({ stack });
  const port = options.proxy_port ?? spec.proxy.port;
  await checkProxyPort(port, layout);
  if (port !== spec.proxy.port)
    await client['stacks.apply']({ stack, spec: { ...spec, proxy: { ...spec.proxy, port } } });
}

/** The proxy of this home may hold it already: it outlives a killed `up`. */
function checkProxyPort(port: number, layout: HomeLayout): Promise<void> {
  return checkPort(port, '127.0.0.1', {
    field: 'proxy_port',
    option: '--proxy-port',
    isOurs: (holder) => holder.command.includes(layout.agent),
  });
}

async function sayWhatRuns(run: Run, client: Client, url: string, stack: string | null): Promise<void> {
  const { options, report, layout } = run;
  const { result } = await client['access.create_sign_in_link']({});
  const view = stack === null ? null : (await client['stacks.get']({ stack })).stack;
  const rows: [string, string | null][] = [
    ['Dashboard', options.public_url ?? url],
    ['Sign in', `${result?.url}  (works once, for 15 minutes)`],
    ['Example', view?.name === 'example' ? view.url : null],
    ['Status', options.command('status')],
    ['Logs', stack === null ? null : options.command(`logs ${stack} -f`)],
    [
      'Change it',
      view?.name === 'example' ? `edit and commit in ${join(layout.examples, 'web')}: it is deployed by itself` : null,
    ],
    ['State', layout.home],
  ];
  const lines = rows.filter(([, text]) => text !== null).map(([label, text]) => `  ${label.padEnd(11)}${text}`);
  const verdict =
    view === null || view.health === 'healthy' ? 'Mainstay runs.' : `Mainstay runs; the stack is ${view.health}.`;
  report.result(`\n${verdict}\n\n${lines.join('\n')}\n\nCtrl-C stops everything, services included.`);
}

/** The agent first: its last reports still find the control plane. */
async function stopInOrder(run: Run): Promise<'in order' | 'forced'> {
  let inOrder = true;
  for (const program of run.running.toReversed()) {
    const isAgent = program.name === 'agent';
    run.report.step(isAgent ? '  services and agent' : '  control plane');
    const ended = isAgent
      ? await stopAgent(run, program)
      : await program.stop('SIGTERM', control_plane_stops_within_ms);
    if (!ended) run.report.warn(`The ${program.name} did not stop in time and was killed.`);
    inOrder &&= ended;
  }
  return inOrder ? 'in order' : 'forced';
}

/**
 * SIGINT asks the agent to stop its services and the proxy too; SIGTERM would leave them running. An agent that is not there
 * at this moment, or whose start the signal cut short, is started once more to do that.
 */
async function stopAgent({ client }: Run, agent: BackgroundProgram): Promise<boolean> {
  for (let tries = 0; tries < 2; tries++) {
    if (agent.ended() !== null) {
      const started_at = Date.now();
      agent.start();
      const options = { started_at, timeout_ms: agent_revives_within_ms, signal: new AbortController().signal };
      if (client) await isServerOnline(client, options).catch(() => false);
    }
    if ((await agent.stop('SIGINT', services_stop_within_ms)) && agent.ended() === 'exit code 0') return true;
  }
  return false;
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}
