/**
 * The proxies beside their peers, in one run: requests/s, p99 and memory at 32 and 128 connections, each proxy on the same
 * core, the backend and the load on another, rounds interleaved so that the weather of the machine hits all alike.
 * Goals: HAProxy as Mainstay drives it, at least 0.95 of plain HAProxy; the embedded proxy, at least 0.9 of a bare undici
 * proxy, and no less than Caddy. Peers are Debian's packages.
 *
 * node tests/bench/proxy.bench.ts
 */
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createEmbeddedProxy } from '@mainstay/agent/proxy/embedded-proxy';
import { createHaproxyProxy } from '@mainstay/agent/proxy/haproxy/haproxy-proxy';
import { silentLogger } from '@mainstay/runtime/log';
import { freePort } from '@mainstay/runtime/testing/free-port';
import { buildSync } from 'esbuild';
import { caddyfile, nginx, plainHaproxy } from './peers/proxy-configs.ts';

const run = promisify(execFile);
const rounds = 3;
const seconds = 3;
const connectionCounts = [32, 128] as const;

type Peer = { name: string; version: string; port: number; pid: number };
type Sample = { requests_per_s: number; p99_ms: number };
type Taken = Sample & { cpu_us: number };
/** `cpu_us`: of the proxy for one request, which a busy machine changes less than how many there are in a second. */
export type ProxyBenchRow = Taken & { proxy: string; connections: number; rss_mb: number };
export type ProxyBench = {
  rows: ProxyBenchRow[];
  /** Requests/s of ours over those of the peer, by `ours / peer` and connections. */
  ratios: Record<string, Record<string, number>>;
  notes: string[];
};

const has = (program: string) => spawnSync('which', [program]).status === 0;

/** Whether a Debian package's program is there, installing it when this user may. */
function provide(program: string, notes: string[]): boolean {
  if (has(program)) return true;
  if (process.getuid?.() === 0 && has('apt-get')) {
    spawnSync('apt-get', ['install', '-y', '--no-install-recommends', program], { stdio: 'ignore', timeout: 90_000 });
    if (program === 'caddy' && has('systemctl'))
      spawnSync('systemctl', ['disable', '--now', 'caddy'], { stdio: 'ignore' });
  }
  if (has(program)) return true;
  notes.push(`SKIPPED: ${program} is not installed and could not be (apt-get install ${program}).`);
  return false;
}

async function untilOpen(port: number): Promise<void> {
  for (let i = 0; i < 400; i++) {
    const open = await new Promise<boolean>((done) => {
      const socket = connect(port, '127.0.0.1', () => done(true));
      socket.once('error', () => done(false));
      socket.once('close', () => socket.removeAllListeners());
      setTimeout(() => socket.destroy(), 50);
    });
    if (open) return;
    await new Promise((done) => setTimeout(done, 25));
  }
  throw new Error(`nothing listens on port ${port}`);
}

function parseWrk(output: string): Sample {
  const perSecond = Number(/Requests\/sec:\s+([\d.]+)/.exec(output)?.[1]);
  const [, value, unit] = /99%\s+([\d.]+)(us|ms|s)/.exec(output) ?? [];
  const p99_ms = Number(value) * (unit === 'us' ? 0.001 : unit === 's' ? 1_000 : 1);
  if (/Socket errors|Non-2xx/.test(output) || !perSecond) throw new Error(`the load failed:\n${output}`);
  return { requests_per_s: perSecond, p99_ms };
}

const readProc = (path: string) => {
  try {
    return readFileSync(`/proc/${path}`, 'utf8');
  } catch {
    return '';
  }
};
/** A process and its children. */
const treeOf = (pid: number) =>
  readdirSync('/proc').filter((id) => new RegExp(`^P?Pid:\\s+${pid}$`, 'm').test(readProc(`${id}/status`)));
const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
const rssMb = (pid: number) =>
  sum(treeOf(pid).map((id) => Number(/VmRSS:\s+(\d+)/.exec(readProc(`${id}/status`))?.[1] ?? 0) / 1_024));
/** Time of processors that they had, in the kernel's ticks of 10 ms. */
const ticks = (pid: number) =>
  sum(treeOf(pid).map((id) => sum(readProc(`${id}/stat`).split(') ').at(-1)!.split(' ').slice(11, 13).map(Number))));
