/**
 * What runs on a host in the test of faulty builds: a service under systemd, and beside it builds that fork, print and write without end.
 * It prints what became of each, and how long requests to the service took meanwhile, in milliseconds.
 *
 *   build-faults.mjs SECONDS              prints one line of JSON for each round of so many seconds
 *   build-faults.mjs load PORT SECONDS    asks the service at a steady rate, as a process of its own
 */
import { spawn } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileSink, instanceSpec } from '@mainstay/agent/supervisor/supervisor.fixtures';
import { createSystemdBuilder } from '@mainstay/agent/supervisor/systemd/systemd-builder';
import { createSystemdSupervisor } from '@mainstay/agent/supervisor/systemd/systemd-supervisor';
import { Limits } from '@mainstay/contract/stack';

export type Round = {
  round: string;
  requests: number;
  failed: number;
  p50: number;
  p99: number;
  outcome: string | null;
};

const interval_ms = 20;
const port = 31_000;
const home = '/srv/faults';
/** As they are by default, but for the disk, which is small here. */
const limits = Limits.parse({ build_disk_mb: 512, build_timeout_seconds: 5 });

const faults: Record<string, string | null> = {
  quiet: null,
  forks: 'bomb() { bomb | bomb & }; bomb; sleep 1000',
  writes: 'head -c 50G /dev/zero > big',
  'writes many files': 'i=0; while :; do i=$((i+1)); head -c 8M /dev/zero > $i; done',
  prints: 'yes "a line of a build that never ends" | head -c 50G',
  'quiet again': null,
};

const [first, second, third] = process.argv.slice(2);
if (first === 'load') await load(Number(second), Number(third) * 1000);
else await runRounds(Number(first));
process.exit(0);

async function runRounds(seconds: number): Promise<void> {
  mkdirSync(`${home}/builds`, { recursive: true });
  const supervisor = createSystemdSupervisor({ home, sink: fileSink(`${home}/lines`) });
  const server = `require('http').createServer((_, answer) => answer.end('served')).listen(${port}, '127.0.0.1')`;
  const spec = instanceSpec({ command: [process.execPath, '-e', server], directory: '/' });
  await supervisor.start(spec);
  for (const [round, command] of Object.entries(faults)) {
    const loading = startLoad(seconds);
    const outcome = command === null ? null : await build(command);
    console.log(JSON.stringify({ round, ...(await loading), outcome } satisfies Round));
  }
  await supervisor.stop(spec.id);
  await supervisor.detach();
}

async function build(command: string): Promise<string> {
  // What a build prints is stored; here nobody reads it.
  const sink = { write: async () => {}, cursor: () => null };
  const id = `bld_${'f'.repeat(24)}`;
  const checkout = `${home}/builds/${id}`;
  mkdirSync(checkout, { recursive: true });
  const about = { id, service: 'faulty', release_id: `rel_${'0'.repeat(24)}`, directory: checkout, checkout };
  const builder = createSystemdBuilder({ home, sink });
  const outcome = await builder.build({ ...about, command, env: {}, limits }, new AbortController().signal);
  rmSync(checkout, { recursive: true });
  return outcome.ok ? 'ok' : outcome.reason;
}

async function startLoad(seconds: number): Promise<Pick<Round, 'requests' | 'failed' | 'p50' | 'p99'>> {
  const child = spawn(process.execPath, [process.argv[1]!, 'load', String(port), String(seconds)]);
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  await new Promise((resolve) => child.once('close', resolve));
  return JSON.parse(text);
}

/** A request each 20 ms, whether or not the one before was answered; its time counts from when it was due. */
async function load(at: number, ms: number): Promise<void> {
  const times: number[] = [];
  let failed = 0;
  const ask = (due: number) =>
    new Promise<void>((resolve) => {
      const request = get({ host: '127.0.0.1', port: at, agent: false, timeout: 30_000 }, (answer) => {
        answer.resume().once('end', () => resolve(void times.push(performance.now() - due)));
      });
      request.once('timeout', () => request.destroy(new Error('no answer')));
      request.once('error', () => resolve(void failed++));
    });
  // The service may just have begun; the first requests also warm up.
  for (let tries = 0; tries < 100; tries++) {
    await ask(performance.now());
    await sleep(interval_ms);
  }
  failed = times.length = 0;
  const asked: Promise<void>[] = [];
  const began = performance.now();
  for (let due = began; due < began + ms; due += interval_ms) {
    await sleep(Math.max(0, due - performance.now()));
    asked.push(ask(due));
  }
  await Promise.all(asked);
  times.sort((a, b) => a - b);
  const at_share = (share: number) => Math.round((times[Math.floor(times.length * share)] ?? 0) * 10) / 10;
  console.log(JSON.stringify({ requests: asked.length, failed, p50: at_share(0.5), p99: at_share(0.99) }));
}
