/**
 * Runs a durable consumer: fetches as much as it may have in its hands, gives each message to the handler, and settles it by what
 * the handler says. A handler that throws, or takes too long, gets its message again after a while that doubles, with jitter, until
 * max_deliver makes a dead letter of it. Nothing is settled that was not handled: what is cut off is delivered again.
 */
import { type Clock, type Logger, systemClock } from '@mainstay/runtime';
import type { Bus, ConsumerSpec, Delivery } from './bus.ts';

/** What becomes of a message: done, again after so many milliseconds, or never again. */
export type Verdict = 'ack' | { nak_ms: number; reason?: string } | { term: string };

export type Handle = (message: Delivery, signal: AbortSignal) => Promise<Verdict>;

export type ConsumeOptions = {
  bus: Bus;
  log: Logger;
  stream: string;
  consumer: string;
  subjects: readonly string[];
  /** Messages that are handled at the same time in this process; 10 by default. */
  max_in_flight?: number;
  /** The signal is aborted when the time limit is over, or the consumer stops and does not wait any longer. */
  handle: Handle;
  /** Waits after an error: the first, doubled each time up to the last, ± 20 %. By default 1 s to 5 min. */
  backoff?: { first_ms: number; max_ms: number };
  /** By default 30 s. */
  ack_wait_ms?: number;
  /** How long one handling may take; ack_wait is extended until then. As long as ack_wait by default. */
  time_limit_ms?: number;
  /** By default 10. */
  max_deliver?: number;
  /** Over all processes; by default 1,000. With 1, messages are handled strictly in order. */
  max_ack_pending?: number;
  start?: ConsumerSpec['start'];
  clock?: Clock;
  /** A number from 0 to 1, of which jitter is made. */
  random?: () => number;
};

export type RunningConsumer = {
  /** Fetches nothing more, and waits for what is handled; after `within_ms` (10 s by default) the handlers' signals are aborted. */
  stop(within_ms?: number): Promise<void>;
};

const fetch_wait_ms = 30_000;
const fetch_pause_max_ms = 30_000;

/** The wait after so many errors in a row: doubled each time up to `max_ms`, ± 20 % by a number from 0 to 1. */
export function backoffMs(
  failures: number,
  { first_ms, max_ms }: { first_ms: number; max_ms: number },
  random: number,
) {
  const whole = Math.min(max_ms, first_ms * 2 ** Math.min(failures - 1, 30));
  return Math.round(whole * (0.8 + 0.4 * random));
}

/** Adds the consumer to the bus and runs it. @throws AppError as `addConsumer` does. */
export async function startConsumer(options: ConsumeOptions): Promise<RunningConsumer> {
  const { bus, stream, consumer, max_in_flight = 10, clock = systemClock, random = Math.random } = options;
  const { ack_wait_ms = 30_000, max_deliver = 10, max_ack_pending = 1_000, start = 'all' } = options;
  const { time_limit_ms = ack_wait_ms, backoff = { first_ms: 1_000, max_ms: 300_000 } } = options;
  const log = options.log.child({ stream, consumer });
  const name = { stream, consumer };
  await bus.addConsumer({ ...name, subjects: options.subjects, ack_wait_ms, max_deliver, max_ack_pending, start });
  const stopping = new AbortController();
  const cutting = new AbortController();
  const running = new Set<Promise<void>>();
  /** Resolved when a handler ends, or the consumer stops. */
  let room: PromiseWithResolvers<void> | null = null;

  /** The handler's verdict; `again` when it throws or its time is over. */
  async function verdictOf(message: Delivery): Promise<Verdict> {
    const again = (reason: string): Verdict => ({
      nak_ms: backoffMs(message.deliveries, backoff, random()),
      reason,
    });
    const ended = new AbortController();
    const late = Promise.withResolvers<Verdict>();
    const limit = setTimeout(() => {
      ended.abort();
      late.resolve(again(`took longer than ${time_limit_ms} ms`));
    }, time_limit_ms);
    const extend = () =>
      bus.inProgress(message).catch((error: unknown) => log.warn({ err: error }, 'ack_wait was not extended'));
    const extending = time_limit_ms > ack_wait_ms ? setInterval(extend, ack_wait_ms / 3) : undefined;
    try {
      const signal = AbortSignal.any([ended.signal, cutting.signal]);
      return await Promise.race([options.handle(message, signal), late.promise]);
    } catch (error) {
      log.warn({ err: error, message_id: message.id, deliveries: message.deliveries }, 'message was not handled');
      return again(error instanceof Error ? error.message : 'failed');
    } finally {
      clearTimeout(limit);
      clearInterval(extending);
    }
  }
  async function work(message: Delivery): Promise<void> {
    try {
      const verdict = await verdictOf(message);
      if (verdict === 'ack') await bus.ack(message);
      else if ('term' in verdict) await bus.term(message, verdict.term);
      // That it was cut off is no failure of the message: another process gets it when ack_wait is over.
      else if (!cutting.signal.aborted) await bus.nak(message, verdict.nak_ms, verdict.reason);
    } catch (error) {
      log.error({ err: error, message_id: message.id }, 'message was not settled; it is delivered again');
    }
  }
  async function loop(): Promise<void> {
    let failures = 0;
    while (!stopping.signal.aborted) {
      if (running.size >= max_in_flight) {
        room = Promise.withResolvers();
        await room.promise;
      }
      // Handlers that end in the same turn make room together.
      await new Promise((resolve) => setImmediate(resolve));
      if (stopping.signal.aborted) break;
      const batch = Math.min(max_in_flight - running.size, 1_000);
      try {
        const fetched = await bus.fetch({ ...name, batch, wait_ms: fetch_wait_ms, signal: stopping.signal });
        failures = 0;
        for (const message of fetched) {
          const turn: Promise<void> = work(message).finally(() => {
            running.delete(turn);
            room?.resolve();
          });
          running.add(turn);
        }
      } catch (error) {
        failures += 1;
        log.error({ err: error }, 'messages were not fetched');
        await clock.sleep(
          backoffMs(failures, { first_ms: 500, max_ms: fetch_pause_max_ms }, random()),
          stopping.signal,
        );
      }
    }
  }
  const looping = loop();
  return {
    async stop(within_ms = 10_000) {
      stopping.abort();
      room?.resolve();
      await looping;
      const cut = Promise.withResolvers<void>();
      const patience = setTimeout(() => {
        cutting.abort();
        cut.resolve();
      }, within_ms);
      await Promise.race([Promise.all(running), cut.promise]);
      clearTimeout(patience);
    },
  };
}