/** What of ours is compared with which peers. */
const compared: Record<string, string[]> = {
  embedded: ['undici', 'caddy'],
  haproxy: ['plain haproxy', 'caddy', 'nginx'],
};
const median = (values: number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
const local = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** Runs the bench, about two and a half minutes. What a machine lacks is said in `notes`. */
export async function benchProxy(): Promise<ProxyBench> {
  const notes: string[] = [];
  const wrk = provide('wrk', notes);
  if (!wrk) notes.push('The load comes from a client in Node, which takes more of its core than wrk.');
  const pinned = has('taskset') && cpus().length >= 2;
  if (!pinned) notes.push('SKIPPED: pinning to cores (needs taskset and two cores).');
  const pin = (core: number, argv: string[]) => (pinned ? ['taskset', '-c', String(core), ...argv] : argv);
  const folder = mkdtempSync(join(tmpdir(), 'mainstay-bench-'));
  const children: ChildProcess[] = [];
  const start = (core: number, argv: string[], env: Record<string, string> = {}) => {
    const [file, ...args] = pin(core, argv);
    const child = spawn(file!, args, { stdio: 'ignore', env: { ...process.env, HOME: folder, ...env } });
    children.push(child);
    return child.pid!;
  };
  const load = async (port: number, connections: number, forSeconds: number): Promise<Sample> => {
    const argv = wrk
      ? ['wrk', '-t1', `-c${connections}`, `-d${forSeconds}s`, '--latency', `http://127.0.0.1:${port}/bench`]
      : [process.execPath, local('peers/load-client.ts'), `${port}`, `${connections}`, `${forSeconds}`];
    const [file, ...args] = pin(1, argv);
    const { stdout } = await run(file!, args);
    if (wrk) return parseWrk(stdout);
    const sample = JSON.parse(stdout) as Sample & { failed: number };
    if (sample.failed > 0) throw new Error(`${sample.failed} requests failed`);
    return sample;
  };
  // One file, as it is shipped: Node's own type stripping would cost some 30 MB.
  const entry_path = join(folder, 'mainstay-proxy.mjs');
  buildSync({
    entryPoints: [local('../../packages/agent/src/proxy/embedded-proxy-main.ts')],
    outfile: entry_path,
    bundle: true,
    platform: 'node',
    format: 'esm',
    logLevel: 'error',
  });
  const proxy = createEmbeddedProxy({ home: join(folder, 'proxy'), log: silentLogger(), entry_path });
  const limits = { threads_max: 1 };
  const haproxy = createHaproxyProxy({ home: join(folder, 'haproxy'), log: silentLogger(), limits });
  try {
    const backendPort = await freePort();
    start(1, [process.execPath, local('peers/backend.ts'), String(backendPort)]);
    await untilOpen(backendPort);
    const peers: Peer[] = [];

    const active = { id: 'ins_bench', release_id: 'rel_bench', port: backendPort };
    const serve = async (ours: typeof proxy, name: string, version: string) => {
      const { pid } = await ours.ensure();
      if (pinned) spawnSync('taskset', ['-acp', '0', String(pid)]);
      const port = await freePort();
      await ours.apply({
        external: { host: '127.0.0.1', port },
        internal: null,
        routes: [{ prefix: '/', strip: false, service: 'bench' }],
        services: { bench: { active, held: false, internal_port: await freePort() } },
      });
      peers.push({ name, version, port, pid });
    };
    await serve(proxy, 'embedded', 'Mainstay, one file');

    const undiciPort = await freePort();
    const undiciPid = start(0, [process.execPath, local('peers/undici-proxy.ts'), `${undiciPort}`, `${backendPort}`]);
    peers.push({ name: 'undici', version: `bare, Node ${process.version}`, port: undiciPort, pid: undiciPid });

    const config = (name: string, text: string) => {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    };
    const versionOf = (...argv: [string, string]) => {
      const { stdout, stderr } = spawnSync(argv[0], [argv[1]], { encoding: 'utf8' });
      return /\d+\.\d+\.\d+/.exec(stdout + stderr)?.[0] ?? '';
    };
    if (provide('caddy', notes)) {
      const port = await freePort();
      const file = config('Caddyfile', caddyfile(port, backendPort));
      const pid = start(0, ['caddy', 'run', '--config', file, '--adapter', 'caddyfile'], { GOMAXPROCS: '1' });
      peers.push({ name: 'caddy', version: versionOf('caddy', 'version'), port, pid });
    }
    if (provide('haproxy', notes)) {
      await serve(haproxy, 'haproxy', 'driven by Mainstay');
      const port = await freePort();
      const pid = start(0, ['haproxy', '-f', config('haproxy.cfg', plainHaproxy(port, backendPort))]);
      peers.push({ name: 'plain haproxy', version: versionOf('haproxy', '-v'), port, pid });
    }
    if (provide('nginx', notes)) {
      const port = await freePort();
      const pid = start(0, ['nginx', '-c', config('nginx.conf', nginx(port, backendPort, folder))]);
      peers.push({ name: 'nginx', version: versionOf('nginx', '-v'), port, pid });
    }
    for (const peer of peers) {
      await untilOpen(peer.port);
      await load(peer.port, 64, 2);
    }

    const samples = new Map<string, Taken[]>();
    const memory = new Map<string, number>();
    for (let round = 0; round < rounds; round++) {
      for (const connections of connectionCounts) {
        for (let i = 0; i < peers.length; i++) {
          const peer = peers[(i + round) % peers.length]!;
          const key = `${peer.name} ${connections}`;
          const before = ticks(peer.pid);
          const loading = load(peer.port, connections, seconds);
          await new Promise((done) => setTimeout(done, (seconds - 0.5) * 1_000));
          memory.set(key, Math.max(memory.get(key) ?? 0, rssMb(peer.pid)));
          const sample = await loading;
          const cpu_us = ((ticks(peer.pid) - before) * 10_000) / (sample.requests_per_s * seconds);
          samples.set(key, [...(samples.get(key) ?? []), { ...sample, cpu_us }]);
        }
      }
    }

    const rows: ProxyBenchRow[] = [];
    const ratios: ProxyBench['ratios'] = {};
    for (const connections of connectionCounts) {
      for (const peer of peers) {
        const key = `${peer.name} ${connections}`;
        const taken = samples.get(key)!;
        rows.push({
          proxy: `${peer.name} (${peer.version})`,
          connections,
          requests_per_s: Math.round(median(taken.map((sample) => sample.requests_per_s))),
          p99_ms: median(taken.map((sample) => sample.p99_ms)),
          cpu_us: Math.round(median(taken.map((sample) => sample.cpu_us))),
          rss_mb: Math.round(memory.get(key)!),
        });
      }
      for (const [ours, theirs] of Object.entries(compared)) {
        for (const peer of theirs) {
          const [taken, others] = [ours, peer].map((name) => samples.get(`${name} ${connections}`));
          if (!taken || !others) continue;
          const ratio = median(taken.map((sample, i) => sample.requests_per_s / others[i]!.requests_per_s));
          const key = `${ours} / ${peer}`;
          ratios[key] = { ...ratios[key], [connections]: Number(ratio.toFixed(2)) };
          const by_cpu = median(taken.map((sample, i) => others[i]!.cpu_us / sample.cpu_us));
          const cpu_key = `${key}, by time of processors`;
          ratios[cpu_key] = { ...ratios[cpu_key], [connections]: Number(by_cpu.toFixed(2)) };
        }
      }
    }
    return { rows, ratios, notes };
  } finally {
    for (const child of children) child.kill('SIGTERM');
    await proxy.stop(0);
    await haproxy.stop(0);
    for (const child of children) child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
}

export function printProxy({ rows, ratios, notes }: ProxyBench): void {
  console.log(
    '\nProxies beside their peers, each on one core (goals: haproxy ≥ 0.95 of plain HAProxy; embedded ≥ 0.9 of undici, ≥ Caddy)',
  );
  console.table(rows);
  for (const [pair, byConnections] of Object.entries(ratios)) {
    for (const [connections, ratio] of Object.entries(byConnections)) {
      console.log(`  ${pair} at ${connections} connections: ${ratio}`);
    }
  }
  for (const note of notes) console.log(`  ${note}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) printProxy(await benchProxy());
