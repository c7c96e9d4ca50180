/** What the benches measure: the built programs, started as an installation starts them, on a home of their own. */
import { execFileSync, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, createClient } from '@mainstay/contract/client';
import { controlPlaneNodeFlags, smallMalloc } from '@mainstay/runtime/node-flags';
import { freePort } from '@mainstay/runtime/testing/free-port';

const dist = join(import.meta.dirname, '..', '..', 'dist');

export type Program = { pid: number; stop(signal?: NodeJS.Signals): Promise<void> };

/** Starts a program, pinned to one core where the machine has several and taskset. */
export function startProgram(
  argv: readonly string[],
  options: { env?: Record<string, string>; core?: number; log?: string } = {},
): Program {
  const pinned = options.core !== undefined && availableParallelism() > 1 && existsSync('/usr/bin/taskset');
  const [file, ...args] = pinned ? ['taskset', '-c', String(options.core), ...argv] : argv;
  const child = spawn(file!, args, { env: { ...process.env, ...options.env }, stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.stderr?.on('data', (chunk: Buffer) => {
    if (process.env['BENCH_VERBOSE']) process.stderr.write(chunk);
  });
  return {
    pid: child.pid!,
    async stop(signal = 'SIGTERM') {
      child.kill(signal);
      const timer = setTimeout(() => child.kill('SIGKILL'), 20_000);
      await ended;
      clearTimeout(timer);
    },
  };
}

export type Installation = {
  home: string;
  url: string;
  client: Client;
  token: string;
  control_plane: Program;
  stop(): Promise<void>;
};

/** A control plane from dist/, alone. */
export async function startControlPlane(options: { core?: number } = {}): Promise<Installation> {
  const home = mkdtempSync(join(tmpdir(), 'mainstay-bench-'));
  const port = await freePort();
  const argv = [
    process.execPath,
    ...controlPlaneNodeFlags,
    join(dist, 'mainstay-control-plane.js'),
    '--home',
    home,
    '--port',
    String(port),
  ];
  const control_plane = startProgram(argv, { ...options, env: smallMalloc });
  const url = `http://127.0.0.1:${port}`;
  await until(async () => existsSync(join(home, 'url')) && (await fetch(`${url}/readyz`)).ok, 'the control plane');
  const token = readFileSync(join(home, 'cli-token'), 'utf8').trim();
  return {
    home,
    url,
    token,
    control_plane,
    client: createClient({ url, token }),
    async stop() {
      await control_plane.stop();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/** An agent from dist/, enrolled as `bench` for a stack. */
export async function startAgent(at: Installation, flags: readonly string[], stack: string): Promise<Program> {
  const { result } = await at.client['servers.invite']({ server: 'bench', stack });
  const argv = [
    process.execPath,
    ...flags,
    join(dist, 'mainstay-agent.js'),
    '--home',
    join(at.home, 'agent'),
    '--url',
    at.url,
  ];
  const agent = startProgram(argv, { env: { MAINSTAY_ENROL_TOKEN: result!.token! } });
  await until(async () => (await at.client['servers.list']({})).servers[0]?.state === 'online', 'the agent');
  return agent;
}

/** A Git repository with the files of a folder. */
export function makeRepository(path: string, from: string) {
  cpSync(from, path, { recursive: true });
  const git = (...args: string[]) =>
    execFileSync('git', ['-C', path, '-c', 'user.name=bench', '-c', 'user.email=bench@example.com', ...args], {
      encoding: 'utf8',
    }).trim();
  git('init', '--quiet', '-b', 'main');
  const commit = (version: string) => {
    writeFileSync(join(path, 'version.txt'), version);
    git('add', '-A');
    git('commit', '--quiet', '-m', version);
    return git('rev-parse', 'HEAD');
  };
  commit('0');
  return { url: path, commit };
}

export async function until(
  holds: () => Promise<boolean>,
  what: string,
  timeout_ms = 60_000,
  apart_ms = 50,
): Promise<void> {
  const end = Date.now() + timeout_ms;
  while (Date.now() < end) {
    if (await holds().catch(() => false)) return;
    await new Promise((resolve) => setTimeout(resolve, apart_ms));
  }
  throw new Error(`${what} was not ready within ${timeout_ms / 1000} s`);
}

/** Resident set of a process, MB. */
export function rssOf(pid: number): number {
  const match = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return (Number(match?.[1] ?? 0) * 1024) / 1e6;
}

/** Processor time that a process has used, seconds. */
export function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

export function percentile(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}

export function summary(values: readonly number[]) {
  const sorted = [...values].sort((a, b) => a - b);
  return { median: percentile(sorted, 0.5), p99: percentile(sorted, 0.99), max: sorted.at(-1) ?? Number.NaN };
}
