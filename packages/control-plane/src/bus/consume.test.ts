import { silentLogger } from '@mainstay/runtime';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Bus } from './bus.ts';
import { conformance_streams } from './conformance/streams.ts';
import { backoffMs, type ConsumeOptions, type RunningConsumer, startConsumer } from './consume.ts';
import type { StoreBus } from './store-bus.ts';
import { createBusFixture } from './testing/fixture.ts';

const name = { stream: 'work', consumer: 'worker' };
const soon = { timeout: 20_000, interval: 10 };

let fixture: ReturnType<typeof createBusFixture>;
let bus: StoreBus;
const consumers: RunningConsumer[] = [];
beforeEach(async () => {
  fixture = createBusFixture(conformance_streams);
  ({ bus } = await fixture.open());
});
afterEach(async () => {
  for (const consumer of consumers.splice(0)) await consumer.stop(0);
  await fixture.remove();
});

async function start(options: Partial<ConsumeOptions> & Pick<ConsumeOptions, 'handle'>): Promise<RunningConsumer> {
  const consumer = await startConsumer({
    bus,
    log: silentLogger(),
    ...name,
    subjects: ['work.*'],
    random: () => 0.5,
    ...options,
  });
  consumers.push(consumer);
  return consumer;
}

async function publish(...ids: string[]): Promise<void> {
  for (const id of ids) await bus.publish({ subject: 'work.a', id, payload: null });
}

const settled = () =>
  vi.waitFor(async () => expect(await bus.consumerState(name)).toMatchObject({ waiting: 0, in_flight: 0 }), soon);

test('every message is handled, and settled by the verdict: done, again, or never again', async () => {
  const seen: string[] = [];
  await start({
    handle: async ({ id, deliveries }) => {
      seen.push(`${id}${deliveries}`);
      if (id === 'later' && deliveries === 1) return { nak_ms: 0 };
      return id === 'bad' ? { term: 'not mine' } : 'ack';
    },
  });
  await publish('good', 'later', 'bad');
  await settled();
  expect(seen.sort()).toEqual(['bad1', 'good1', 'later1', 'later2']);
  expect(await bus.deadLetters(name)).toMatchObject([{ id: 'bad', reason: 'not mine' }]);
});

test('no more is handled at the same time than max_in_flight, and as much as that', async () => {
  let now = 0;
  let most = 0;
  const gates: (() => void)[] = [];
  await start({
    max_in_flight: 3,
    handle: async () => {
      most = Math.max(most, ++now);
      await new Promise<void>((resolve) => gates.push(resolve));
      now -= 1;
      return 'ack';
    },
  });
  await publish('a', 'b', 'c', 'd', 'e', 'f', 'g');
  for (let handled = 0; handled < 7; handled++) {
    await vi.waitFor(() => expect(gates.length).toBeGreaterThan(0), soon);
    gates.shift()!();
  }
  await settled();
  expect(most).toBe(3);
});

test('a handler that throws gets its message again after waits that double, until it is dead with the error', async () => {
  const delays: number[] = [];
  const nak: Bus['nak'] = (delivery, ms, reason) => {
    delays.push(ms);
    return bus.nak(delivery, ms, reason);
  };
  const observed: Bus = { ...bus, nak };
  await start({
    bus: observed,
    max_deliver: 4,
    backoff: { first_ms: 1_000, max_ms: 3_000 },
    handle: async () => {
      throw new Error('no connection');
    },
  });
  await publish('a');
  for (const [i, wait] of [1_000, 2_000, 3_000].entries()) {
    await vi.waitFor(() => expect(delays).toHaveLength(i + 1), soon);
    expect(delays.at(-1)).toBe(wait);
    await fixture.clock.advance(wait);
  }
  await vi.waitFor(async () => expect((await bus.consumerState(name)).dead).toBe(1), soon);
  const [dead] = await bus.deadLetters(name);
  expect(dead).toMatchObject({ id: 'a', deliveries: 4, reason: expect.stringContaining('no connection') });
});

