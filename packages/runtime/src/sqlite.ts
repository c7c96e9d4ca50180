/**
 * SQLite through `node:sqlite`: the plain handle for the agent's journal, and the Kysely dialect for the control plane.
 * WAL, so that reads go on while something is written; foreign keys on; a busy database is waited for, five seconds.
 */
import { chmodSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { AppError } from '@mainstay/contract/errors';

export type OpenOptions = {
  /** FULL survives a loss of power after every commit; NORMAL survives a crash of the process. */
  synchronous?: 'NORMAL' | 'FULL';
};

/** Opens a database file, made with mode 0600 where there is none. Checks that it is whole. */
export function openSqlite(path: string, options: OpenOptions = {}): DatabaseSync {
  if (path !== ':memory:') mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  let database: DatabaseSync;
  try {
    database = new DatabaseSync(path);
    database.exec('PRAGMA busy_timeout = 5000');
    database.exec('PRAGMA journal_mode = WAL');
    database.exec(`PRAGMA synchronous = ${options.synchronous ?? 'NORMAL'}`);
    database.exec('PRAGMA foreign_keys = ON');
    const check = database.prepare('PRAGMA quick_check(1)').get() as { quick_check: string } | undefined;
    if (check?.quick_check !== 'ok') throw new Error(check?.quick_check ?? 'no answer');
  } catch (error) {
    throw storeError(error, path);
  }
  if (path !== ':memory:') chmodSync(path, 0o600);
  return database;
}

/** What SQLite's error means to a person; other errors are given back as they are. */
export function storeError(error: unknown, path: string): unknown {
  if (!(error instanceof Error)) return error;
  const text = error.message;
  const failed = (message: string, hint: string) =>
    new AppError('Unavailable', `${message} (${path})`, { hint, cause: error });
  if (/database or disk is full|disk I\/O error/i.test(text)) {
    return failed(
      'The state file cannot be written: the disk is full or faulty.',
      'Free some space; nothing was changed.',
    );
  }
  if (/database is locked|database table is locked/i.test(text)) {
    return failed(
      'The state file is locked by another process.',
      'Stop the other process that uses it, or wait, and repeat.',
    );
  }
  if (/malformed|not a database|file is encrypted|disk image|no answer|row \d+|page \d+|Tree \d+/i.test(text)) {
    return failed('The state file is damaged.', 'Move it away and put a backup of it in its place, then start again.');
  }
  if (/unable to open database|readonly database/i.test(text)) {
    return failed(
      'The state file cannot be opened for writing.',
      'Check that its folder exists and belongs to this user.',
    );
  }
  return error;
}

/** Prepared statements kept for use again; beyond it the oldest goes. */
const statements_kept_max = 500;

/** The handle that Kysely's SqliteDialect expects, over a `node:sqlite` database. Statements are prepared once. */
export function kyselyDatabase(database: DatabaseSync) {
  const kept = new Map<string, ReturnType<typeof wrap>>();
  const wrap = (sql: string) => {
    const statement = database.prepare(sql);
    return {
      reader: statement.columns().length > 0,
      all: (parameters: ReadonlyArray<unknown>) => statement.all(...(parameters as SQLInputValue[])),
      run: (parameters: ReadonlyArray<unknown>) => {
        // A full disk ends a transaction by itself; a rollback that failed then would hide why.
        if (sql === 'rollback' && !database.isTransaction) return { changes: 0, lastInsertRowid: 0 };
        return statement.run(...(parameters as SQLInputValue[]));
      },
      iterate: (parameters: ReadonlyArray<unknown>) =>
        // An iteration that is under way must not share its statement.
        database.prepare(sql).iterate(...(parameters as SQLInputValue[])) as IterableIterator<unknown>,
    };
  };
  return {
    close: () => database.close(),
    prepare(sql: string) {
      const found = kept.get(sql);
      if (found) return found;
      const made = wrap(sql);
      const [oldest] = kept.keys();
      if (kept.size >= statements_kept_max && oldest !== undefined) kept.delete(oldest);
      kept.set(sql, made);
      return made;
    },
  };
}
