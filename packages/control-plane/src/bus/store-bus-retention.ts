/**
 * Retention of the bus in the store, for the reconciler of retention: the oldest messages over a stream's bounds go, in steps, so
 * that the database's lock is held for milliseconds. What is in somebody's hands stays until it is settled; that is bounded by itself.
 */
import type { CompiledQuery } from 'kysely';
import type { Store } from '../store/store.ts';
import type { PruneOutcome, StreamSpec } from './bus.ts';
import * as sql from './store-bus-sql.ts';

/** Messages that are looked at or removed in one turn of the event loop: about 10 ms. */
const step = 1_000;
/** Steps of one run at most: the rest goes in the next. */
const steps_max = 500;

/** Removes what is over the bounds of a stream. */
export async function pruneStream(store: Store, stream: StreamSpec, now: number): Promise<PruneOutcome> {
  const one = async <Row>(query: CompiledQuery<Row>) => (await store.db.executeQuery(query)).rows[0]!;
  const { name } = stream;
  const oldest_at = now - stream.max_age_ms;
  let { seq: last } = await one(
    sql.query<{ seq: number }>(sql.over_age_or_number, name, oldest_at, stream.max_messages),
  );
  last = Math.max(last, await lastOverBytes(store, stream));
  if (last === 0) return { stream: name, removed: 0, unseen: 0 };
  const { unseen } = await one(sql.query<{ unseen: number }>(sql.count_unseen, name, last));
  let removed = 0;
  for (let i = 0; i < steps_max; i++) {
    const { numAffectedRows } = await store.db.executeQuery(sql.query(sql.delete_messages, name, last, step));
    removed += Number(numAffectedRows ?? 0);
    if (Number(numAffectedRows ?? 0) < step) break;
    await nextTurn();
  }
  return { stream: name, removed, unseen };
}

/** The last of the oldest messages without which the stream is within its bytes; 0 when it is. */
async function lastOverBytes({ db }: Store, { name, max_bytes }: StreamSpec): Promise<number> {
  const total = await db.executeQuery(sql.query<{ bytes: number }>(sql.stream_bytes, name));
  let excess = total.rows[0]!.bytes - max_bytes;
  let last = 0;
  for (let i = 0; i < steps_max && excess > 0; i++) {
    const { rows } = await db.executeQuery(sql.query<{ seq: number; bytes: number }>(sql.scan_bytes, name, last, step));
    for (const { seq, bytes } of rows) {
      if (excess <= 0) break;
      excess -= bytes;
      last = seq;
    }
    await nextTurn();
  }
  return last;
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
