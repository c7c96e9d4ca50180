/**
 * Faults of real servers, on hosts of the lab: agents killed and hosts without power at every stage of a deploy, a panel that is away, a
 * wire that is cut, a disk that is full, and many servers that come at once. Each ends with the same laws: what is served is the old or
 * the new version, all servers end with the same one, and nothing is left behind.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createRepository,
  type GitServer,
  type Repository,
  serveGit,
} from '@mainstay/agent/workspace/git-server.fixtures';
import { DeployStage } from '@mainstay/contract/agent-api';
import { terminalOperationStates } from '@mainstay/contract/operation';
import { cutNetwork, fillDisk, freeDisk, healNetwork } from '@mainstay/runtime/local-hosts/index';
import { installNode } from '../lab/host-node.ts';
import { type Lab, type LabHost, openLab, whyNoLab } from '../lab/open-lab.ts';
import { openPanel, type Panel } from '../lab/panel.ts';
import { type Fault, Skipped } from './faults.ts';
import { pause, until } from './installation.ts';

const port = 31_310;
const settled_within_ms = 120_000;
/** The panel is away for so long. */
const away_ms = 120_000;
const crowd = 20;
const servers_of_stack = 3;
const stages: DeployStage[] = DeployStage.options.filter((stage) => stage !== 'done');

const server_program = `
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
const version = readFileSync(new URL('version.txt', import.meta.url), 'utf8');
const server = createServer((_, response) => response.end(version));
setTimeout(() => server.listen(Number(process.env.PORT), '127.0.0.1'), 300);
process.on('SIGTERM', () => process.exit(0));
`;

type Place = {
  lab: Lab;
  panel: Panel;
  git: GitServer;
  repository: Repository;
  folder: string;
  /** The version that was deployed last. */
  version: string;
};

/** All faults, on one lab that the first of them opens; `close` ends it. */
export function labFaults(): { faults: Fault[]; close(): Promise<void> } {
  let opening: Promise<Place> | null = null;
  const toClose: (() => Promise<unknown>)[] = [];
  const on = (work: (place: Place) => ReturnType<Fault['run']>) => async () => {
    const missing = whyNoLab();
    if (missing) throw new Skipped(missing);
    opening ??= open((close) => toClose.unshift(close));
    return work(await opening);
  };
  return {
    faults: [
      { fault: 'server: agent kill -9 at every stage of a deploy', run: on(agentsKilled) },
      { fault: 'server: power off at every stage of a deploy', run: on(hostsWithoutPower) },
      { fault: `server: no panel for ${away_ms / 60_000} minutes`, run: on(panelAway) },
      { fault: 'server: cut off in the middle of a deploy', run: on(partition) },
      { fault: 'server: disk full in a build', run: on(diskFull) },
      { fault: `${crowd} servers enrol at once`, run: on(crowdEnrols) },
    ],
    async close() {
      await opening?.catch(() => {});
      for (const each of toClose) await each();
    },
  };
}

async function open(atEnd: (close: () => Promise<unknown>) => void): Promise<Place> {
  const folder = mkdtempSync(join(tmpdir(), 'mainstay-chaos-lab-'));
  atEnd(async () => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, 'web'));
  const repository = createRepository(join(folder, 'web'));
  repository.commit({ 'server.mjs': server_program, 'version.txt': 'first' });
  const lab = await openLab({ hosts: servers_of_stack, name: 'chaos', packages: ['sudo', 'haproxy', 'git'] });
  atEnd(lab.down);
  const git = await serveGit(folder, { address: lab.network.gateway });
  atEnd(git.close);
  const panel = await openPanel(lab, { port });
  atEnd(panel.close);
  const place: Place = { lab, panel, git, repository, folder, version: 'first' };
  await Promise.all(
    lab.hosts().map(async (host) => {
      await installNode(host);
      await enrol(panel, host);
    }),
  );
  const { operation } = await panel.client['stacks.apply']({ stack: 'shop', spec: specOf(git, 'sleep 1') });
  await ended(place, operation.id!);
  for (const { name } of lab.hosts())
    await ended(place, (await panel.client['servers.assign']({ server: name, stack: 'shop' })).operation.id!);
  await settled(place);
  return place;
}

function specOf(git: GitServer, build: string) {
  return {
    poll_interval_seconds: 86_400,
    proxy: { port: 80, bind: 'public' as const },
    services: {
      web: {
        source: { git: `${git.url}/web` },
        build,
        run: ['node', 'server.mjs'],
        route: { prefix: '/' },
        health: { interval_seconds: 1 },
        drain_timeout_seconds: 5,
        limits: { build_timeout_seconds: 120 },
      },
    },
  };
}

async function enrol(panel: Panel, host: LabHost): Promise<void> {
  const { result } = await panel.client['servers.invite']({ server: host.name });
  await host.run(['bash', '-c', `${result!.install!} --with-haproxy`], { timeout_ms: 300_000 });
}

