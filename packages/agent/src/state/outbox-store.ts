/** What both outboxes stand on: writes that happen whole or not at all, counters beside the rows, batches within a bound. */
import type { DatabaseSync } from 'node:sqlite';

export type OutboxStore = {
  transaction(work: () => void): void;
  /** 0 until it is set. */
  counter(name: string): number;
  setCounter(name: string, value: number): void;
};

const schema = 'CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT';

export function createOutboxStore(database: DatabaseSync): OutboxStore {
  database.exec(schema);
  const get = database.prepare('SELECT value FROM counters WHERE name = ?');
  const set = database.prepare('INSERT OR REPLACE INTO counters VALUES (?, ?)');
  return {
    transaction(work) {
      database.exec('BEGIN IMMEDIATE');
      try {
        work();
        database.exec('COMMIT');
      } catch (error) {
        if (database.isTransaction) database.exec('ROLLBACK');
        throw error;
      }
    },
    counter: (name) => (get.get(name) as { value: number } | undefined)?.value ?? 0,
    setCounter: (name, value) => void set.run(name, value),
  };
}

/** The first of the rows that are within so many bytes together; one at least, where there is one. */
export function firstWithin<T>(rows: Iterable<T>, bytes_max: number, bytesOf: (row: T) => number): T[] {
  const taken: T[] = [];
  let size = 0;
  for (const row of rows) {
    size += bytesOf(row);
    if (taken.length > 0 && size > bytes_max) break;
    taken.push(row);
  }
  return taken;
}
