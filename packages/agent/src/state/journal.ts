/**
 * The journal: what the agent must know after it was killed at any point, in one SQLite file (0600). Every action is
 * written here before it is done. Each commit is synced (FULL), so that it also survives a loss of power; that is
 * affordable because the journal only changes when something is deployed, restarted or stopped.
 *
 * Logs and events wait in a file of their own (outbox.sqlite): they are many, and losing the last few of them to a loss
 * of power does no harm.
 */
import type { DatabaseSync } from 'node:sqlite';
import { AppError } from '@mainstay/contract/errors';
import { openSqlite, storeError } from '@mainstay/runtime/sqlite';

const schema = `
CREATE TABLE IF NOT EXISTS documents (
  slot TEXT PRIMARY KEY CHECK (slot IN ('accepted', 'applied')),
  stack_id TEXT NOT NULL, version INTEGER NOT NULL, sha256 TEXT NOT NULL, operation_id TEXT NOT NULL,
  grant_jws TEXT NOT NULL, document TEXT NOT NULL, accepted_at INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS nonces (
  jti TEXT PRIMARY KEY, stack_id TEXT NOT NULL, version INTEGER NOT NULL, sha256 TEXT NOT NULL, expires_at INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS receipts (
  stack_id TEXT NOT NULL, version INTEGER NOT NULL, receipt TEXT NOT NULL, PRIMARY KEY (stack_id, version)
) STRICT;
CREATE TABLE IF NOT EXISTS releases (
  service TEXT NOT NULL, release_id TEXT NOT NULL, state TEXT NOT NULL, desired TEXT NOT NULL,
  created_at INTEGER NOT NULL, served_at INTEGER, PRIMARY KEY (service, release_id)
) STRICT;
CREATE TABLE IF NOT EXISTS instances (
  id TEXT PRIMARY KEY, service TEXT NOT NULL, release_id TEXT NOT NULL, role TEXT NOT NULL, port INTEGER NOT NULL,
  desired TEXT NOT NULL, handle TEXT, started_at INTEGER NOT NULL, drain_until INTEGER
) STRICT;
CREATE TABLE IF NOT EXISTS services (
  service TEXT PRIMARY KEY, internal_port INTEGER NOT NULL UNIQUE, restarts INTEGER NOT NULL DEFAULT 0,
  restarts_of TEXT, last_failure TEXT
) STRICT;
CREATE TABLE IF NOT EXISTS commits (id TEXT PRIMARY KEY, subject TEXT, author TEXT, committed_at INTEGER) STRICT;
CREATE TABLE IF NOT EXISTS server_states (
  slot TEXT PRIMARY KEY CHECK (slot IN ('accepted', 'applied')),
  version INTEGER NOT NULL, sha256 TEXT NOT NULL, operation_id TEXT NOT NULL, grant_jws TEXT NOT NULL,
  document TEXT NOT NULL, accepted_at INTEGER NOT NULL, receipt TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS secrets (commitment TEXT PRIMARY KEY, sealed TEXT NOT NULL) STRICT;
`;

/** Called right before and right after each write; tests end the process in it. */
export type WriteHook = (moment: 'before' | 'after') => void;

export type JournalOptions = {
  path: string;
  onWrite?: WriteHook;
  /** Told the outcome of each write: null when it was stored. */
  onOutcome?: (error: AppError | null) => void;
};

export type Journal = {
  readonly database: DatabaseSync;
  /** Runs the statements of `work` as one transaction. Throws AppError('Unavailable') when it cannot be stored. */
  write<T>(work: () => T): T;
  /** Within a write: something to be done once it is stored, such as bringing memory up to date; else it is done now. */
  afterwards(work: () => void): void;
  close(): void;
};

/** Opens the journal. Throws AppError('Unavailable') when the file is damaged, locked or cannot be written. */
export function openJournal(options: JournalOptions): Journal {
  const { path } = options;
  const database = openSqlite(path, { synchronous: 'FULL' });
  try {
    database.exec('PRAGMA cache_size = -512');
    database.exec(schema);
  } catch (error) {
    database.close();
    throw storeError(error, path);
  }
  let depth = 0;
  let pending: (() => void)[] = [];
  return {
    database,
    afterwards(work) {
      if (depth > 0) pending.push(work);
      else work();
    },
    write(work) {
      if (depth > 0) return work();
      options.onWrite?.('before');
      depth++;
      try {
        database.exec('BEGIN IMMEDIATE');
        const result = work();
        database.exec('COMMIT');
        depth--;
        for (const follow of pending.splice(0)) follow();
        options.onOutcome?.(null);
        options.onWrite?.('after');
        return result;
      } catch (error) {
        depth = 0;
        pending = [];
        if (database.isOpen && database.isTransaction) database.exec('ROLLBACK');
        const failure = storeError(error, path);
        if (failure instanceof AppError) options.onOutcome?.(failure);
        throw failure;
      }
    },
    close: () => database.close(),
  };
}