async function ended({ panel }: Place, id: string) {
  for (const end = Date.now() + settled_within_ms; ; ) {
    const { operation } = await panel.client['operations.get']({ id, wait_seconds: 20 });
    if (terminalOperationStates.includes(operation.state as never)) return operation;
    if (Date.now() > end) throw new Error(`${operation.operation} is ${operation.state}: ${operation.message}`);
  }
}

/** Asks for a deploy of a new version; resolves with how the operation ends. */
async function deploy(place: Place, version: string) {
  place.repository.commit({ 'version.txt': version });
  place.version = version;
  const { operation } = await place.panel.client['stacks.deploy']({ stack: 'shop' });
  return ended(place, operation.id!);
}

/** The stage that a server told of last. */
async function stageOf({ panel }: Place, server: string): Promise<DeployStage | null> {
  const { reported } = await panel.client['servers.get']({ server });
  return reported?.services['web']?.candidate?.stage ?? null;
}

async function answer(host: LabHost): Promise<string | null> {
  try {
    const response = await fetch(`http://${host.ip}/`, { signal: AbortSignal.timeout(2_000) });
    return response.ok ? await response.text() : null;
  } catch {
    return null;
  }
}

/** Asks a server all the while; `wrong` is what it said that is neither of the versions, or null where it said nothing. */
function watchAnswers(host: LabHost, versions: readonly string[]) {
  const wrong: (string | null)[] = [];
  let asked = 0;
  let isOver = false;
  const loop = (async () => {
    while (!isOver) {
      const said = await answer(host);
      asked += 1;
      if (said === null || !versions.includes(said)) wrong.push(said);
      await pause(20);
    }
  })();
  return async () => {
    isOver = true;
    await loop;
    return { asked, wrong };
  };
}

/** Waits until all servers run the version that was deployed last and nothing else; gives how long that took. */
async function settled(place: Place): Promise<number> {
  const { panel, version } = place;
  const hosts = place.lab.hosts().slice(0, servers_of_stack);
  const began = performance.now();
  let left = '';
  await until(
    async () => {
      const { servers } = await panel.client['servers.list']({});
      const own = servers.filter(({ name }) => hosts.some((host) => host.name === name));
      const slow = own.filter(({ state, converged }) => !(state === 'online' && converged));
      left = slow.map(({ name, state, version: at }) => `${name} is ${state} at ${at}`).join('; ');
      if (slow.length > 0) return false;
      for (const host of hosts) {
        const said = await answer(host);
        left = `${host.name} answers ${said} and not ${version}`;
        if (said !== version) return false;
        const units = await instancesOn(host);
        left = `${host.name} runs ${units.join(', ')}`;
        if (units.length !== 1) return false;
      }
      return true;
    },
    'all servers to settle',
    settled_within_ms,
  ).catch((error: Error) => {
    throw new Error(`${error.message}: ${left}`, { cause: error });
  });
  return performance.now() - began;
}

/** Processes of the service that run on a host, by pid. */
async function instancesOn(host: LabHost): Promise<string[]> {
  const { stdout } = await host.exec(['pgrep', '-x', '-f', 'node server.mjs']);
  return stdout.split('\n').filter(Boolean);
}

async function agentsKilled(place: Place) {
  const [host] = place.lab.hosts();
  let settle_ms = 0;
  const hit: string[] = [];
  let requests = 0;
  for (const stage of [...stages, ...stages]) {
    const before = place.version;
    const version = `agent-${hit.length}`;
    const stop = watchAnswers(host!, [before, version]);
    const deploying = deploy(place, version);
    hit.push(await reached(place, host!.name, stage));
    const pid = (await host!.run(['systemctl', 'show', '-P', 'MainPID', 'mainstay-agent'])).trim();
    await host!.run(['kill', '-9', pid]);
    await succeeds(await deploying);
    settle_ms = Math.max(settle_ms, await settled(place));
    const { asked, wrong } = await stop();
    requests += asked;
    if (wrong.length > 0) throw new Error(`killed at ${stage}: it answered ${JSON.stringify(wrong)}`);
  }
  return { runs: hit.length, saw: `${requests} requests, none failed; ${tellHits(hit)}`, settle_ms };
}

async function hostsWithoutPower(place: Place) {
  const [, host] = place.lab.hosts();
  let settle_ms = 0;
  const hit: string[] = [];
  for (const stage of stages) {
    const deploying = deploy(place, `power-${hit.length}`);
    hit.push(await reached(place, host!.name, stage));
    await host!.powerOff();
    await host!.boot();
    const { state, message } = await deploying;
    // What a server without power failed is asked for again; what it is back in time for goes on by itself.
    if (state !== 'succeeded') await succeeds(await deploy(place, `${place.version}-again`), `${state}: ${message}`);
    settle_ms = Math.max(settle_ms, await settled(place));
  }
  return { runs: hit.length, saw: `it came back, and served the new version; ${tellHits(hit)}`, settle_ms };
}

