/**
 * The claim: what a fetch takes into its hands, in one transaction. First what is due again, then what comes next in the stream;
 * what was delivered too often is buried on the way.
 */
import type { Clock } from '@mainstay/runtime';
import type { CompiledQuery, QueryResult } from 'kysely';
import type { Store } from '../store/store.ts';
import type { ConsumerSpec, Delivery } from './bus.ts';
import * as sql from './store-bus-sql.ts';

/** A consumer as this process knows it. `takes` is null for one that takes all subjects of its stream. */
export type KnownConsumer = { id: number; spec: ConsumerSpec; takes: ((subject: string) => boolean) | null };

/** The newest dead letters of a consumer that are kept. */
export const dead_letters_max = 1_000;

/** Messages of other subjects are passed over in steps of so many, and so many in one claim at most. */
const scan_step = 500;
const scan_max = 5_000;

type Run = <Row>(query: CompiledQuery<Row>) => Promise<QueryResult<Row>>;

/** Takes up to a batch for a consumer; nothing when another process was faster, or the consumer was removed. */
export function createClaim(store: Store, clock: Clock) {
  return (consumer: KnownConsumer, batch: number): Promise<Delivery[]> =>
    store.db.transaction().execute(async (transaction) => {
      const run: Run = (query) => transaction.executeQuery(query);
      const { id, spec } = consumer;
      const now = clock.now();
      const [locked] = (await run(sql.query<sql.Locked>(sql.lock_consumer, id))).rows;
      if (!locked) return [];
      let { in_flight } = locked;
      const taken = new Map<number, number>();
      if (locked.due_at !== null && locked.due_at <= now) {
        in_flight -= await buryExhausted(run, consumer, now);
        const again = sql.query<{ seq: number; deliveries: number }>(
          sql.deliver_again,
          ...[now + spec.ack_wait_ms, id, id, now, batch],
        );
        for (const { seq, deliveries } of (await run(again)).rows) taken.set(seq, deliveries);
      }
      const room = Math.min(batch - taken.size, spec.max_ack_pending - in_flight);
      const next = await scanNew(run, consumer, locked.position, room);
      if (next.seqs.length > 0) {
        await run(sql.query(sql.deliver_first, id, now + spec.ack_wait_ms, JSON.stringify(next.seqs)));
        for (const seq of next.seqs) taken.set(seq, 1);
      }
      if (next.position !== locked.position) await run(sql.query(sql.move_position, next.position, id));
      if (taken.size === 0) return [];
      const { rows } = await run(sql.query<sql.Stored>(sql.read_messages, JSON.stringify([...taken.keys()])));
      return rows.map(({ seq, subject, message_id, at, payload }) => ({
        stream: spec.stream,
        consumer: spec.consumer,
        key: String(seq),
        subject,
        id: message_id,
        payload: JSON.parse(payload) as unknown,
        published_at: at,
        deliveries: taken.get(seq)!,
      }));
    });
}

/** Makes dead letters of what is due again and was delivered as often as it may be; says how many. */
async function buryExhausted(run: Run, { id, spec }: KnownConsumer, now: number): Promise<number> {
  const reason = `not settled within ${spec.ack_wait_ms} ms, ${spec.max_deliver} times`;
  const buried = await run(sql.query(sql.bury_exhausted, reason, now, id, now, spec.max_deliver));
  if (buried.numAffectedRows === 0n) return 0;
  await run(sql.query(sql.delete_exhausted, id, now, spec.max_deliver));
  await run(sql.query(sql.bound_dead_letters, id, id, dead_letters_max));
  return Number(buried.numAffectedRows);
}

/** The next messages of the consumer's subjects, and the position after them and after those that were passed over. */
async function scanNew(run: Run, { spec, takes }: KnownConsumer, position: number, room: number) {
  const seqs: number[] = [];
  const step = takes ? scan_step : room;
  for (let scanned = 0; seqs.length < room && scanned < scan_max; scanned += step) {
    const scan = sql.query<{ seq: number; subject: string }>(sql.scan_new, spec.stream, position, step);
    const { rows } = await run(scan);
    for (const { seq, subject } of rows) {
      if (seqs.length === room) break;
      position = seq;
      if (takes === null || takes(subject)) seqs.push(seq);
    }
    if (rows.length < step) break;
  }
  return { seqs, position };
}
