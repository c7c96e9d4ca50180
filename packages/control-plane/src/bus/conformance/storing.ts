/** Laws of storing: ids that come twice, positions over restarts, bounds, and what is refused. */
import { expect, it } from 'vitest';
import { type BusLab, ids, over_ack_wait_ms, refused, worker } from './lab.ts';

export function storingLaws(lab: BusLab): void {
  it('stores one message for one id within the duplicate window, and a new one after it', async () => {
    await lab.bus.addConsumer(lab.spec());
    expect(await lab.bus.publish(lab.message('a'))).toEqual({ duplicate: false });
    expect(await lab.bus.publish(lab.message('a'))).toEqual({ duplicate: true });
    expect(ids(await lab.fetch())).toEqual(['a']);
    await lab.harness.advance(10_100);
    expect(await lab.bus.publish(lab.message('a'))).toEqual({ duplicate: false });
    expect((await lab.fetch()).filter(({ deliveries }) => deliveries === 1)).toHaveLength(1);
  });

  it('stores one message of two that are published at the same moment under one id', async () => {
    const another = await lab.harness.openAnother();
    await lab.bus.addConsumer(lab.spec());
    const outcomes = await Promise.all([lab.bus.publish(lab.message('a')), another.publish(lab.message('a'))]);
    expect(outcomes.filter(({ duplicate }) => duplicate)).toHaveLength(1);
    expect(ids(await lab.fetch())).toEqual(['a']);
  });

  it('goes on after a restart where it was: what was settled stays settled, what was not comes again', async () => {
    await lab.bus.addConsumer(lab.spec());
    await lab.publish('a', 'b', 'c');
    const [first] = await lab.fetch(2);
    await lab.bus.ack(first!);
    await lab.harness.close();
    lab.bus = await lab.harness.open();
    await lab.bus.addConsumer(lab.spec());
    expect(ids(await lab.fetch())).toEqual(['c']);
    expect(await lab.bus.publish(lab.message('a'))).toEqual({ duplicate: true });
    await lab.harness.advance(over_ack_wait_ms);
    expect(ids((await lab.fetch()).filter(({ deliveries }) => deliveries === 2)).sort()).toEqual(['b', 'c']);
  });

  it('begins a new consumer with all or with what comes, and a removed one anew', async () => {
    await lab.publish('old');
    await lab.bus.addConsumer(lab.spec({ start: 'new' }));
    await lab.publish('fresh');
    expect(ids(await lab.fetch())).toEqual(['fresh']);
    await lab.bus.removeConsumer(worker);
    expect((await refused(lab.fetch()))?.code).toBe('NotFound');
    await lab.bus.addConsumer(lab.spec());
    expect(ids(await lab.fetch())).toEqual(['old', 'fresh']);
  });

  it('tells what waits and what is in flight', async () => {
    await lab.bus.addConsumer(lab.spec({ subjects: ['work.a'] }));
    await lab.publish('a', 'b', 'c');
    await lab.bus.publish(lab.message('d', 'work.other'));
    await lab.one();
    expect(await lab.bus.consumerState(worker)).toEqual({ waiting: 2, in_flight: 1, dead: 0 });
  });

  it('keeps a stream within its number, its bytes and its age: the oldest go', async () => {
    const limits = { few: 'few.a', small: 'small.a', short: 'short.a' };
    for (const [stream, subject] of Object.entries(limits)) {
      for (let i = 0; i < 10; i++) await lab.bus.publish({ subject, id: `${stream}${i}`, payload: 'x'.repeat(20) });
    }
    await lab.harness.advance(5_100);
    await lab.bus.publish({ subject: 'short.a', id: 'short-last', payload: null });
    await lab.bus.prune();
    const got = async (stream: string) => {
      await lab.bus.addConsumer({ ...lab.spec(), stream, subjects: [`${stream}.*`] });
      return ids(await lab.bus.fetch({ stream, consumer: 'worker', batch: 100 }));
    };
    expect(await got('few')).toEqual(['few5', 'few6', 'few7', 'few8', 'few9']);
    expect(await got('short')).toEqual(['short-last']);
    const small = await got('small');
    expect(small.at(-1)).toBe('small9');
    expect(small.length).toBeLessThanOrEqual(4);
  });

  it('refuses what is not acceptable, and names the field', async () => {
    await lab.bus.addConsumer(lab.spec());
    const cases: [() => Promise<unknown>, string, string][] = [
      [() => lab.bus.publish(lab.message('a', 'nobody.takes')), 'InvalidInput', 'subject'],
      [() => lab.bus.publish(lab.message('a', 'work.*')), 'InvalidInput', 'subject'],
      [() => lab.bus.publish(lab.message('', 'work.a')), 'InvalidInput', 'id'],
      [() => lab.bus.publish({ ...lab.message('a'), payload: undefined }), 'InvalidInput', 'payload'],
      [() => lab.bus.publish({ ...lab.message('a'), payload: 'x'.repeat(1_000) }), 'TooLarge', 'payload'],
      [() => lab.bus.addConsumer(lab.spec({ stream: 'none' })), 'InvalidInput', 'stream'],
      [() => lab.bus.addConsumer(lab.spec({ consumer: 'A b' })), 'InvalidInput', 'consumer'],
      [() => lab.bus.addConsumer(lab.spec({ subjects: ['few.a'] })), 'InvalidInput', 'subjects.0'],
      [() => lab.bus.addConsumer(lab.spec({ subjects: [] })), 'InvalidInput', 'subjects'],
      [() => lab.bus.addConsumer(lab.spec({ ack_wait_ms: 1 })), 'InvalidInput', 'ack_wait_ms'],
      [() => lab.bus.addConsumer(lab.spec({ max_deliver: 0 })), 'InvalidInput', 'max_deliver'],
      [() => lab.bus.addConsumer(lab.spec({ max_ack_pending: 0 })), 'InvalidInput', 'max_ack_pending'],
      [() => lab.fetch(0), 'InvalidInput', 'batch'],
    ];
    for (const [work, code, field] of cases) expect(await refused(work())).toMatchObject({ code, field });
    expect(await lab.fetch()).toEqual([]);
  });
}
