/**
 * The keeper's own file, `ledger.db`: what it decided, who spoke, which keys it knows. It belongs to the keeper alone; the control plane's
 * database holds none of it. Every write is one transaction that is on disk before anything signed leaves the keeper.
 */
import type { DatabaseSync } from 'node:sqlite';
import { AppError } from '@mainstay/contract/errors';
import { openSqlite, storeError } from '@mainstay/runtime/sqlite';

export type KeeperDatabase = {
  readonly path: string;
  readonly sql: DatabaseSync;
  /** Runs synchronous work as one write transaction. Nothing of it stays when it throws. @throws AppError Unavailable */
  write<T>(run: () => T): T;
  close(): void;
};

const schema_version = 1;
const schema = `
  CREATE TABLE ledger (
    seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL, operation_id TEXT, body TEXT NOT NULL,
    previous TEXT, hash TEXT NOT NULL, jws_sha256 TEXT
  ) STRICT;
  CREATE INDEX ledger_jws ON ledger (jws_sha256) WHERE jws_sha256 IS NOT NULL;
  CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
  CREATE TABLE proposals (
    operation_id TEXT PRIMARY KEY, digest TEXT NOT NULL, plan_hash TEXT NOT NULL, subject TEXT NOT NULL,
    state TEXT NOT NULL, requirement TEXT, policy TEXT, reason TEXT, hint TEXT, grant_jws TEXT,
    created_at INTEGER NOT NULL, expires_at INTEGER
  ) STRICT;
  CREATE INDEX proposals_waiting ON proposals (expires_at) WHERE state = 'waiting';
  CREATE TABLE words (
    operation_id TEXT NOT NULL REFERENCES proposals (operation_id), user_id TEXT NOT NULL, verdict TEXT NOT NULL,
    approval TEXT NOT NULL, PRIMARY KEY (operation_id, user_id, verdict)
  ) STRICT;
  CREATE TABLE nonces (nonce TEXT PRIMARY KEY, until INTEGER NOT NULL) STRICT;
  CREATE INDEX nonces_until ON nonces (until);
  CREATE TABLE person_keys (
    id TEXT PRIMARY KEY, user_id TEXT NOT NULL, user_name TEXT NOT NULL, name TEXT NOT NULL, key TEXT NOT NULL,
    role TEXT NOT NULL, state TEXT NOT NULL, trust TEXT, registered_at INTEGER NOT NULL,
    admitted_at INTEGER, admitted_by TEXT, revoked_at INTEGER
  ) STRICT;
  CREATE TABLE signing_keys (
    kid TEXT PRIMARY KEY, x TEXT NOT NULL, state TEXT NOT NULL, created_at INTEGER NOT NULL, until INTEGER
  ) STRICT;
  CREATE TABLE key_changes (seq INTEGER PRIMARY KEY, jws TEXT NOT NULL) STRICT;
  CREATE TABLE anchors (
    kind TEXT NOT NULL, seq INTEGER NOT NULL, hash TEXT NOT NULL, at INTEGER NOT NULL, jws TEXT NOT NULL,
    PRIMARY KEY (kind, seq)
  ) STRICT;
`;

/** How long another process may hold the file before a write gives up, milliseconds. The keeper answers nobody meanwhile. */
const busy_ms = 2_000;

export function openKeeperDatabase(path: string, bytes_max: number): KeeperDatabase {
  const sql = openSqlite(path, { synchronous: 'FULL' });
  sql.exec(`PRAGMA busy_timeout = ${busy_ms}`);
  const write = <T>(run: () => T): T => {
    try {
      sql.exec('BEGIN IMMEDIATE');
      try {
        const result = run();
        sql.exec('COMMIT');
        return result;
      } catch (error) {
        if (sql.isTransaction) sql.exec('ROLLBACK');
        throw error;
      }
    } catch (error) {
      throw storeError(error, path);
    }
  };
  const { page_size } = sql.prepare('PRAGMA page_size').get() as { page_size: number };
  sql.exec(`PRAGMA max_page_count = ${Math.floor(bytes_max / page_size)}`);
  write(() => {
    const { user_version } = sql.prepare('PRAGMA user_version').get() as { user_version: number };
    if (user_version > schema_version) {
      throw new AppError('Unavailable', `The keeper's ledger ${path} was written by a newer Mainstay.`, {
        hint: 'Start that version, or a newer one.',
      });
    }
    if (user_version === schema_version) return;
    sql.exec(schema);
    sql.exec(`PRAGMA user_version = ${schema_version}`);
  });
  return { path, sql, write, close: () => sql.close() };
}
