import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { conformance_streams } from './conformance/streams.ts';
import type { StoreBus } from './store-bus.ts';
import { createBusFixture } from './testing/fixture.ts';

const program = fileURLToPath(new URL('./testing/consumer-process.ts', import.meta.url));
const ack_wait_ms = 600_000;
const name = { stream: 'work', consumer: 'worker' };
const spec = {
  ...name,
  subjects: ['work.*'],
  ack_wait_ms,
  max_deliver: 10,
  max_ack_pending: 1_000,
  start: 'all',
} as const;

let fixture: ReturnType<typeof createBusFixture>;
let bus: StoreBus;
const children: ChildProcess[] = [];

beforeEach(async () => {
  fixture = createBusFixture(conformance_streams);
  ({ bus } = await fixture.open());
  await bus.addConsumer(spec);
});
afterEach(async () => {
  for (const child of children.splice(0)) await kill(child);
  await fixture.remove();
});

function start(results: string, hang_after: number): ChildProcess {
  const path = join(fixture.folder, results);
  const child = spawn(process.execPath, [program, fixture.path, path, String(hang_after)], { stdio: 'inherit' });
  children.push(child);
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('close', resolve));
  child.kill('SIGKILL');
  await ended;
}

/** Ids of the messages that a process did, or that it was killed over. */
function lines(results: string, verb: 'did' | 'hangs'): string[] {
  const path = join(fixture.folder, results);
  if (!existsSync(path)) return [];
  const found = readFileSync(path, 'utf8').trimEnd().split('\n');
  return found.filter((line) => line.startsWith(`${verb} `)).map((line) => line.slice(verb.length + 1));
}

async function publish(number: number): Promise<string[]> {
  const ids = Array.from({ length: number }, (_, i) => `m${String(i).padStart(4, '0')}`);
  for (const id of ids) await bus.publish({ subject: 'work.a', id, payload: null });
  return ids;
}

/** All that is to be had, acknowledged. */
async function drain(): Promise<string[]> {
  const got: string[] = [];
  for (;;) {
    const fetched = await bus.fetch({ ...name, batch: 100 });
    if (fetched.length === 0) return got;
    for (const delivery of fetched) await bus.ack(delivery);
    got.push(...fetched.map(({ id }) => id));
  }
}

test('a consumer killed in the middle of handling leaves its messages to the next, after ack_wait and not before', async () => {
  const ids = await publish(30);
  const child = start('killed', 10);
  await vi.waitFor(() => expect(lines('killed', 'hangs').length).toBe(4), { timeout: 25_000, interval: 20 });
  await vi.waitFor(async () => expect((await bus.consumerState(name)).in_flight).toBe(4), { timeout: 25_000 });
  await kill(child);
  const did = lines('killed', 'did');
  const hung = lines('killed', 'hangs');
  expect(did).toHaveLength(10);

  const untouched = await drain();
  expect([...did, ...hung, ...untouched].sort()).toEqual(ids);
  await fixture.clock.advance(ack_wait_ms / 2);
  expect(await drain()).toEqual([]);
  // The killed process claimed by the machine's clock, which has gone on since this one was stopped.
  await fixture.clock.advance(ack_wait_ms);
  const again = await bus.fetch({ ...name, batch: 100 });
  expect(again.map(({ id }) => id)).toEqual(hung.sort());
  expect(again.every(({ deliveries }) => deliveries === 2)).toBe(true);
});

test('a consumer killed at any moment loses nothing, and no more comes twice than it had in its hands', async () => {
  const ids = await publish(600);
  for (const [round, after] of [20, 90, 240].entries()) {
    const child = start(`round${round}`, 1_000_000);
    await vi.waitFor(() => expect(lines(`round${round}`, 'did').length).toBeGreaterThan(after), {
      timeout: 25_000,
      interval: 1,
    });
    await kill(child);
  }
  const did = [0, 1, 2].flatMap((round) => lines(`round${round}`, 'did'));
  expect(new Set(did).size, 'within ack_wait nobody else gets what was delivered').toBe(did.length);
  await fixture.clock.advance(ack_wait_ms * 2);
  const rest = await drain();
  const twice = rest.filter((id) => did.includes(id));
  expect([...new Set([...did, ...rest])].sort()).toEqual(ids);
  expect(twice.length).toBeLessThanOrEqual(3 * 4);
});

test('two processes under one name share the work, and none gets what the other has', async () => {
  const ids = await publish(400);
  start('one', 1_000_000);
  start('two', 1_000_000);
  const did = () => [...lines('one', 'did'), ...lines('two', 'did')];
  await vi.waitFor(() => expect(did().length).toBeGreaterThanOrEqual(400), { timeout: 25_000, interval: 20 });
  await vi.waitFor(async () => expect((await bus.consumerState(name)).in_flight).toBe(0), { timeout: 25_000 });
  expect(did().sort()).toEqual(ids);
});
