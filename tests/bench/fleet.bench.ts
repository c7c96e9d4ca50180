/**
 * One control plane on one core, with simulated agents that speak the real protocol: a heartbeat every 10 s each, long-polls
 * open all the while. API reads are timed from outside, and a deployment to the whole fleet is timed to its end.
 *
 * node tests/bench/fleet.bench.ts [100 1000 5000]
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cpuOf, type Installation, makeRepository, rssOf, startControlPlane, summary, until } from './installation.ts';

const measure_seconds = 30;
const deploy_within_ms = 180_000;
const settle_seconds = 15;
const reads_per_s = 20;

export type FleetRow = {
  agents: number;
  read_p50_ms: number;
  read_p99_ms: number;
  rss_mb: number;
  core_percent: number;
  heartbeats_per_s: number;
  failed_requests: number;
  deploy_all_ms: number;
};

export async function benchFleet(sizes: readonly number[] = [100, 1_000, 5_000]): Promise<FleetRow[]> {
  const rows: FleetRow[] = [];
  for (const size of sizes) rows.push(await benchSize(size));
  return rows;
}

async function benchSize(agents: number): Promise<FleetRow> {
  const at = await startControlPlane({ core: 0 });
  const repository = makeRepository(join(at.home, 'repository'), join(import.meta.dirname, 'service'));
  const service = { source: { git: repository.url }, run: 'node server.mjs' };
  const names = ['web', 'api', 'auth', 'mail', 'jobs'];
  const services = Object.fromEntries(names.map((name) => [name, service]));
  // In one wave: what is measured is how soon a version is everywhere, not how long it is tried first.
  const spec = { poll_interval_seconds: 86_400, rollout: { first: 10_000 }, services };
  await at.client['stacks.apply']({ stack: 'fleet', spec });
  const fleet = startFleet(at.url, await invite(at, agents));
  try {
    const isWhole = async () => {
      const { servers } = await at.client['servers.list']({});
      return servers.length === agents && servers.every((server) => server.state === 'online' && server.converged);
    };
    await until(isWhole, `a fleet of ${agents}`, 180_000, 2_000);
    // What is measured is the life of the fleet; the coming of all of it at once is over after a round of heartbeats.
    await new Promise((resolve) => setTimeout(resolve, settle_seconds * 1000));
    const cpu = cpuOf(at.control_plane.pid);
    const before = fleet.counts();
    const reads = await timeReads(at, agents);
    const after = fleet.counts();
    const used = cpuOf(at.control_plane.pid) - cpu;
    const rss_mb = rssOf(at.control_plane.pid);
    return {
      agents,
      read_p50_ms: reads.median,
      read_p99_ms: reads.p99,
      rss_mb,
      core_percent: (used / measure_seconds) * 100,
      heartbeats_per_s: (after.heartbeats - before.heartbeats) / measure_seconds,
      failed_requests: after.failed_requests,
      deploy_all_ms: await timeDeploy(at, repository),
    };
  } finally {
    fleet.stop();
    await at.stop();
  }
}

async function invite(at: Installation, agents: number): Promise<string[]> {
  const tokens: string[] = [];
  const names = Array.from({ length: agents }, (_, index) => `server-${index}`);
  await Promise.all(
    Array.from({ length: 10 }, async () => {
      for (let server = names.shift(); server; server = names.shift()) {
        tokens.push((await at.client['servers.invite']({ server, stack: 'fleet' })).result!.token!);
      }
    }),
  );
  return tokens;
}

type Counts = { heartbeats: number; accepted: number; refused: number; failed_requests: number };

function startFleet(url: string, tokens: string[]) {
  const program = join(import.meta.dirname, 'fleet-agents.ts');
  const argv = ['-c', '1', process.execPath, '--max-old-space-size=4096', program];
  const child = spawn('taskset', argv, { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.end(JSON.stringify({ url, tokens }));
  let last: Counts = { heartbeats: 0, accepted: 0, refused: 0, failed_requests: 0 };
  child.stdout.on('data', (chunk: Buffer) => {
    const line = chunk.toString().trim().split('\n').at(-1);
    if (line) last = JSON.parse(line) as Counts;
  });
  return { counts: () => last, stop: () => void child.kill('SIGKILL') };
}

/** What a dashboard and its people read, in turn, at a constant rate. */
async function timeReads(at: Installation, agents: number) {
  const { client } = at;
  const reads: (() => Promise<unknown>)[] = [
    () => client['stacks.list']({}),
    () => client['stacks.get']({ stack: 'fleet' }),
    () => client['servers.get']({ server: `server-${Math.floor(Math.random() * agents)}` }),
    () => client['services.list']({ server: `server-${Math.floor(Math.random() * agents)}` }),
    () => client['events.list']({ limit: 100 }),
    () => client['operations.list']({ limit: 20 }),
    () => client['system.whoami']({}),
  ];
  const times: number[] = [];
  const open: Promise<void>[] = [];
  const started = performance.now();
  for (let sent = 0; sent < measure_seconds * reads_per_s; sent++) {
    const due = started + (sent * 1000) / reads_per_s;
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())));
    const began = performance.now();
    // A read that fails took as long as it did: a control plane that is overwhelmed must not look quick.
    const note = () => void times.push(performance.now() - began);
    open.push(reads[sent % reads.length]!().then(note, note));
  }
  await Promise.all(open);
  return summary(times);
}

/** Milliseconds from the call until every agent has reported that it runs the new commit. */
async function timeDeploy(at: Installation, repository: { commit(version: string): string }): Promise<number> {
  repository.commit('next');
  const started = performance.now();
  const { operation } = await at.client['stacks.deploy']({ stack: 'fleet' });
  const ended = async () =>
    (await at.client['operations.get']({ id: operation.id!, wait_seconds: 5 })).operation.state !== 'running';
  try {
    await until(ended, 'the deployment to the fleet', deploy_within_ms, 500);
  } catch {
    return Number.NaN;
  }
  return performance.now() - started;
}

export function printFleet(rows: readonly FleetRow[]): void {
  console.log(
    '\nOne control plane on one core; agents simulated, heartbeat every 10 s, long-polls open (goals at 1,000: p99 < 50 ms, RSS ≤ 200 MB)',
  );
  console.log('  agents  read p50  read p99   RSS     core  heartbeats/s  failed  deploy to all');
  for (const row of rows) {
    const cells = [
      String(row.agents).padStart(8),
      `${row.read_p50_ms.toFixed(1)} ms`.padStart(9),
      `${row.read_p99_ms.toFixed(1)} ms`.padStart(9),
      `${row.rss_mb.toFixed(0)} MB`.padStart(7),
      `${row.core_percent.toFixed(0)} %`.padStart(7),
      row.heartbeats_per_s.toFixed(0).padStart(12),
      String(row.failed_requests).padStart(7),
      (Number.isNaN(row.deploy_all_ms)
        ? `> ${deploy_within_ms / 1000} s`
        : `${(row.deploy_all_ms / 1000).toFixed(1)} s`
      ).padStart(13),
    ];
    console.log(cells.join(' '));
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const sizes = process.argv.slice(2).map(Number);
  printFleet(await benchFleet(sizes.length > 0 ? sizes : undefined));
}