/** Waits until a server told of a stage, or of a later one, or is through; gives what it was. */
async function reached(place: Place, server: string, stage: DeployStage): Promise<string> {
  const wanted = stages.indexOf(stage);
  for (const end = Date.now() + 30_000; Date.now() < end; ) {
    const at = await stageOf(place, server);
    if (at !== null && stages.indexOf(at) >= wanted) return at;
    const said = await answer(place.lab.host(server));
    if (said === place.version) return 'served';
    await pause(10);
  }
  throw new Error(`${server} never came to ${stage}`);
}

function tellHits(hit: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const stage of hit) counts.set(stage, (counts.get(stage) ?? 0) + 1);
  return `hit at ${[...counts].map(([stage, count]) => `${stage} (${count})`).join(', ')}`;
}

function succeeds({ state, message }: { state: string; message: string | null }, before = ''): void {
  if (state !== 'succeeded') throw new Error(`the deploy ended as ${state}: ${message} ${before}`.trim());
}

async function panelAway(place: Place) {
  const { lab, panel } = place;
  const [h1, h2, h3] = lab.hosts();
  await panel.stop();
  const began = Date.now();
  await h1!.run(['pkill', '-9', '-x', '-f', 'node server.mjs']);
  await h2!.reboot();
  const inside = async (host: LabHost) =>
    (await host.exec(['curl', '-fsS', '--max-time', '3', 'http://web.svc.internal/'])).stdout;
  for (const host of [h1, h2, h3])
    await until(async () => (await inside(host!)) === place.version, `${host!.name} to serve by name`, 60_000);
  const stop = watchAnswers(h3!, [place.version]);
  while (Date.now() - began < away_ms) await pause(1_000);
  const { asked, wrong } = await stop();
  const back = Date.now();
  await panel.start();
  const settle_ms = await settled(place);
  if (wrong.length > 0) throw new Error(`without a panel it answered ${JSON.stringify(wrong)}`);
  await until(
    async () => {
      const { events } = await panel.client['events.list']({ server: h1!.name, limit: 100 });
      return events.some(({ kind, at }) => kind === 'service.crashed' && at >= began && at < back);
    },
    'the backlog to tell of the crash',
    60_000,
  );
  return {
    saw: `a killed service and a rebooted server served again, by name too; ${asked} requests, none failed; the backlog came after`,
    settle_ms,
  };
}

async function partition(place: Place) {
  const [, , host] = place.lab.hosts();
  const deploying = deploy(place, 'partition');
  await cutNetwork(host!);
  await pause(20_000);
  const inside = (await host!.exec(['curl', '-fsS', '--max-time', '3', 'http://127.0.0.1/'])).stdout;
  await healNetwork(host!);
  const { state } = await deploying;
  const settle_ms = await settled(place);
  if (inside === '') throw new Error('the server that was cut off served nothing');
  return { saw: `cut off it served ${inside}; the deploy ended as ${state}, and all serve the new version`, settle_ms };
}

async function diskFull(place: Place) {
  const { lab, panel, git } = place;
  const [host] = lab.hosts();
  const stop = watchAnswers(host!, [place.version]);
  await fillDisk(host!, 64);
  const spec = specOf(git, 'head -c 300M /dev/zero > filler && sync filler');
  const { operation } = await panel.client['stacks.apply']({ stack: 'shop', spec });
  const { state, message } = await ended(place, operation.id!);
  await freeDisk(host!);
  const { asked, wrong } = await stop();
  if (wrong.length > 0) throw new Error(`with a full disk it answered ${JSON.stringify(wrong)}`);
  if (state === 'succeeded') throw new Error('a build that had no room succeeded');
  await succeeds(await deploy(place, 'after-full'));
  return { saw: `"${message}"; ${asked} requests, none failed`, settle_ms: await settled(place) };
}

async function crowdEnrols(place: Place) {
  const hosts = Array.from({ length: crowd }, (_, index) => ({
    name: `crowd-${index + 1}`,
    packages: ['sudo', 'git'],
  }));
  await place.lab.add(hosts);
  const began = performance.now();
  await Promise.all(hosts.map(({ name }) => enrol(place.panel, place.lab.host(name))));
  const settle_ms = performance.now() - began;
  const { servers } = await place.panel.client['servers.list']({});
  const online = servers.filter(({ name, state }) => name.startsWith('crowd-') && state === 'online').length;
  if (online !== crowd) throw new Error(`${online} of ${crowd} are online`);
  return { runs: crowd, saw: 'all are online', settle_ms };
}
