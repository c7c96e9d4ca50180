import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BatchConflict } from '../store/store.ts';
import { busConformance } from './bus.conformance.ts';
import type { ConsumerSpec } from './bus.ts';
import { conformance_streams } from './conformance/streams.ts';
import { createStoreBus, type StoreBus } from './store-bus.ts';
import * as texts from './store-bus-sql.ts';
import { streams as own_streams } from './subjects.ts';
import { createBusFixture, type OpenBus } from './testing/fixture.ts';

busConformance('in the store', async () => {
  const fixture = createBusFixture(conformance_streams);
  const open = async () => (await fixture.open()).bus;
  return {
    open,
    openAnother: open,
    close: () => fixture.close(),
    advance: (ms) => fixture.clock.advance(ms),
    remove: () => fixture.remove(),
  };
});

describe('the bus in the store', () => {
  let fixture: ReturnType<typeof createBusFixture>;
  let at: OpenBus;
  let bus: StoreBus;
  const name = { stream: 'work', consumer: 'worker' };
  const rest = { ack_wait_ms: 2_000, max_deliver: 3, max_ack_pending: 100, start: 'all' } as const;
  const spec: ConsumerSpec = { ...name, subjects: ['work.*', 'deep.>'], ...rest };
  const message = (id: string, subject = 'work.a') => ({ subject, id, payload: id });
  /** A row that stands for the cause or the effect of a message. */
  const row = (id: string) => ({
    query: at.store.db.insertInto('sealed_values').values({ commitment: id, owner: 'test', sealed: '', created_at: 1 }),
  });

  beforeEach(async () => {
    fixture = createBusFixture(conformance_streams);
    at = await fixture.open();
    bus = at.bus;
    await bus.addConsumer(spec);
  });
  afterEach(() => fixture.remove());

  test('a message goes out with its cause, or not at all', async () => {
    await at.store.batch([row('one'), bus.publishStatement(message('a'))]);
    await expect(at.store.batch([bus.publishStatement(message('b')), row('one')])).rejects.toThrow();
    expect((await bus.fetch({ ...name, batch: 10 })).map(({ id }) => id)).toEqual(['a']);
  });

  test('the topic of a statement wakes who waits for its message', async () => {
    const slow = createStoreBus({
      ...at,
      clock: fixture.clock,
      streams: conformance_streams,
      poll_ms: 600_000,
    });
    await slow.addConsumer(spec);
    const waiting = slow.fetch({ ...name, batch: 1, wait_ms: 60_000 });
    await new Promise((resolve) => setTimeout(resolve, 50));
    const statement = slow.publishStatement(message('a'));
    await at.store.batch([statement]);
    at.signals.notify(statement.topic);
    expect(await waiting).toHaveLength(1);
  });

  test('an ack in the batch of its effect lets the effect happen once, whoever else has the message by then', async () => {
    await bus.publish(message('a'));
    const [first] = await bus.fetch({ ...name, batch: 1 });
    await fixture.clock.advance(2_100);
    const [second] = await bus.fetch({ ...name, batch: 1 });
    await expect(at.store.batch([row('one'), bus.ackStatement(first!)])).rejects.toThrow(BatchConflict);
    await at.store.batch([row('one'), bus.ackStatement(second!)]);
    await expect(at.store.batch([row('two'), bus.ackStatement(second!)])).rejects.toThrow(BatchConflict);
    expect(await at.store.db.selectFrom('sealed_values').select('commitment').execute()).toEqual([
      { commitment: 'one' },
    ]);
  });

  test('messages of other subjects are passed over for good, however many there are', async () => {
    await bus.addConsumer({ ...spec, consumer: 'rare', subjects: ['work.rare'] });
    const many = Array.from({ length: 12_000 }, (_, i) => bus.publishStatement(message(`m${i}`)));
    await at.store.batch([...many, bus.publishStatement(message('rare', 'work.rare'))]);
    const fetched = await bus.fetch({ stream: 'work', consumer: 'rare', batch: 10 });
    expect(fetched.map(({ id }) => id)).toEqual(['rare']);
    const consumer = await at.store.db
      .selectFrom('bus_consumers')
      .where('name', '=', 'rare')
      .selectAll()
      .executeTakeFirst();
    expect(consumer?.position).toBe(12_001);
  });

  test('retention leaves what is in somebody’s hands, and tells what a consumer never saw', async () => {
    await bus.addConsumer({ ...spec, stream: 'few', subjects: ['few.*'] });
    for (let i = 0; i < 10; i++) await bus.publish(message(`f${i}`, 'few.a'));
    const few = { stream: 'few', consumer: 'worker' };
    const [held] = await bus.fetch({ ...few, batch: 1 });
    const outcome = (await bus.prune()).find(({ stream }) => stream === 'few');
    expect(outcome).toEqual({ stream: 'few', removed: 4, unseen: 4 });
    await bus.nak(held!, 0);
    const rest = await bus.fetch({ ...few, batch: 10 });
    expect(rest.map(({ id }) => id)).toEqual(['f0', 'f5', 'f6', 'f7', 'f8', 'f9']);
    for (const delivery of rest) await bus.ack(delivery);
    expect((await bus.prune()).find(({ stream }) => stream === 'few')).toMatchObject({ removed: 1, unseen: 0 });
  });

  test('dead letters are bounded: the newest stay', async () => {
    for (let i = 0; i < 1_005; i++) await bus.publish(message(`d${i}`));
    for (let fetched = await bus.fetch({ ...name, batch: 100 }); fetched.length > 0; ) {
      for (const delivery of fetched) await bus.term(delivery, 'r'.repeat(10_000));
      fetched = await bus.fetch({ ...name, batch: 100 });
    }
    const dead = await bus.deadLetters(name, { limit: 5_000 });
    expect(dead).toHaveLength(1_000);
    expect(dead[0]).toMatchObject({ id: 'd1004', reason: 'r'.repeat(500) });
    expect(dead.at(-1)!.id).toBe('d5');
  });

  test('a full disk refuses what is published, loses nothing, and is got over', async () => {
    await bus.publish(message('a'));
    const pages = async (limit: string) =>
      void (await sql.raw(`pragma max_page_count = ${limit}`).execute(at.store.db));
    await pages('1');
    const big = { subject: 'work.a', payload: 'x'.repeat(900) };
    let refused: unknown = null;
    let stored = 0;
    for (; refused === null && stored < 1_000; stored++) {
      await bus.publish({ ...big, id: `big${stored}` }).catch((error: unknown) => {
        refused = error;
      });
    }
    expect(refused).toMatchObject({ code: 'Unavailable', message: expect.stringContaining('disk is full') });
    const full = await bus.fetch({ ...name, batch: 1_000 }).catch((error: unknown) => error);
    if (!Array.isArray(full)) expect(full).toMatchObject({ code: 'Unavailable' });
    await pages('1000000');
    await fixture.clock.advance(2_100);
    expect(await bus.publish({ ...big, id: 'after' })).toEqual({ duplicate: false });
    const got = new Set<string>();
    for (let i = 0; i < 20; i++) {
      for (const delivery of await bus.fetch({ ...name, batch: 100 })) {
        got.add(delivery.id);
        await bus.ack(delivery);
      }
    }
    const expected = ['a', 'after', ...Array.from({ length: stored - 1 }, (_, i) => `big${i}`)];
    expect([...got].sort()).toEqual(expected.sort());
  });

  test('what is claimed and what is settled is found by an index, never by a scan of the messages', async () => {
    const plan = async (text: string) => {
      const { rows } = await sql.raw<{ detail: string }>(`explain query plan ${text}`).execute(at.store.db);
      return rows.map(({ detail }) => detail).join('\n');
    };
    for (const [key, text] of Object.entries(texts)) {
      if (typeof text !== 'string' || key === 'stream_bytes') continue;
      expect(await plan(text), key).not.toMatch(/SCAN (bus_messages|m|bus_consumers|c|bus_dead_letters)\b/);
    }
  });

  test('the streams of Mainstay are acceptable and take its subjects', () => {
    const make = () => createStoreBus({ ...at, clock: fixture.clock, streams: own_streams });
    expect(make).not.toThrow();
    const overlapping = [...own_streams, { ...own_streams[0]!, name: 'other', subjects: ['ops.>'] }];
    expect(() => createStoreBus({ ...at, clock: fixture.clock, streams: overlapping })).toThrow(/overlaps/);
  });
});