test('waits are bounded and spread by a fifth to both sides', () => {
  const backoff = { first_ms: 10, max_ms: 1_000 };
  expect([1, 2, 3, 8, 2_000].map((failures) => backoffMs(failures, backoff, 0.5))).toEqual([10, 20, 40, 1_000, 1_000]);
  expect([backoffMs(1, backoff, 0), backoffMs(1, backoff, 1)]).toEqual([8, 12]);
});

test('a handler that never returns is told, and holds up neither its message nor the others', async () => {
  let told = false;
  await start({
    max_in_flight: 1,
    time_limit_ms: 100,
    max_deliver: 1,
    handle: async ({ id }, signal) => {
      if (id !== 'stuck') return 'ack';
      signal.addEventListener('abort', () => (told = true));
      return new Promise(() => {});
    },
  });
  await publish('stuck', 'next');
  await settled();
  expect(told).toBe(true);
  expect(await bus.deadLetters(name)).toMatchObject([
    { id: 'stuck', reason: expect.stringContaining('longer than 100 ms') },
  ]);
});

test('ack_wait is extended while a handler is at it within its time', async () => {
  let extended = 0;
  const inProgress: Bus['inProgress'] = async (delivery) => {
    await bus.inProgress(delivery);
    extended += 1;
  };
  await start({
    bus: { ...bus, inProgress },
    ack_wait_ms: 150,
    time_limit_ms: 60_000,
    handle: async () => {
      for (let seen = extended, i = 0; i < 4; i++, seen = extended) {
        await vi.waitFor(() => expect(extended).toBeGreaterThan(seen), soon);
        await fixture.clock.advance(100);
        expect(await bus.fetch({ ...name, batch: 1 })).toEqual([]);
      }
      return 'ack';
    },
  });
  await publish('a');
  await settled();
  expect(extended).toBeGreaterThanOrEqual(4);
  expect(await bus.deadLetters(name)).toEqual([]);
});

test('stopping waits for what is handled, and begins nothing more', async () => {
  const gate = Promise.withResolvers<void>();
  const seen: string[] = [];
  let fetched = 0;
  const fetch: Bus['fetch'] = (options) => {
    fetched += 1;
    return bus.fetch(options);
  };
  const consumer = await start({
    bus: { ...bus, fetch },
    max_in_flight: 1,
    handle: async ({ id }) => {
      seen.push(id);
      await gate.promise;
      return 'ack';
    },
  });
  await publish('a', 'b');
  await vi.waitFor(() => expect(seen).toEqual(['a']), soon);
  const stopped = consumer.stop();
  gate.resolve();
  await stopped;
  expect(seen).toEqual(['a']);
  expect(fetched).toBe(1);
  expect(await bus.consumerState(name)).toEqual({ waiting: 1, in_flight: 0, dead: 0 });
});

test('stopping aborts what takes too long, and leaves it to be delivered again', async () => {
  let aborted = false;
  const consumer = await start({
    ack_wait_ms: 2_000,
    handle: (_, signal) =>
      new Promise((_resolve, reject) =>
        signal.addEventListener('abort', () => {
          aborted = true;
          reject(new Error('cut off'));
        }),
      ),
  });
  await publish('a');
  await vi.waitFor(async () => expect((await bus.consumerState(name)).in_flight).toBe(1), soon);
  await consumer.stop(0);
  expect(aborted).toBe(true);
  await fixture.clock.advance(2_100);
  expect(await bus.fetch({ ...name, batch: 1 })).toMatchObject([{ id: 'a', deliveries: 2 }]);
});

test('a bus that fails for a while is asked again', async () => {
  let failures = 3;
  const faulty: Bus = {
    ...bus,
    fetch: (options) => (failures-- > 0 ? Promise.reject(new Error('locked')) : bus.fetch(options)),
  };
  await start({ bus: faulty, clock: { ...fixture.clock, sleep: async () => {} }, handle: async () => 'ack' });
  await publish('a');
  await settled();
  expect(failures).toBeLessThan(0);
});
