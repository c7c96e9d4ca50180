/**
 * The SQL of the bus in the store, as texts that are prepared once: compiling a query by Kysely costs more than SQLite takes to run
 * it. SQLite's dialect (json_each, RETURNING); every statement finds its rows by an index.
 */
import { CompiledQuery } from 'kysely';
import type { Statement } from '../store/store.ts';

type Value = string | number | null;

/** A query of a text below, for `db.executeQuery` or as a statement of a batch. */
export function query<Row>(text: string, ...parameters: Value[]): CompiledQuery<Row> {
  return CompiledQuery.raw(text, parameters) as CompiledQuery<Row>;
}

export function statement(text: string, ...parameters: Value[]): Statement {
  const compiled = query(text, ...parameters);
  return { query: { compile: () => compiled } };
}

/** stream, subject, message_id, at, bytes, payload; again stream, message_id; the beginning of the duplicate window. */
export const insert_message = `
  insert into bus_messages (stream, subject, message_id, at, bytes, payload) select ?, ?, ?, ?, ?, ?
  where not exists (select 1 from bus_messages where stream = ? and message_id = ? and at > ?)`;

/** stream, name, stream; whether to begin with all (0) or the new (1). A consumer that exists is left as it is. */
export const insert_consumer = `
  insert into bus_consumers (stream, name, position)
  select ?, ?, case ? when 0 then 0 else coalesce((select max(seq) from bus_messages where stream = ?), 0) end
  where true on conflict (stream, name) do nothing`;

export const select_consumer = 'select id from bus_consumers where stream = ? and name = ?';

/** stream, name. Its deliveries and dead letters go with it. */
export const delete_consumer = 'delete from bus_consumers where stream = ? and name = ?';

export type Peeked = { fresh: number; in_flight: number; due_at: number | null };
/** consumer_id */
export const peek = `
  select exists (select 1 from bus_messages m where m.stream = c.stream and m.seq > c.position) as fresh,
    (select count(*) from bus_deliveries d where d.consumer_id = c.id) as in_flight,
    (select min(due_at) from bus_deliveries d where d.consumer_id = c.id) as due_at
  from bus_consumers c where c.id = ?`;

export type Locked = { position: number; in_flight: number; due_at: number | null };
/** consumer_id. A write that changes nothing: with it a claim has the database's one lock before it reads. */
export const lock_consumer = `
  update bus_consumers set position = position where id = ?
  returning position, (select count(*) from bus_deliveries where consumer_id = bus_consumers.id) as in_flight,
    (select min(due_at) from bus_deliveries where consumer_id = bus_consumers.id) as due_at`;

const dead_columns = 'consumer_id, seq, subject, message_id, payload, published_at, deliveries, reason, died_at';

/** reason, died_at, consumer_id, now, max_deliver */
export const bury_exhausted = `
  insert or replace into bus_dead_letters (${dead_columns})
  select d.consumer_id, d.seq, m.subject, m.message_id, m.payload, m.at, d.deliveries, ?, ?
  from bus_deliveries d join bus_messages m on m.seq = d.seq
  where d.consumer_id = ? and d.due_at <= ? and d.deliveries >= ?`;
/** consumer_id, now, max_deliver */
export const delete_exhausted = 'delete from bus_deliveries where consumer_id = ? and due_at <= ? and deliveries >= ?';

/** reason, died_at, consumer_id, seq, deliveries */
export const bury_one = `
  insert or replace into bus_dead_letters (${dead_columns})
  select d.consumer_id, d.seq, m.subject, m.message_id, m.payload, m.at, d.deliveries, ?, ?
  from bus_deliveries d join bus_messages m on m.seq = d.seq
  where d.consumer_id = ? and d.seq = ? and d.deliveries = ?`;
/** consumer_id, seq, deliveries */
export const delete_overtakable = 'delete from bus_deliveries where consumer_id = ? and seq = ? and deliveries = ?';

/** consumer_id, again consumer_id, how many of the newest are kept */
export const bound_dead_letters = `
  delete from bus_dead_letters where consumer_id = ? and seq <= (
    select seq from bus_dead_letters where consumer_id = ? order by seq desc limit 1 offset ?)`;

/** due_at, consumer_id, again consumer_id, now, limit */
export const deliver_again = `
  update bus_deliveries set deliveries = deliveries + 1, due_at = ? where consumer_id = ? and seq in (
    select seq from bus_deliveries where consumer_id = ? and due_at <= ? order by due_at, seq limit ?)
  returning seq, deliveries`;

/** stream, position, limit */
export const scan_new = 'select seq, subject from bus_messages where stream = ? and seq > ? order by seq limit ?';

/** consumer_id, due_at, the seqs as a JSON array */
export const deliver_first = `
  insert into bus_deliveries (consumer_id, seq, deliveries, due_at) select ?, value, 1, ? from json_each(?)`;

/** position, consumer_id */
export const move_position = 'update bus_consumers set position = ? where id = ?';

export type Stored = { seq: number; subject: string; message_id: string; at: number; payload: string };
/** The seqs as a JSON array. */
export const read_messages = `
  select seq, subject, message_id, at, payload from bus_messages
  where seq in (select value from json_each(?)) order by seq`;

/** consumer_id, the seqs as a JSON array */
export const delete_settled = `
  delete from bus_deliveries where consumer_id = ? and seq in (select value from json_each(?))`;

/** due_at, consumer_id, seq, deliveries */
export const postpone = 'update bus_deliveries set due_at = ? where consumer_id = ? and seq = ? and deliveries = ?';

/** stream, the time before which a message is too old, how many are kept. The last message that goes; 0 for none. */
export const over_age_or_number = `
  select max(
    coalesce((select coalesce(
      (select min(seq) - 1 from (select seq from bus_messages where stream = ?1 and at >= ?2 order by seq limit 1)),
      (select max(seq) from bus_messages where stream = ?1))), 0),
    coalesce((select seq from bus_messages where stream = ?1 order by seq desc limit 1 offset ?3), 0)) as seq`;

/** stream */
export const stream_bytes = 'select coalesce(sum(bytes), 0) as bytes from bus_messages where stream = ?';

/** stream, position, limit */
export const scan_bytes = 'select seq, bytes from bus_messages where stream = ? and seq > ? order by seq limit ?';

/** stream, the last seq that goes */
export const count_unseen = `
  select count(*) as unseen from bus_messages where stream = ?1
  and seq > (select min(position) from bus_consumers where stream = ?1) and seq <= ?2`;

/** stream, the last seq that goes, limit. What is in somebody's hands stays until it is settled. */
export const delete_messages = `
  delete from bus_messages where seq in (
    select seq from bus_messages where stream = ? and seq <= ?
    and seq not in (select seq from bus_deliveries) order by seq limit ?)`;
