/**
 * The bus in the store, in one process: messages published and consumed per second, and how long a message takes from its publish to
 * its handler when messages come one by one.
 *
 * node tests/bench/bus.bench.ts
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startConsumer } from '@mainstay/control-plane/bus/consume';
import { createStoreBus } from '@mainstay/control-plane/bus/store-bus';
import { stream, streams } from '@mainstay/control-plane/bus/subjects';
import { createSignals } from '@mainstay/control-plane/signals';
import { openStore } from '@mainstay/control-plane/store/store';
import { silentLogger, systemClock } from '@mainstay/runtime';

const messages = 20_000;
const paced_messages = 1_000;
const paced_ms = 2;

export type BusFigures = {
  publish_per_s: number;
  batched_publish_per_s: number;
  fetch_ack_per_s: number;
  consumer_per_s: number;
  p50_ms: number;
  p99_ms: number;
};

export async function benchBus(): Promise<BusFigures> {
  const folder = mkdtempSync(join(tmpdir(), 'mainstay-bench-bus-'));
  const store = await openStore(join(folder, 'bench.db'));
  const signals = createSignals();
  const bus = createStoreBus({ store, signals, clock: systemClock, streams });
  const pending = { stream: stream.pending, subjects: ['ops.pending.*'] };
  const message = (id: string) => ({
    subject: 'ops.pending.stacks-deploy',
    id,
    payload: { operation_id: id, at: Date.now() },
  });
  const perSecond = async (work: () => Promise<void>) => {
    const began = performance.now();
    await work();
    return messages / ((performance.now() - began) / 1_000);
  };
  try {
    const publish_per_s = await perSecond(async () => {
      for (let i = 0; i < messages; i++) await bus.publish(message(`one${i}`));
    });
    const batched_publish_per_s = await perSecond(async () => {
      for (let i = 0; i < messages; i += 100) {
        const ids = Array.from({ length: 100 }, (_, j) => `many${i + j}`);
        await store.batch(ids.map((id) => bus.publishStatement(message(id))));
      }
    });
    const fetcher = { stream: stream.pending, consumer: 'fetcher' };
    const bounds = { ack_wait_ms: 30_000, max_deliver: 10, max_ack_pending: 1_000 };
    await bus.addConsumer({ ...pending, ...fetcher, ...bounds, start: 'all' });
    const fetch_ack_per_s = await perSecond(async () => {
      for (let got = 0; got < messages; ) {
        const fetched = await bus.fetch({ ...fetcher, batch: 100 });
        await Promise.all(fetched.map((delivery) => bus.ack(delivery)));
        got += fetched.length;
      }
    });
    const consumer_per_s = await perSecond(async () => {
      const all = Promise.withResolvers<void>();
      let handled = 0;
      const handle = async () => {
        if (++handled === messages) all.resolve();
        return 'ack' as const;
      };
      const running = await startConsumer({
        ...pending,
        bus,
        log: silentLogger(),
        consumer: 'runner',
        max_in_flight: 50,
        handle,
      });
      await all.promise;
      await running.stop();
    });

    const took: number[] = [];
    const sent = new Map<string, number>();
    const handle = async ({ id }: { id: string }) => {
      took.push(performance.now() - sent.get(id)!);
      return 'ack' as const;
    };
    const paced = await startConsumer({
      ...pending,
      bus,
      log: silentLogger(),
      consumer: 'paced',
      start: 'new',
      handle,
    });
    for (let i = 0; i < paced_messages; i++) {
      sent.set(`paced${i}`, performance.now());
      await bus.publish(message(`paced${i}`));
      await systemClock.sleep(paced_ms);
    }
    await paced.stop();
    if (took.length < paced_messages) throw new Error(`${took.length} of ${paced_messages} messages came`);
    took.sort((a, b) => a - b);
    const quantile = (q: number) => took[Math.floor(q * (took.length - 1))]!;
    return {
      publish_per_s,
      batched_publish_per_s,
      fetch_ack_per_s,
      consumer_per_s,
      p50_ms: quantile(0.5),
      p99_ms: quantile(0.99),
    };
  } finally {
    signals.close();
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

export function printBus(figures: BusFigures): void {
  const rate = (value: number) => `${Math.round(value).toLocaleString('en')} messages/s`;
  console.log(`\nBus in the store, ${messages.toLocaleString('en')} messages, one process`);
  console.log(`  publish, one write each           ${rate(figures.publish_per_s)}`);
  console.log(`  publish, 100 in one write         ${rate(figures.batched_publish_per_s)}`);
  console.log(`  fetch 100 and ack                 ${rate(figures.fetch_ack_per_s)}`);
  console.log(`  consumer, 50 in flight            ${rate(figures.consumer_per_s)}`);
  console.log(
    `  publish to handler, one each ${paced_ms} ms p50 ${figures.p50_ms.toFixed(2)} ms, p99 ${figures.p99_ms.toFixed(2)} ms`,
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) printBus(await benchBus());
