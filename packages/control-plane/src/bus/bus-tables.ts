/**
 * The tables of the bus in the store. `bus_messages` only grows at its end and is cut at its beginning; what is delivered and not yet
 * settled stands in `bus_deliveries`, so that what was settled is never looked at again.
 */
import { type Generated, type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

export type BusTables = {
  bus_messages: {
    /** Over all streams, in the order of writing; never used twice. */
    seq: Generated<number>;
    stream: string;
    subject: string;
    message_id: string;
    at: number;
    bytes: number;
    payload: string;
  };
  bus_consumers: {
    id: Generated<number>;
    stream: string;
    name: string;
    /** All messages of its subjects up to here were delivered once. */
    position: number;
  };
  bus_deliveries: { consumer_id: number; seq: number; deliveries: number; due_at: number };
  /** Copies, so that what died is there to be looked at after its message went. */
  bus_dead_letters: {
    consumer_id: number;
    seq: number;
    subject: string;
    message_id: string;
    payload: string;
    published_at: number;
    deliveries: number;
    reason: string;
    died_at: number;
  };
};

export const busMigration: Migration = {
  async up(db: Kysely<unknown>) {
    const statements = [
      `create table bus_messages (
        seq integer primary key autoincrement, stream text not null, subject text not null, message_id text not null,
        at integer not null, bytes integer not null, payload text not null)`,
      // Retention and the place of the next message are found within the index.
      'create index bus_messages_stream on bus_messages (stream, seq, at, bytes)',
      'create index bus_messages_id on bus_messages (stream, message_id, at)',
      `create table bus_consumers (
        id integer primary key autoincrement, stream text not null, name text not null, position integer not null,
        unique (stream, name))`,
      `create table bus_deliveries (
        consumer_id integer not null references bus_consumers (id) on delete cascade, seq integer not null,
        deliveries integer not null, due_at integer not null, primary key (consumer_id, seq)) without rowid`,
      'create index bus_deliveries_due on bus_deliveries (consumer_id, due_at)',
      `create table bus_dead_letters (
        consumer_id integer not null references bus_consumers (id) on delete cascade, seq integer not null,
        subject text not null, message_id text not null, payload text not null, published_at integer not null,
        deliveries integer not null, reason text not null, died_at integer not null,
        primary key (consumer_id, seq)) without rowid`,
    ];
    for (const statement of statements) await sql.raw(statement).execute(db);
  },
};
