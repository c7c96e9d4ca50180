/** What the laws of the bus are tried with: a bus of its own for each, a consumer called `worker`, and the time it waits. */
import { afterEach, beforeEach, expect } from 'vitest';
import type { Bus, ConsumerSpec, Delivery, NewMessage } from '../bus.ts';

export type BusHarness = {
  /** A bus with the streams of streams.ts that no other harness sees. */
  open(): Promise<Bus>;
  /** Another process's view of the same; `open` again after `close` is a restart. */
  openAnother(): Promise<Bus>;
  /** Ends what is open; what was stored stays. */
  close(): Promise<void>;
  /** Lets time pass: moves the clock of the adapter, or waits. */
  advance(ms: number): Promise<void>;
  /** Ends all and removes what was stored. */
  remove(): Promise<void>;
};

export type BusLab = {
  harness: BusHarness;
  bus: Bus;
  spec(rest?: Partial<ConsumerSpec>): ConsumerSpec;
  message(id: string, subject?: string): NewMessage;
  publish(...ids: string[]): Promise<void>;
  fetch(batch?: number, from?: Bus): Promise<Delivery[]>;
  /** The one message that there is to be had. */
  one(): Promise<Delivery>;
};

export const worker = { stream: 'work', consumer: 'worker' };
export const ack_wait_ms = 2_000;
export const over_ack_wait_ms = ack_wait_ms + 100;

/** Makes a harness and opens its bus before each test, and removes it after. */
export function createBusLab(create: () => Promise<BusHarness>): BusLab {
  const lab = {
    spec: (rest = {}) => ({
      ...worker,
      subjects: ['work.*', 'deep.>'],
      ack_wait_ms,
      max_deliver: 3,
      max_ack_pending: 100,
      start: 'all',
      ...rest,
    }),
    message: (id, subject = 'work.a') => ({ subject, id, payload: { id } }),
    async publish(...published) {
      for (const id of published) await lab.bus.publish(lab.message(id));
    },
    fetch: (batch = 10, from = lab.bus) => from.fetch({ ...worker, batch }),
    async one() {
      const fetched = await lab.fetch(1);
      expect(fetched).toHaveLength(1);
      return fetched[0]!;
    },
  } as BusLab;
  beforeEach(async () => {
    lab.harness = await create();
    lab.bus = await lab.harness.open();
  });
  afterEach(() => lab.harness.remove());
  return lab;
}

export function ids(deliveries: readonly { id: string }[]): string[] {
  return deliveries.map(({ id }) => id);
}

/** The error that something is refused with; null when it is not. */
export function refused(work: Promise<unknown>): Promise<{ code?: string; field?: string } | null> {
  return work.then(
    () => null,
    (error: unknown) => error as { code?: string; field?: string },
  );
}
