/**
 * The bus in the store: the embedded adapter. A message is a row that is written with its cause; a consumer is a position in the
 * stream, and a small table of what is delivered and not settled. A claim is one transaction that takes the database's write lock
 * first, so that two processes never get the same message. Waiting fetches are woken by signals of this process; what other
 * processes publish is found by polling (ADR 0016).
 */
import { AppError } from '@mainstay/contract/errors';
import type { Clock } from '@mainstay/runtime';
import { storeError } from '@mainstay/runtime/sqlite';
import type { CompiledQuery, QueryResult } from 'kysely';
import type { Signals } from '../signals.ts';
import type { Statement, Store } from '../store/store.ts';
import type { Bus, ConsumerName, DeadLetter, Delivery, NewMessage, StreamSpec } from './bus.ts';
import { boundedReason, checkConsumer, checkDelay, checkFetch, checkStreams, routeMessage } from './bus-input.ts';
import { createAcks } from './store-bus-acks.ts';
import { createClaim, dead_letters_max, type KnownConsumer } from './store-bus-claim.ts';
import { pruneStream } from './store-bus-retention.ts';
import * as sql from './store-bus-sql.ts';
import { subjectMatcher } from './subject.ts';

export type StoreBusOptions = {
  store: Store;
  signals: Signals;
  clock: Clock;
  streams: readonly StreamSpec[];
  /** How often a waiting fetch looks for what other processes published; a second by default. */
  poll_ms?: number;
};

/** The bus with what only the store can do: messages and acknowledgements in the same write as cause and effect. */
export type StoreBus = Bus & {
  /** The write of a message, for the batch of its cause; after it, `signals.notify(topic)` wakes who waits. */
  publishStatement(message: NewMessage): Statement & { topic: string };
  /** The ack of a delivery, for the batch of its effect: the batch is undone when the delivery was settled or overtaken. */
  ackStatement(delivery: Delivery): Statement;
};

