/**
 * `npm run bench:lab`: what real servers are held to, on hosts of the lab that were installed by the line of their invitations: systemd
 * supervises, HAProxy serves. The load comes from this machine, whose cores the hosts share.
 *
 *   npm run bench:lab                       all of it
 *   npm run bench:lab -- enrol rollout      some of: enrol, served, rollout, idle
 */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createRepository, serveGit } from '@mainstay/agent/workspace/git-server.fixtures';
import { installNode } from '../lab/host-node.ts';
import { type Lab, type LabHost, openLab, whyNoLab } from '../lab/open-lab.ts';
import { openPanel, type Panel } from '../lab/panel.ts';
import { summary } from './installation.ts';
import { openSocket, startLoad } from './load.ts';

const servers = 3;
const port = 31_210;
const rollouts = 50;
const requests_per_s = 500;
const served_rounds = 20;
const idle_seconds = 60;
/** After so long the agent's loops have slowed down, and its first garbage is collected. */
const idle_after_ms = 45_000;
const default_check_seconds = 5;
const parts = ['enrol', 'served', 'rollout', 'idle'];

const asked = process.argv.slice(2);
const unknown = asked.find((name) => !parts.includes(name));
const missing = whyNoLab();
if (unknown !== undefined || missing !== null) {
  console.error(unknown === undefined ? missing : `There is no part "${unknown}"; there are: ${parts.join(', ')}.`);
  process.exit(2);
}
const has = (name: string) => asked.length === 0 || asked.includes(name);

type Place = { lab: Lab; panel: Panel; release(version: string): string };

const folder = mkdtempSync(join(tmpdir(), 'mainstay-bench-lab-'));
const lab = await openLab({ hosts: servers, name: 'bench', packages: ['sudo', 'haproxy', 'git', 'python3'] });
try {
  const repository = makeRepository();
  const git = await serveGit(folder, { address: lab.network.gateway });
  const panel = await openPanel(lab, { port });
  try {
    await Promise.all(lab.hosts().map(installNode));
    const place: Place = { lab, panel, release: (version) => repository.commit({ 'version.txt': version }) };
    await enrol(place);
    if (has('served')) {
      await runOn(place, git.url, lab.hosts().slice(0, 1));
      await served(place);
    }
    if (has('rollout') || has('idle')) await runOn(place, git.url, lab.hosts());
    if (has('rollout')) await rollout(place);
    if (has('idle')) await idle(place, git.url);
  } finally {
    await panel.close();
    await git.close();
  }
} finally {
  await lab.down();
  rmSync(folder, { recursive: true, force: true });
}

/** The service of the other benches, with its one library beside it, as a server finds it in a clone. */
function makeRepository() {
  const path = join(folder, 'web');
  mkdirSync(path);
  cpSync(join(import.meta.dirname, 'service'), path, { recursive: true });
  cpSync(dirname(fileURLToPath(import.meta.resolve('ws'))), join(path, 'ws'), { recursive: true });
  writeFileSync(join(path, 'version.txt'), '0');
  const repository = createRepository(path);
  repository.commit({});
  return repository;
}

async function enrol({ lab, panel }: Place): Promise<void> {
  const seconds: number[] = [];
  for (const host of lab.hosts()) {
    const { result } = await panel.client['servers.invite']({ server: host.name });
    const began = performance.now();
    await host.run(['bash', '-c', `${result!.install!} --with-haproxy`], { timeout_ms: 120_000 });
    for (;;) {
      const { servers } = await panel.client['servers.list']({});
      if (servers.some(({ name, state }) => name === host.name && state === 'online')) break;
      await pause(20);
    }
    seconds.push((performance.now() - began) / 1000);
  }
  console.log('\nFrom the install line to "online"');
  console.log(`  ${seconds.map((each) => each.toFixed(1)).join(', ')} s (goal ≤ 15 s)`);
}

/** Makes these hosts, and no others before them, run the stack. */
async function runOn(
  { panel }: Place,
  repositories: string,
  hosts: readonly LabHost[],
  check_seconds = 1,
): Promise<void> {
  const spec = {
    poll_interval_seconds: 86_400,
    proxy: { port: 80, bind: 'public' as const },
    services: {
      web: {
        source: { git: `${repositories}/web` },
        run: ['node', 'server.mjs'],
        route: { prefix: '/' },
        env: { WS_MODULE: './ws/wrapper.mjs' },
        health: { interval_seconds: check_seconds },
        drain_timeout_seconds: 600,
      },
    },
  };
  await ended(panel, panel.client['stacks.apply']({ stack: 'bench', spec }));
  for (const host of hosts) {
    const { servers } = await panel.client['servers.list']({});
    if (servers.find(({ name }) => name === host.name)?.stack === 'bench') continue;
    await ended(panel, panel.client['servers.assign']({ server: host.name, stack: 'bench' }));
  }
  for (const host of hosts) while ((await answer(host)) === '') await pause(50);
}

