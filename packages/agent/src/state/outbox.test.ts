import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { agentApiLimits } from '@mainstay/contract/agent-answers';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { LogLine } from '../supervisor/supervisor.ts';
import { type OutboxOptions, openOutbox } from './outbox.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'mainstay-outbox-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const open = (options: Partial<OutboxOptions> = {}) =>
  openOutbox({ path: join(home, 'outbox.sqlite'), now: () => 1, ...options });
const line = (text: string): LogLine => ({
  at: 1,
  service: 'api',
  release_id: `rel_${'0'.repeat(24)}`,
  stream: 'stdout',
  text,
});

test('events keep their numbers over resends and restarts, until they are acknowledged', () => {
  let outbox = open();
  outbox.events.add({ kind: 'agent.started', message: 'one' }, 1);
  outbox.events.add({ kind: 'agent.started', message: 'two' }, 2);
  const first = outbox.events.batch();
  expect(first.map((event) => event.seq)).toEqual([1, 2]);
  expect(outbox.events.batch()).toEqual(first);
  outbox.close();
  outbox = open();
  expect(outbox.events.batch()).toEqual(first);
  outbox.events.acknowledge(1);
  outbox.events.add({ kind: 'agent.started', message: 'three' }, 3);
  expect(outbox.events.batch().map((event) => [event.seq, event.message])).toEqual([
    [2, 'two'],
    [3, 'three'],
  ]);
  outbox.close();
});

test('a full event outbox drops the oldest information first, counts it, and leaves no gap in the numbers', () => {
  const outbox = open({ events_max: 10 });
  for (let i = 0; i < 10; i++)
    outbox.events.add({ kind: 'agent.started', severity: i === 0 ? 'error' : 'info', message: `event ${i}` }, i);
  for (let i = 10; i < 15; i++) outbox.events.add({ kind: 'agent.started', message: `event ${i}` }, i);
  expect(outbox.events.waiting()).toBe(10);
  expect(outbox.events.dropped()).toBe(5);
  const batch = outbox.events.batch();
  expect(batch.map((event) => event.message)).toEqual([
    'event 0',
    ...[6, 7, 8, 9, 10, 11, 12, 13, 14].map((i) => `event ${i}`),
  ]);
  expect(batch.map((event) => event.seq)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  outbox.close();
});

test('waiting events are bounded by bytes too, and so is a batch', () => {
  const add = (outbox: ReturnType<typeof open>, i: number) =>
    outbox.events.add(
      { kind: 'service.crashed', severity: 'error', message: `${i}`, data: { x: 'x'.repeat(9_000) } },
      i,
    );
  const small = open({ event_bytes_max: 100_000 });
  for (let i = 0; i < 30; i++) add(small, i);
  expect(small.events.waiting()).toBe(11);
  expect(small.events.dropped()).toBe(19);
  small.events.batch();
  small.events.acknowledge(11);
  add(small, 30);
  expect(small.events.batch().map(({ seq, message }) => [seq, message])).toEqual([[12, '30']]);
  small.close();
  rmSync(join(home, 'outbox.sqlite'));
  const large = open();
  for (let i = 0; i < 500; i++) add(large, i);
  const sent: string[] = [];
  while (large.events.waiting() > 0) {
    const batch = large.events.batch();
    expect(JSON.stringify(batch).length).toBeLessThan(agentApiLimits.body_bytes_max);
    expect(large.events.batch()).toEqual(batch);
    sent.push(...batch.map(({ message }) => message));
    large.events.acknowledge(batch.at(-1)!.seq);
  }
  expect(sent).toEqual(Array.from({ length: 500 }, (_, i) => `${i}`));
  large.close();
});

test('an outbox that was lost goes on behind what the control plane has, with events and with lines', async () => {
  const outbox = open();
  outbox.events.add({ kind: 'agent.started', message: 'again' }, 1);
  outbox.events.batch();
  outbox.events.acknowledge(700);
  expect(outbox.events.batch().map((event) => [event.seq, event.message])).toEqual([[701, 'again']]);
  await outbox.logs.write('ins_1', [line('a'), line('b')], 'c1');
  outbox.logs.batch();
  outbox.logs.acknowledge(5_000);
  expect(outbox.logs.batch().map((entry) => [entry.seq, entry.text])).toEqual([
    [5_001, 'a'],
    [5_002, 'b'],
  ]);
  outbox.logs.acknowledge(5_002);
  expect(outbox.logs.waiting()).toBe(0);
  await outbox.logs.write('ins_1', [line('c')], 'c2');
  expect(outbox.logs.batch().map((entry) => entry.seq)).toEqual([5_003]);
  outbox.close();
});

test('waiting lines are bounded by bytes, the oldest dropped first and counted', async () => {
  const outbox = open({ bytes_max: 100_000 });
  for (let i = 0; i < 100; i++) await outbox.logs.write('ins_1', [line(`${i} ${'x'.repeat(2_000)}`)], `c${i}`);
  const kept = outbox.logs.waiting();
  expect(kept).toBeGreaterThan(30);
  expect(kept * 2_000).toBeLessThan(100_000);
  expect(outbox.logs.dropped()).toBe(100 - kept);
  const batch = outbox.logs.batch();
  expect(batch.at(-1)?.text).toMatch(/^99 /);
  expect(batch[0]?.text.startsWith(`${100 - kept} `)).toBe(true);
  outbox.close();
});

test('the cursor of a reader is stored with its lines', async () => {
  let outbox = open();
  expect(outbox.logs.cursor('ins_1')).toBeNull();
  await outbox.logs.write('ins_1', [line('a')], 'offset 2');
  outbox.close();
  outbox = open();
  expect(outbox.logs.cursor('ins_1')).toBe('offset 2');
  expect(outbox.logs.waiting()).toBe(1);
  outbox.close();
});

test('a line that is too long is cut and says so', async () => {
  const outbox = open();
  await outbox.logs.write('ins_1', [line('y'.repeat(20_000))], 'c');
  const text = outbox.logs.batch()[0]?.text ?? '';
  expect(text.length).toBe(16_384);
  expect(text).toMatch(/\[line cut: it had 20000 characters\]$/);
  outbox.close();
});

test('a damaged outbox is put aside and begun anew', () => {
  const path = join(home, 'outbox.sqlite');
  writeFileSync(path, Buffer.alloc(8_192, 0x5a));
  const outbox = open();
  expect(outbox.put_aside).toMatch(/outbox\.sqlite\.damaged-1$/);
  expect(readFileSync(outbox.put_aside ?? '').length).toBe(8_192);
  outbox.events.add({ kind: 'agent.started', message: 'one' }, 1);
  expect(outbox.events.batch()).toHaveLength(1);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  outbox.close();
});
