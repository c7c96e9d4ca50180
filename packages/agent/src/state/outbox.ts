/**
 * The outbox file: what waits for the control plane. It holds nothing that the services need; when it is found damaged it
 * is put aside and begun anew.
 */
import { existsSync, renameSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { openSqlite } from '@mainstay/runtime/sqlite';
import { createEventOutbox, type EventOutbox } from './event-outbox.ts';
import { createLogOutbox, type LogOutbox, type LogOutboxOptions } from './log-outbox.ts';

export type Outbox = {
  events: EventOutbox;
  logs: LogOutbox;
  /** Where a damaged file was put, when there was one. */
  put_aside: string | null;
  close(): void;
};

export type OutboxOptions = LogOutboxOptions & {
  path: string;
  events_max?: number;
  event_bytes_max?: number;
  now: () => number;
};

export function openOutbox(options: OutboxOptions): Outbox {
  let put_aside: string | null = null;
  let database: DatabaseSync;
  try {
    database = openSqlite(options.path);
  } catch (error) {
    if (!(error instanceof Error) || !error.message.includes('damaged')) throw error;
    put_aside = `${options.path}.damaged-${options.now()}`;
    for (const suffix of ['', '-wal', '-shm']) {
      if (existsSync(options.path + suffix)) renameSync(options.path + suffix, put_aside + suffix);
    }
    database = openSqlite(options.path);
  }
  database.exec('PRAGMA cache_size = -512');
  return {
    events: createEventOutbox(database, options.events_max, options.event_bytes_max),
    logs: createLogOutbox(database, options),
    put_aside,
    close: () => database.close(),
  };
}
