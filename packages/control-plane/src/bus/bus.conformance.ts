/**
 * The laws of the bus port. Every adapter runs them against its real server; where time must pass, the harness lets it pass, by
 * moving its clock or by waiting.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Bus, ConsumerSpec, Delivery, NewMessage } from './bus.ts';

export type BusHarness = {
  /** A bus with the streams of conformance-streams.ts that no other harness sees. */
  open(): Promise<Bus>;
  /** Another process's view of the same; `open` again after `close` is a restart. */
  openAnother(): Promise<Bus>;
  /** Ends what is open; what was stored stays. */
  close(): Promise<void>;
  advance(ms: number): Promise<void>;
  /** Ends all and removes what was stored. */
  remove(): Promise<void>;
};

const ack_wait_ms = 2_000;
const over_ack_wait_ms = ack_wait_ms + 100;

export function busConformance(adapter: string, create: () => Promise<BusHarness>) {
  describe(`bus: ${adapter}`, () => {
    let harness: BusHarness;
    let bus: Bus;
    beforeEach(async () => {
      harness = await create();
      bus = await harness.open();
    });
    afterEach(() => harness.remove());

    const worker = { stream: 'work', consumer: 'worker' };
    const spec = (rest: Partial<ConsumerSpec> = {}): ConsumerSpec => ({
      ...worker,
      subjects: ['work.*', 'deep.>'],
      ack_wait_ms,
      max_deliver: 3,
      max_ack_pending: 100,
      start: 'all',
      ...rest,
    });
    const message = (id: string, subject = 'work.a'): NewMessage => ({ subject, id, payload: { id } });
    const publish = async (...ids: string[]) => {
      for (const id of ids) await bus.publish(message(id));
    };
    const fetch = (batch = 10, from = bus) => from.fetch({ ...worker, batch });
    const one = async (): Promise<Delivery> => {
      const fetched = await fetch(1);
      expect(fetched).toHaveLength(1);
      return fetched[0]!;
    };
    const ids = (deliveries: readonly { id: string }[]) => deliveries.map(({ id }) => id);
    const refused = (work: Promise<unknown>) =>
      work.then(
        () => null,
        (error: unknown) => error as { code?: string; field?: string },
      );

    it('delivers what was published as it was published, in the order of the stream', async () => {
      await bus.addConsumer(spec());
      const payload = { text: 'ä "quoted" \n', list: [1, null, true], nested: { deep: {} } };
      await bus.publish({ subject: 'work.a', id: 'first', payload });
      await publish('second', 'third');
      const fetched = await fetch();
      expect(ids(fetched)).toEqual(['first', 'second', 'third']);
      expect(fetched[0]).toMatchObject({ ...worker, subject: 'work.a', payload, deliveries: 1 });
      expect(fetched[0]!.published_at).toBeLessThanOrEqual(fetched[1]!.published_at);
    });

    it('gives no more than a batch, and goes on after it', async () => {
      await bus.addConsumer(spec());
      await publish('a', 'b', 'c');
      expect(ids(await fetch(2))).toEqual(['a', 'b']);
      expect(ids(await fetch(2))).toEqual(['c']);
      expect(await fetch(2)).toEqual([]);
    });

    it('gives a consumer only its subjects: * is one token, > is one or more', async () => {
      const consumers = { star: ['work.*'], tail: ['deep.>'], middle: ['deep.*.c'], both: ['work.b', 'deep.x'] };
      for (const [consumer, subjects] of Object.entries(consumers)) await bus.addConsumer(spec({ consumer, subjects }));
      for (const subject of ['work.a', 'work.b', 'deep.x', 'deep.b.c', 'deep.b.c.d'])
        await bus.publish(message(subject, subject));
      const got = async (consumer: string) => ids(await bus.fetch({ stream: 'work', consumer, batch: 10 }));
      expect(await got('star')).toEqual(['work.a', 'work.b']);
      expect(await got('tail')).toEqual(['deep.x', 'deep.b.c', 'deep.b.c.d']);
      expect(await got('middle')).toEqual(['deep.b.c']);
      expect(await got('both')).toEqual(['work.b', 'deep.x']);
    });

    it('gives every consumer all messages, and those with one name each message once', async () => {
      await bus.addConsumer(spec());
      await bus.addConsumer(spec({ consumer: 'other' }));
      const another = await harness.openAnother();
      await another.addConsumer(spec());
      await publish('a', 'b', 'c', 'd');
      const mine = ids(await fetch(2));
      const theirs = ids(await fetch(10, another));
      expect([...mine, ...theirs].sort()).toEqual(['a', 'b', 'c', 'd']);
      expect(await fetch(10, another)).toEqual([]);
      expect(ids(await bus.fetch({ stream: 'work', consumer: 'other', batch: 10 }))).toEqual(['a', 'b', 'c', 'd']);
    });

    it('never delivers again what was acknowledged', async () => {
      await bus.addConsumer(spec());
      await publish('a', 'b');
      for (const delivery of await fetch()) await bus.ack(delivery);
      await harness.advance(over_ack_wait_ms);
      expect(await fetch()).toEqual([]);
      expect(await bus.consumerState(worker)).toEqual({ waiting: 0, in_flight: 0, dead: 0 });
    });

    it('delivers again what was not settled within ack_wait, and not before', async () => {
      await bus.addConsumer(spec());
      await publish('a');
      await one();
      await harness.advance(ack_wait_ms / 2);
      expect(await fetch()).toEqual([]);
      await harness.advance(over_ack_wait_ms);
      expect(await one()).toMatchObject({ id: 'a', deliveries: 2 });
    });

    it('waits on as long as progress is told', async () => {
      await bus.addConsumer(spec());
      await publish('a');
      const delivery = await one();
      for (let i = 0; i < 3; i++) {
        await harness.advance(ack_wait_ms * 0.6);
        await bus.inProgress(delivery);
        expect(await fetch()).toEqual([]);
      }
      await harness.advance(over_ack_wait_ms);
      expect(await one()).toMatchObject({ id: 'a', deliveries: 2 });
    });

    it('delivers again after a nak: at once, or after its delay and not before', async () => {
      await bus.addConsumer(spec());
      await publish('a');
      await bus.nak(await one(), 0);
      const second = await one();
      expect(second.deliveries).toBe(2);
      await bus.nak(second, 4_000);
      await harness.advance(over_ack_wait_ms);
      expect(await fetch()).toEqual([]);
      await harness.advance(2_000);
      expect((await one()).deliveries).toBe(3);
    });

    it('takes an ack that comes late: what was done is not delivered once more', async () => {
      await bus.addConsumer(spec());
      await publish('a');
      const first = await one();
      await harness.advance(over_ack_wait_ms);
      await one();
      await bus.ack(first);
      await harness.advance(over_ack_wait_ms);
      expect(await fetch()).toEqual([]);
    });

    it('keeps a delivery that was overtaken from the next one, where it says that it does', async (context) => {
      if (!bus.capabilities.fenced) context.skip('the adapter takes whatever comes, and says so');
      await bus.addConsumer(spec());
      await publish('a');
      const first = await one();
      await harness.advance(over_ack_wait_ms);
      const second = await one();
      await bus.nak(first, 0);
      await bus.term(first, 'overtaken');
      expect(await fetch()).toEqual([]);
      await harness.advance(ack_wait_ms * 0.6);
      await bus.inProgress(first);
      await harness.advance(ack_wait_ms * 0.6);
      expect((await one()).deliveries).toBe(second.deliveries + 1);
      expect(await bus.deadLetters(worker)).toEqual([]);
    });

    it('lists what was terminated as dead, with the reason, and never delivers it again', async () => {
      await bus.addConsumer(spec());
      await publish('a', 'b');
      const [first] = await fetch();
      await bus.term(first!, 'no such stack');
      await harness.advance(over_ack_wait_ms);
      expect(ids(await fetch())).toEqual(['b']);
      const dead = await bus.deadLetters(worker);
      expect(dead).toMatchObject([
        { id: 'a', subject: 'work.a', payload: { id: 'a' }, deliveries: 1, reason: 'no such stack' },
      ]);
      expect((await bus.consumerState(worker)).dead).toBe(1);
    });

    it('lists as dead what was delivered max_deliver times, by nak or in silence', async () => {
      await bus.addConsumer(spec({ max_deliver: 2 }));
      await publish('refused', 'lost');
      const [refusedOnce] = await fetch();
      await bus.nak(refusedOnce!, 0);
      await harness.advance(over_ack_wait_ms);
      const again = await fetch();
      expect(ids(again).sort()).toEqual(['lost', 'refused']);
      await bus.nak(again.find(({ id }) => id === 'refused')!, 0, 'it said no');
      await harness.advance(over_ack_wait_ms);
      expect(await fetch()).toEqual([]);
      const dead = await bus.deadLetters(worker);
      expect(ids(dead)).toEqual(['lost', 'refused']);
      expect(dead.map(({ deliveries }) => deliveries)).toEqual([2, 2]);
      expect(dead[1]!.reason).toContain('it said no');
      expect(ids(await bus.deadLetters(worker, { limit: 1 }))).toEqual(['lost']);
      expect(ids(await bus.deadLetters(worker, { limit: 1, before: dead[0]!.key }))).toEqual(['refused']);
      expect(await bus.consumerState(worker)).toEqual({ waiting: 0, in_flight: 0, dead: 2 });
    });

    it('stores one message for one id within the duplicate window, and a new one after it', async () => {
      await bus.addConsumer(spec());
      expect(await bus.publish(message('a'))).toEqual({ duplicate: false });
      expect(await bus.publish(message('a'))).toEqual({ duplicate: true });
      expect(ids(await fetch())).toEqual(['a']);
      await harness.advance(10_100);
      expect(await bus.publish(message('a'))).toEqual({ duplicate: false });
      expect((await fetch()).filter(({ deliveries }) => deliveries === 1)).toHaveLength(1);
    });

    it('stores one message of two that are published at the same moment under one id', async () => {
      const another = await harness.openAnother();
      await bus.addConsumer(spec());
      const outcomes = await Promise.all([bus.publish(message('a')), another.publish(message('a'))]);
      expect(outcomes.filter(({ duplicate }) => duplicate)).toHaveLength(1);
      expect(ids(await fetch())).toEqual(['a']);
    });

    it('has no more in flight than max_ack_pending, over all who fetch', async () => {
      await bus.addConsumer(spec({ max_ack_pending: 2 }));
      const another = await harness.openAnother();
      await another.addConsumer(spec({ max_ack_pending: 2 }));
      await publish('a', 'b', 'c');
      const [first] = await fetch();
      expect(await fetch(10, another)).toEqual([]);
      await bus.ack(first!);
      expect(ids(await fetch(10, another))).toEqual(['c']);
    });

    it('keeps strict order with a max_ack_pending of 1, through naks and lost deliveries', async () => {
      await bus.addConsumer(spec({ max_ack_pending: 1 }));
      await publish('a', 'b');
      await bus.nak(await one(), 1_000);
      expect(await fetch()).toEqual([]);
      await harness.advance(1_100);
      expect(await one()).toMatchObject({ id: 'a', deliveries: 2 });
      await harness.advance(over_ack_wait_ms);
      const third = await one();
      expect(third).toMatchObject({ id: 'a', deliveries: 3 });
      await bus.ack(third);
      expect((await one()).id).toBe('b');
    });

    it('goes on after a restart where it was: what was settled stays settled, what was not comes again', async () => {
      await bus.addConsumer(spec());
      await publish('a', 'b', 'c');
      const [first] = await fetch(2);
      await bus.ack(first!);
      await harness.close();
      bus = await harness.open();
      await bus.addConsumer(spec());
      expect(ids(await fetch())).toEqual(['c']);
      expect(await bus.publish(message('a'))).toEqual({ duplicate: true });
      await harness.advance(over_ack_wait_ms);
      expect(ids((await fetch()).filter(({ deliveries }) => deliveries === 2)).sort()).toEqual(['b', 'c']);
    });

    it('begins a new consumer with all or with what comes, and a removed one anew', async () => {
      await publish('old');
      await bus.addConsumer(spec({ start: 'new' }));
      await publish('fresh');
      expect(ids(await fetch())).toEqual(['fresh']);
      await bus.removeConsumer(worker);
      expect((await refused(fetch()))?.code).toBe('NotFound');
      await bus.addConsumer(spec());
      expect(ids(await fetch())).toEqual(['old', 'fresh']);
    });

    it('tells what waits and what is in flight', async () => {
      await bus.addConsumer(spec({ subjects: ['work.a'] }));
      await publish('a', 'b', 'c');
      await bus.publish(message('d', 'work.other'));
      await one();
      expect(await bus.consumerState(worker)).toEqual({ waiting: 2, in_flight: 1, dead: 0 });
    });

    it('gives a waiting fetch what is published meanwhile, by itself or by another', async () => {
      await bus.addConsumer(spec());
      const another = await harness.openAnother();
      for (const from of [bus, another]) {
        const waiting = bus.fetch({ ...worker, batch: 10, wait_ms: 20_000 });
        await from.publish(message(from === bus ? 'own' : 'of another'));
        const fetched = await waiting;
        expect(fetched).toHaveLength(1);
        await bus.ack(fetched[0]!);
      }
    });

    it('ends a waiting fetch when its time is up, and at once when its signal is aborted', async () => {
      await bus.addConsumer(spec());
      expect(await bus.fetch({ ...worker, batch: 1, wait_ms: 50 })).toEqual([]);
      const abort = new AbortController();
      const waiting = bus.fetch({ ...worker, batch: 1, wait_ms: 60_000, signal: abort.signal });
      abort.abort();
      expect(await waiting).toEqual([]);
    });

    it('keeps a stream within its number, its bytes and its age: the oldest go', async () => {
      const limits = { few: 'few.a', small: 'small.a', short: 'short.a' };
      for (const [stream, subject] of Object.entries(limits)) {
        for (let i = 0; i < 10; i++) await bus.publish({ subject, id: `${stream}${i}`, payload: 'x'.repeat(20) });
      }
      await harness.advance(5_100);
      await bus.publish({ subject: 'short.a', id: 'short-last', payload: null });
      await bus.prune();
      const got = async (stream: string) => {
        await bus.addConsumer({ ...spec(), stream, subjects: [`${stream}.*`] });
        return ids(await bus.fetch({ stream, consumer: 'worker', batch: 100 }));
      };
      expect(await got('few')).toEqual(['few5', 'few6', 'few7', 'few8', 'few9']);
      expect(await got('short')).toEqual(['short-last']);
      const small = await got('small');
      expect(small.at(-1)).toBe('small9');
      expect(small.length).toBeLessThanOrEqual(4);
    });

    it('refuses what is not acceptable, and names the field', async () => {
      await bus.addConsumer(spec());
      const cases: [Promise<unknown>, string, string][] = [
        [bus.publish(message('a', 'nobody.takes')), 'InvalidInput', 'subject'],
        [bus.publish(message('a', 'work.*')), 'InvalidInput', 'subject'],
        [bus.publish(message('', 'work.a')), 'InvalidInput', 'id'],
        [bus.publish({ ...message('a'), payload: undefined }), 'InvalidInput', 'payload'],
        [bus.publish({ ...message('a'), payload: 'x'.repeat(1_000) }), 'TooLarge', 'payload'],
        [bus.addConsumer(spec({ stream: 'none' })), 'InvalidInput', 'stream'],
        [bus.addConsumer(spec({ consumer: 'A b' })), 'InvalidInput', 'consumer'],
        [bus.addConsumer(spec({ subjects: ['few.a'] })), 'InvalidInput', 'subjects.0'],
        [bus.addConsumer(spec({ subjects: [] })), 'InvalidInput', 'subjects'],
        [bus.addConsumer(spec({ ack_wait_ms: 1 })), 'InvalidInput', 'ack_wait_ms'],
        [bus.addConsumer(spec({ max_deliver: 0 })), 'InvalidInput', 'max_deliver'],
        [bus.addConsumer(spec({ max_ack_pending: 0 })), 'InvalidInput', 'max_ack_pending'],
        [fetch(0), 'InvalidInput', 'batch'],
      ];
      for (const [work, code, field] of cases) expect(await refused(work)).toMatchObject({ code, field });
      expect(await fetch()).toEqual([]);
    });
  });
}
