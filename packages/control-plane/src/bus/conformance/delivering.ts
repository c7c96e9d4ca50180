/** Laws of delivery: what a consumer gets, in which order, how much of it, and how a fetch waits. */
import { expect, it } from 'vitest';
import { type BusLab, ids, over_ack_wait_ms, worker } from './lab.ts';

export function deliveringLaws(lab: BusLab): void {
  it('delivers what was published as it was published, in the order of the stream', async () => {
    await lab.bus.addConsumer(lab.spec());
    const payload = { text: 'ä "quoted" \n', list: [1, null, true], nested: { deep: {} } };
    await lab.bus.publish({ subject: 'work.a', id: 'first', payload });
    await lab.publish('second', 'third');
    const fetched = await lab.fetch();
    expect(ids(fetched)).toEqual(['first', 'second', 'third']);
    expect(fetched[0]).toMatchObject({ ...worker, subject: 'work.a', payload, deliveries: 1 });
    expect(fetched[0]!.published_at).toBeLessThanOrEqual(fetched[1]!.published_at);
  });

  it('gives no more than a batch, and goes on after it', async () => {
    await lab.bus.addConsumer(lab.spec());
    await lab.publish('a', 'b', 'c');
    expect(ids(await lab.fetch(2))).toEqual(['a', 'b']);
    expect(ids(await lab.fetch(2))).toEqual(['c']);
    expect(await lab.fetch(2)).toEqual([]);
  });

  it('gives a consumer only its subjects: * is one token, > is one or more', async () => {
    const consumers = { star: ['work.*'], tail: ['deep.>'], middle: ['deep.*.c'], both: ['work.b', 'deep.x'] };
    for (const [consumer, subjects] of Object.entries(consumers))
      await lab.bus.addConsumer(lab.spec({ consumer, subjects }));
    for (const subject of ['work.a', 'work.b', 'deep.x', 'deep.b.c', 'deep.b.c.d'])
      await lab.bus.publish(lab.message(subject, subject));
    const got = async (consumer: string) => ids(await lab.bus.fetch({ stream: 'work', consumer, batch: 10 }));
    expect(await got('star')).toEqual(['work.a', 'work.b']);
    expect(await got('tail')).toEqual(['deep.x', 'deep.b.c', 'deep.b.c.d']);
    expect(await got('middle')).toEqual(['deep.b.c']);
    expect(await got('both')).toEqual(['work.b', 'deep.x']);
  });

  it('gives every consumer all messages, and those with one name each message once', async () => {
    await lab.bus.addConsumer(lab.spec());
    await lab.bus.addConsumer(lab.spec({ consumer: 'other' }));
    const another = await lab.harness.openAnother();
    await another.addConsumer(lab.spec());
    await lab.publish('a', 'b', 'c', 'd');
    const mine = ids(await lab.fetch(2));
    const theirs = ids(await lab.fetch(10, another));
    expect([...mine, ...theirs].sort()).toEqual(['a', 'b', 'c', 'd']);
    expect(await lab.fetch(10, another)).toEqual([]);
    expect(ids(await lab.bus.fetch({ stream: 'work', consumer: 'other', batch: 10 }))).toEqual(['a', 'b', 'c', 'd']);
  });

  it('has no more in flight than max_ack_pending, over all who fetch', async () => {
    await lab.bus.addConsumer(lab.spec({ max_ack_pending: 2 }));
    const another = await lab.harness.openAnother();
    await another.addConsumer(lab.spec({ max_ack_pending: 2 }));
    await lab.publish('a', 'b', 'c');
    const [first] = await lab.fetch();
    expect(await lab.fetch(10, another)).toEqual([]);
    await lab.bus.ack(first!);
    expect(ids(await lab.fetch(10, another))).toEqual(['c']);
  });

  it('keeps strict order with a max_ack_pending of 1, through naks and lost deliveries', async () => {
    await lab.bus.addConsumer(lab.spec({ max_ack_pending: 1 }));
    await lab.publish('a', 'b');
    await lab.bus.nak(await lab.one(), 1_000);
    expect(await lab.fetch()).toEqual([]);
    await lab.harness.advance(1_100);
    expect(await lab.one()).toMatchObject({ id: 'a', deliveries: 2 });
    await lab.harness.advance(over_ack_wait_ms);
    const third = await lab.one();
    expect(third).toMatchObject({ id: 'a', deliveries: 3 });
    await lab.bus.ack(third);
    expect((await lab.one()).id).toBe('b');
  });

  it('gives a waiting fetch what is published meanwhile, by itself or by another', async () => {
    await lab.bus.addConsumer(lab.spec());
    const another = await lab.harness.openAnother();
    for (const from of [lab.bus, another]) {
      const waiting = lab.bus.fetch({ ...worker, batch: 10, wait_ms: 20_000 });
      await from.publish(lab.message(from === lab.bus ? 'own' : 'of another'));
      const fetched = await waiting;
      expect(fetched).toHaveLength(1);
      await lab.bus.ack(fetched[0]!);
    }
  });

  it('ends a waiting fetch when its time is up, and at once when its signal is aborted', async () => {
    await lab.bus.addConsumer(lab.spec());
    expect(await lab.bus.fetch({ ...worker, batch: 1, wait_ms: 50 })).toEqual([]);
    const abort = new AbortController();
    const waiting = lab.bus.fetch({ ...worker, batch: 1, wait_ms: 60_000, signal: abort.signal });
    abort.abort();
    expect(await waiting).toEqual([]);
  });
}