export function createStoreBus(options: StoreBusOptions): StoreBus {
  const { store, signals, clock, streams, poll_ms = 1_000 } = options;
  checkStreams(streams);
  const known = new Map<string, KnownConsumer>();

  async function translated<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      throw storeError(error, 'the control plane');
    }
  }
  const run = <Row>(query: CompiledQuery<Row>): Promise<QueryResult<Row>> => translated(store.db.executeQuery(query));
  function find({ stream, consumer }: ConsumerName): KnownConsumer {
    const found = known.get(`${stream}/${consumer}`);
    if (found) return found;
    throw new AppError('NotFound', `There is no consumer "${consumer}" of "${stream}" here.`, {
      hint: 'Add it with addConsumer first.',
    });
  }
  function insertMessage(message: NewMessage) {
    const { stream, text, bytes } = routeMessage(streams, message);
    const now = clock.now();
    const { subject, id } = message;
    const row = [stream.name, subject, id, now, bytes, text] as const;
    const once = [stream.name, id, now - stream.duplicate_window_ms] as const;
    return { topic: messagesTopic(stream.name), query: sql.query(sql.insert_message, ...row, ...once) };
  }
  const claim = createClaim(store, clock);
  const acks = createAcks((id, seqs) => run(sql.query(sql.delete_settled, id, JSON.stringify(seqs))));

  /** Makes a delivery a dead letter, unless it was settled or overtaken. */
  async function bury(delivery: Delivery, reason: string): Promise<void> {
    const { id } = find(delivery);
    const which = [id, Number(delivery.key), delivery.deliveries] as const;
    await store.batch([
      sql.statement(sql.bury_one, boundedReason(reason), clock.now(), ...which),
      sql.statement(sql.delete_overtakable, ...which),
      sql.statement(sql.bound_dead_letters, id, id, dead_letters_max),
    ]);
    signals.notify(settledTopic(delivery.stream));
  }
  async function postpone(delivery: Delivery, delay_ms: number): Promise<void> {
    const due_at = clock.now() + delay_ms;
    const { id } = find(delivery);
    await run(sql.query(sql.postpone, due_at, id, Number(delivery.key), delivery.deliveries));
  }

  return {
    capabilities: { atomic_publish: true, fenced: true },
    async publish(message) {
      const { topic, query } = insertMessage(message);
      const { numAffectedRows } = await run(query);
      signals.notify(topic);
      return { duplicate: numAffectedRows === 0n };
    },
    publishStatement(message) {
      const { topic, query } = insertMessage(message);
      return { topic, query: { compile: () => query } };
    },
    ackStatement: (delivery) => ({
      ...sql.statement(sql.delete_overtakable, find(delivery).id, Number(delivery.key), delivery.deliveries),
      rows: 1,
    }),
    async addConsumer(spec) {
      checkConsumer(streams, spec);
      const { stream, consumer, subjects, start } = spec;
      await run(sql.query(sql.insert_consumer, stream, consumer, start === 'all' ? 0 : 1, stream));
      const { rows } = await run(sql.query<{ id: number }>(sql.select_consumer, stream, consumer));
      const of = streams.find(({ name }) => name === stream)!;
      const isAll = of.subjects.every((subject) => subjects.includes(subject));
      known.set(`${stream}/${consumer}`, { id: rows[0]!.id, spec, takes: isAll ? null : subjectMatcher(subjects) });
    },
    async removeConsumer({ stream, consumer }) {
      await run(sql.query(sql.delete_consumer, stream, consumer));
      known.delete(`${stream}/${consumer}`);
    },
    async fetch(options) {
      checkFetch(options);
      const consumer = find(options);
      const { stream } = options;
      const ends = performance.now() + (options.wait_ms ?? 0);
      const look = async () => {
        const { rows } = await run(sql.query<sql.Peeked>(sql.peek, consumer.id));
        if (!rows[0]) throw new AppError('NotFound', `The consumer "${options.consumer}" of "${stream}" was removed.`);
        const { fresh, in_flight, due_at } = rows[0];
        const is_full = in_flight >= consumer.spec.max_ack_pending;
        const due_in_ms = due_at === null ? Number.POSITIVE_INFINITY : due_at - clock.now();
        return { is_full, due_in_ms, is_ready: due_in_ms <= 0 || (fresh === 1 && !is_full) };
      };
      while (!options.signal?.aborted && !signals.ended.aborted) {
        const seen = await look();
        if (seen.is_ready) {
          const taken = await translated(claim(consumer, options.batch));
          if (taken.length > 0) return taken;
          // Messages of other subjects were passed over, or another process was faster: look again, after others had their turn.
          await new Promise((resolve) => setImmediate(resolve));
          continue;
        }
        const left = ends - performance.now();
        if (left <= 0) break;
        // Waiting begins before the last look, so that no signal falls between the two.
        const waiting = new AbortController();
        const abort = options.signal ? AbortSignal.any([options.signal, waiting.signal]) : waiting.signal;
        const topic = seen.is_full ? settledTopic(stream) : messagesTopic(stream);
        const woken = signals.wait([topic], Math.min(left, poll_ms, Math.max(seen.due_in_ms, 1)), abort);
        if ((await look()).is_ready) waiting.abort();
        await woken;
      }
      return [];
    },
    async ack(delivery) {
      await acks(find(delivery).id, Number(delivery.key));
      signals.notify(settledTopic(delivery.stream));
    },
    async nak(delivery, delay_ms, reason = 'not acknowledged') {
      checkDelay(delay_ms);
      const { max_deliver } = find(delivery).spec;
      if (delivery.deliveries >= max_deliver)
        return bury(delivery, `${reason} (delivery ${delivery.deliveries}, the last)`);
      await postpone(delivery, delay_ms);
      signals.notify(messagesTopic(delivery.stream), settledTopic(delivery.stream));
    },
    term: bury,
    inProgress: (delivery) => postpone(delivery, find(delivery).spec.ack_wait_ms),
    async consumerState(name) {
      const { id, takes } = find(name);
      const { db } = store;
      const { n, dead, position } = await db
        .selectFrom('bus_consumers as c')
        .where('c.id', '=', id)
        .select((e) => [
          'c.position',
          e.selectFrom('bus_deliveries').where('consumer_id', '=', id).select(db.fn.countAll<number>().as('n')).as('n'),
          e
            .selectFrom('bus_dead_letters')
            .where('consumer_id', '=', id)
            .select(db.fn.countAll<number>().as('n'))
            .as('dead'),
        ])
        .executeTakeFirstOrThrow();
      const next = db.selectFrom('bus_messages').where('stream', '=', name.stream).where('seq', '>', position);
      const count = db.fn.countAll<number>().as('n');
      // By subject the rows are to be read; for all of them the index tells.
      const groups =
        takes === null
          ? await next.select(count).execute()
          : (await next.groupBy('subject').select(['subject', count]).execute()).filter(({ subject }) =>
              takes(subject),
            );
      const waiting = groups.reduce((sum, group) => sum + group.n, 0);
      return { waiting, in_flight: n ?? 0, dead: dead ?? 0 };
    },
    async deadLetters(name, { before, limit = 100 } = {}): Promise<DeadLetter[]> {
      let query = store.db
        .selectFrom('bus_dead_letters')
        .selectAll()
        .where('consumer_id', '=', find(name).id)
        .orderBy('seq', 'desc')
        .limit(Math.min(Math.max(limit, 1), dead_letters_max));
      if (before !== undefined) query = query.where('seq', '<', Number(before));
      return (await query.execute()).map(({ consumer_id: _, seq, message_id, payload, ...rest }) => ({
        ...rest,
        key: String(seq),
        id: message_id,
        payload: JSON.parse(payload) as unknown,
      }));
    },
    async prune() {
      const outcomes = [];
      for (const stream of streams) outcomes.push(await pruneStream(store, stream, clock.now()));
      return outcomes;
    },
  };
}

function messagesTopic(stream: string): string {
  return `bus:${stream}`;
}

/** What is settled makes room for consumers that have as much in their hands as they may. */
function settledTopic(stream: string): string {
  return `bus:${stream}:settled`;
}
