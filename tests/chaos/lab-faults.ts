/**
 * Faults of real servers, on hosts of the lab: agents killed and hosts without power at every stage of a deploy, a panel that is away, a
 * wire that is cut, rules that cut off the panel, a disk that is full, builds that take what they can get, and many servers that come at
 * once. Each ends with the same laws: what is served is the old or the new version, all servers end with the same one, and nothing is
 * left behind.
 */
import { DeployStage } from '@mainstay/contract/agent-api';
import { cutNetwork, fillDisk, freeDisk, healNetwork } from '@mainstay/runtime/local-hosts/index';
import { type LabHost, whyNoLab } from '../lab/open-lab.ts';
import { type Fault, Skipped } from './faults.ts';
import { pause, until } from './installation.ts';
import {
  answer,
  deploy,
  ended,
  enrol,
  openPlace,
  type Place,
  settled,
  specOf,
  stageOf,
  succeeds,
  watchAnswers,
} from './lab-place.ts';

const crowd = 20;
const stages: DeployStage[] = DeployStage.options.filter((stage) => stage !== 'done');
/** While the panel is away for long, a service is killed and a server rebooted each time that so much has passed. */
const harm_every_ms = 600_000;
/** How long rules that nobody confirmed may stay. */
const revert_within_ms = 60_000;
const quiet_ms = 15_000;
/** The p99 of requests during a fault, as a multiple of that in quiet; what is quicker than this counts as this. */
const slower_max = 1.5;
const quick_enough_ms = 10;

/** All faults, on one lab that the first of them opens; `close` ends it. */
export function labFaults({ away_minutes }: { away_minutes: number }): { faults: Fault[]; close(): Promise<void> } {
  let opening: Promise<Place> | null = null;
  const toClose: (() => Promise<unknown>)[] = [];
  const on = (work: (place: Place) => ReturnType<Fault['run']>) => async () => {
    const missing = whyNoLab();
    if (missing) throw new Skipped(missing);
    opening ??= openPlace((close) => toClose.unshift(close));
    return work(await opening);
  };
  return {
    faults: [
      { fault: 'server: agent kill -9 at every stage of a deploy', run: on(agentsKilled) },
      { fault: 'server: power off at every stage of a deploy', run: on(hostsWithoutPower) },
      {
        fault: `server: no panel for ${away_minutes} minutes`,
        run: on((place) => panelAway(place, away_minutes * 60_000)),
      },
      { fault: 'server: cut off in the middle of a deploy', run: on(partition) },
      { fault: 'server: rules that cut off the panel', run: on(cutOffByRules) },
      { fault: 'server: disk full in a build', run: on(diskFull) },
      { fault: 'server: a build that forks without end', run: on(wildBuild('b() { b | b & }; b; sleep 60')) },
      { fault: 'server: a build that writes 50 GB', run: on(wildBuild('head -c 50G /dev/zero > filler')) },
      { fault: `${crowd} servers enrol at once`, run: on(crowdEnrols) },
    ],
    async close() {
      await opening?.catch(() => {});
      for (const each of toClose) await each();
    },
  };
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

async function panelAway(place: Place, away_ms: number) {
  const { lab, panel } = place;
  const [h1, h2, h3] = lab.hosts();
  await panel.stop();
  const began = Date.now();
  const kill = () => h1!.run(['pkill', '-9', '-x', '-f', 'node server.mjs']);
  await kill();
  await h2!.reboot();
  const inside = async (host: LabHost) =>
    (await host.exec(['curl', '-fsS', '--max-time', '3', 'http://web.svc.internal/'])).stdout;
  const serveByName = async () => {
    for (const host of [h1, h2, h3])
      await until(async () => (await inside(host!)) === place.version, `${host!.name} to serve by name`, 60_000);
  };
  await serveByName();
  const stop = watchAnswers(h3!, [place.version], 250);
  let harmed_at = began;
  while (Date.now() - began < away_ms) {
    await pause(1_000);
    if (Date.now() - harmed_at < harm_every_ms) continue;
    harmed_at = Date.now();
    await kill();
    await h2!.reboot();
    await serveByName();
  }
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

/** Where no connection is tracked, a mode that drops what is not known as an answer cuts off everything. */
const untracked = 'table inet raw { chain pre { type filter hook prerouting priority raw; notrack; }\n }\n';

async function cutOffByRules(place: Place) {
  const [, , host] = place.lab.hosts();
  const rules = async () =>
    (await host!.run(['nft', '-s', 'list', 'ruleset'])).replaceAll(/counter .*? bytes \d+/g, '');
  await host!.run(['nft', '-f', '-'], { stdin: untracked });
  const before = await rules();
  const began = performance.now();
  // Signed by the key of the CLI: what closes a server has to be confirmed.
  const refusing = place.panel.cli('servers', 'secure', host!.name, 'daemon-port', '--yes').then(
    () => null,
    (error: Error) => error.message,
  );
  await until(async () => (await rules()) !== before, 'the rules to be there', 30_000).catch(async (error: Error) => {
    throw new Error(`${error.message}: ${await refusing}`, { cause: error });
  });
  await until(async () => (await rules()) === before, 'the rules to be gone', revert_within_ms);
  const reverted_ms = performance.now() - began;
  const message = await refusing;
  if (message === null) throw new Error('the mode that cut off the panel is told as set');
  await host!.run(['nft', 'delete', 'table', 'inet', 'raw']);
  return {
    saw: `"${message.trim().split('\n').at(0)}"; back as it was after ${(reverted_ms / 1000).toFixed(0)} s`,
    settle_ms: await settled(place),
  };
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

/** A build that takes what it can get: it is ended for it, and requests take about as long as in quiet. */
function wildBuild(build: string) {
  return async (place: Place) => {
    const { lab, panel, git } = place;
    const [host] = lab.hosts();
    const quietly = watchAnswers(host!, [place.version]);
    await pause(quiet_ms);
    const quiet = await quietly();
    const stop = watchAnswers(host!, [place.version]);
    const spec = specOf(git, build, { build_disk_mb: 1_024 });
    const { operation } = await panel.client['stacks.apply']({ stack: 'shop', spec });
    const { state, message } = await ended(place, operation.id!);
    const { asked, wrong, p99_ms } = await stop();
    if (wrong.length > 0) throw new Error(`beside it, it answered ${JSON.stringify(wrong)}`);
    if (state === 'succeeded') throw new Error('the build is told as one that succeeded');
    const saw = `"${message}"; ${asked} requests, none failed, p99 ${p99_ms.toFixed(1)} ms (in quiet ${quiet.p99_ms.toFixed(1)})`;
    if (p99_ms > slower_max * Math.max(quiet.p99_ms, quick_enough_ms)) throw new Error(saw);
    return { saw, settle_ms: await settled(place) };
  };
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
