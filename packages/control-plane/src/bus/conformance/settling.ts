/** Laws of settling: ack, nak, term and progress, what comes again, and what is dead. */
import { expect, it } from 'vitest';
import { ack_wait_ms, type BusLab, ids, over_ack_wait_ms, worker } from './lab.ts';

export function settlingLaws(lab: BusLab): void {
  it('never delivers again what was acknowledged', async () => {
    await lab.bus.addConsumer(lab.spec());
    await lab.publish('a', 'b');
    for (const delivery of await lab.fetch()) await lab.bus.ack(delivery);
    await lab.harness.advance(over_ack_wait_ms);
    expect(await lab.fetch()).toEqual([]);
    expect(await lab.bus.consumerState(worker)).toEqual({ waiting: 0, in_flight: 0, dead: 0 });
  });

  it('delivers again what was not settled within ack_wait, and not before', async () => {
    await lab.bus.addConsumer(lab.spec());
    await lab.publish('a');
    await lab.one();
    await lab.harness.advance(ack_wait_ms / 2);
    expect(await lab.fetch()).toEqual([]);
    await lab.harness.advance(over_ack_wait_ms);
    expect(await lab.one()).toMatchObject({ id: 'a', deliveries: 2 });
  });

  it('waits on as long as progress is told', async () => {
    await lab.bus.addConsumer(lab.spec());
    await lab.publish('a');
    const delivery = await lab.one();
    for (let i = 0; i < 3; i++) {
      await lab.harness.advance(ack_wait_ms * 0.6);
      await lab.bus.inProgress(delivery);
      expect(await lab.fetch()).toEqual([]);
    }
    await lab.harness.advance(over_ack_wait_ms);
    expect(await lab.one()).toMatchObject({ id: 'a', deliveries: 2 });
  });

  it('delivers again after a nak: at once, or after its delay and not before', async () => {
    await lab.bus.addConsumer(lab.spec());
    await lab.publish('a');
    await lab.bus.nak(await lab.one(), 0);
    const second = await lab.one();
    expect(second.deliveries).toBe(2);
    await lab.bus.nak(second, 4_000);
    await lab.harness.advance(over_ack_wait_ms);
    expect(await lab.fetch()).toEqual([]);
    await lab.harness.advance(2_000);
    expect((await lab.one()).deliveries).toBe(3);
  });

  it('takes an ack that comes late: what was done is not delivered once more', async () => {
    await lab.bus.addConsumer(lab.spec());
    await lab.publish('a');
    const first = await lab.one();
    await lab.harness.advance(over_ack_wait_ms);
    await lab.one();
    await lab.bus.ack(first);
    await lab.harness.advance(over_ack_wait_ms);
    expect(await lab.fetch()).toEqual([]);
  });

  it('keeps a delivery that was overtaken from the next one, where it says that it does', async (context) => {
    if (!lab.bus.capabilities.fenced) context.skip('the adapter takes whatever comes, and says so');
    await lab.bus.addConsumer(lab.spec());
    await lab.publish('a');
    const first = await lab.one();
    await lab.harness.advance(over_ack_wait_ms);
    const second = await lab.one();
    await lab.bus.nak(first, 0);
    await lab.bus.term(first, 'overtaken');
    expect(await lab.fetch()).toEqual([]);
    await lab.harness.advance(ack_wait_ms * 0.6);
    await lab.bus.inProgress(first);
    await lab.harness.advance(ack_wait_ms * 0.6);
    expect((await lab.one()).deliveries).toBe(second.deliveries + 1);
    expect(await lab.bus.deadLetters(worker)).toEqual([]);
  });

  it('lists what was terminated as dead, with the reason, and never delivers it again', async () => {
    await lab.bus.addConsumer(lab.spec());
    await lab.publish('a', 'b');
    const [first] = await lab.fetch();
    await lab.bus.term(first!, 'no such stack');
    await lab.harness.advance(over_ack_wait_ms);
    expect(ids(await lab.fetch())).toEqual(['b']);
    const dead = await lab.bus.deadLetters(worker);
    expect(dead).toMatchObject([
      { id: 'a', subject: 'work.a', payload: { id: 'a' }, deliveries: 1, reason: 'no such stack' },
    ]);
    expect((await lab.bus.consumerState(worker)).dead).toBe(1);
  });

  it('lists as dead what was delivered max_deliver times, by nak or in silence', async () => {
    await lab.bus.addConsumer(lab.spec({ max_deliver: 2 }));
    await lab.publish('refused', 'lost');
    const [refusedOnce] = await lab.fetch();
    await lab.bus.nak(refusedOnce!, 0);
    await lab.harness.advance(over_ack_wait_ms);
    const again = await lab.fetch();
    expect(ids(again).sort()).toEqual(['lost', 'refused']);
    await lab.bus.nak(again.find(({ id }) => id === 'refused')!, 0, 'it said no');
    await lab.harness.advance(over_ack_wait_ms);
    expect(await lab.fetch()).toEqual([]);
    const dead = await lab.bus.deadLetters(worker);
    expect(ids(dead)).toEqual(['lost', 'refused']);
    expect(dead.map(({ deliveries }) => deliveries)).toEqual([2, 2]);
    expect(dead[1]!.reason).toContain('it said no');
    expect(ids(await lab.bus.deadLetters(worker, { limit: 1 }))).toEqual(['lost']);
    expect(ids(await lab.bus.deadLetters(worker, { limit: 1, before: dead[0]!.key }))).toEqual(['refused']);
    expect(await lab.bus.consumerState(worker)).toEqual({ waiting: 0, in_flight: 0, dead: 2 });
  });
}