/** On one server: from the API call to the first answer of the new release. */
async function served(place: Place): Promise<void> {
  const [host] = place.lab.hosts();
  const times: number[] = [];
  for (let round = 1; round <= served_rounds; round++) {
    const version = `served-${round}`;
    place.release(version);
    const began = performance.now();
    const deploying = place.panel.client['stacks.deploy']({ stack: 'bench' });
    while ((await answer(host!)) !== version) await pause(5);
    times.push(performance.now() - began);
    await ended(place.panel, deploying);
  }
  const { median, p99 } = summary(times);
  console.log('\nChange to served, no build, one server');
  console.log(`  median ${median.toFixed(0)} ms (goal ≤ 1,500 ms), p99 ${p99.toFixed(0)} ms, ${served_rounds} rounds`);
}

async function rollout(place: Place): Promise<void> {
  const hosts = place.lab.hosts();
  const loads = hosts.map((host) => startLoad(`http://${host.ip}`, requests_per_s));
  const sockets = await Promise.all(hosts.map((host) => openSocket(`ws://${host.ip}`)));
  const times: number[] = [];
  for (let round = 1; round <= rollouts; round++) {
    place.release(`rollout-${round}`);
    const began = performance.now();
    await ended(place.panel, place.panel.client['stacks.deploy']({ stack: 'bench' }));
    times.push(performance.now() - began);
    const answers = await Promise.all(hosts.map(answer));
    if (answers.some((version) => version !== `rollout-${round}`)) throw new Error(`after ${round}: ${answers}`);
  }
  const results = await Promise.all(loads.map((load) => load.stop()));
  console.log(
    `\n${rollouts} rolling deploys over ${servers} servers, ${requests_per_s} requests/s and a WebSocket each`,
  );
  for (const [index, { requests, failed, p99_ms, max_ms }] of results.entries()) {
    const { name } = hosts[index]!;
    const socket = sockets[index]!;
    const cuts = `${socket.cuts()} WebSocket cuts (${socket.echoes()} echoes)`;
    console.log(
      `  ${name}: ${requests} requests, ${failed} failed (goal 0); p99 ${p99_ms.toFixed(1)} ms, worst ${max_ms.toFixed(0)} ms; ${cuts}`,
    );
    socket.close();
  }
  const { median, max } = summary(times);
  console.log(`  a deploy over all: median ${(median / 1000).toFixed(1)} s, longest ${(max / 1000).toFixed(1)} s`);
}

/** Once with the check of each second that `runOn` sets, and once with the one that a service has by itself. */
async function idle(place: Place, repositories: string): Promise<void> {
  for (const check_seconds of [1, default_check_seconds]) {
    await runOn(place, repositories, place.lab.hosts(), check_seconds);
    await pause(idle_after_ms);
    const before = await Promise.all(place.lab.hosts().map(agentUse));
    await pause(idle_seconds * 1000);
    const after = await Promise.all(place.lab.hosts().map(agentUse));
    console.log(`\nAgent idle over ${idle_seconds} s, its service checked every ${check_seconds} s`);
    for (const [index, { cpu_ms, rss_kb, own_kb }] of after.entries()) {
      const percent = (cpu_ms - before[index]!.cpu_ms) / idle_seconds / 10;
      const memory = `${(rss_kb / 1024).toFixed(0)} MiB resident (goal ≤ 64, aim 45), ${(own_kb / 1024).toFixed(0)} of it its own`;
      console.log(`  ${place.lab.hosts()[index]!.name}: ${memory}; ${percent.toFixed(2)} % of a core (goal ≤ 0.2)`);
    }
  }
}

/** Processor time of the agent and of what it started, ended or not, and its memory; what is not its own are pages of its program. */
async function agentUse(host: LabHost): Promise<{ cpu_ms: number; rss_kb: number; own_kb: number }> {
  const pid = (await host.run(['systemctl', 'show', '-P', 'MainPID', 'mainstay-agent'])).trim();
  const children = (await host.exec(['pgrep', '-P', pid])).stdout.split('\n').filter(Boolean);
  let ticks = 0;
  for (const each of [pid, ...children]) {
    const stat = await host.readFile(`/proc/${each}/stat`).catch(() => '');
    // utime, stime, and those of children that were waited for (proc_pid_stat(5), fields 14 to 17).
    const times = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    ticks += times.slice(11, 15).reduce((sum, time) => sum + Number(time), 0);
  }
  const status = await host.readFile(`/proc/${pid}/status`);
  const kilobytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1]);
  return { cpu_ms: ticks * 10, rss_kb: kilobytes('VmRSS'), own_kb: kilobytes('RssAnon') };
}

/** What the server answers at its public port; empty when it does not. */
async function answer(host: LabHost): Promise<string> {
  try {
    const response = await fetch(`http://${host.ip}/`, { signal: AbortSignal.timeout(5_000) });
    return response.ok ? await response.text() : '';
  } catch {
    return '';
  }
}

type Asked = Promise<{ operation: { id: string | null } }>;

/** Waits for the end of an operation, which must be a success. */
async function ended({ client }: Panel, asking: Asked): Promise<void> {
  const { operation } = await asking;
  for (;;) {
    const now = (await client['operations.get']({ id: operation.id!, wait_seconds: 30 })).operation;
    if (now.state === 'succeeded') return;
    if (['failed', 'denied', 'cancelled', 'compensated'].includes(now.state))
      throw new Error(`${now.operation} ended as ${now.state}: ${now.message}`);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
