/**
 * The store: Kysely over SQLite, and batches. A batch is one atomic write: all of its statements or none, each of which may
 * demand how many rows it must have touched (that is how compare-and-swap is done without interactive transactions).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '@mainstay/contract/errors';
import { kyselyDatabase, openSqlite, storeError } from '@mainstay/runtime/sqlite';
import { type Compilable, Kysely, SqliteDialect, sql } from 'kysely';
import { Migrator } from 'kysely/migration';
import { migrations } from './migrations.ts';
import type { Tables } from './tables.ts';

export type Statement = {
  query: Compilable;
  /** The batch is undone, with Conflict, when the statement touched another number of rows. */
  rows?: number;
};

export type Store = {
  db: Kysely<Tables>;
  batch(statements: readonly Statement[]): Promise<void>;
  /** Whether the file can be written now; the reason when it cannot. */
  check(): Promise<string | null>;
  close(): Promise<void>;
};

export class BatchConflict extends Error {}

/**
 * How long SQLite waits for a lock by itself. It stops this process while it waits, so that is short; a batch waits for the rest without
 * stopping anything, and reads are answered meanwhile.
 */
const blocking_wait_ms = 50;
const locked_within_ms = 5_000;
const locked_again_ms = 50;

export async function openStore(path: string): Promise<Store> {
  const database = openSqlite(path);
  database.exec(`PRAGMA busy_timeout = ${blocking_wait_ms}`);
  const db = new Kysely<Tables>({ dialect: new SqliteDialect({ database: kyselyDatabase(database) }) });
  const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations } });
  const { error } = await migrator.migrateToLatest();
  if (error) {
    await db.destroy();
    throw storeError(error, path);
  }
  const translated = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (cause) {
      throw storeError(cause, path);
    }
  };
  const writeOnce = (statements: readonly Statement[]) =>
    db.transaction().execute(async (transaction) => {
      for (const { query, rows } of statements) {
        const result = await transaction.executeQuery(query.compile());
        if (rows !== undefined && Number(result.numAffectedRows ?? 0) !== rows) throw new BatchConflict('row count');
      }
    });
  const write = async (statements: readonly Statement[]) => {
    const until = performance.now() + locked_within_ms;
    for (;;) {
      try {
        return await writeOnce(statements);
      } catch (error) {
        if (!isLocked(error) || performance.now() > until) throw error;
        await sleep(locked_again_ms);
      }
    }
  };
  return {
    db,
    batch: (statements) => translated(() => write(statements)),
    async check() {
      try {
        await translated(() => db.updateTable('users').set({ created_at: 0 }).where('id', '=', '').execute());
        return null;
      } catch (cause) {
        return cause instanceof AppError ? cause.message : String(cause);
      }
    },
    close: () => db.destroy(),
  };
}

/** Runs a batch; when the state moved between planning and writing, the answer is Conflict with the given words. */
export async function batchOrConflict(store: Store, statements: readonly Statement[], message: string): Promise<void> {
  try {
    await store.batch(statements);
  } catch (error) {
    if (error instanceof BatchConflict || isUniqueViolation(error)) {
      throw new AppError('Conflict', message, { hint: 'Look at the present state, and repeat.' });
    }
    throw error;
  }
}

/** The condition that a column holds this text as it stands, letter case of ASCII aside. */
export function holdsText(column: 'message' | 'text', text: string) {
  const pattern = `%${text.replaceAll(/[\\%_]/g, '\\$&')}%`;
  return sql<boolean>`${sql.ref(column)} like ${pattern} escape '\\'`;
}

function isLocked(error: unknown): boolean {
  return error instanceof Error && /database (table )?is locked/.test(error.message);
}

export function isUniqueViolation(error: unknown): boolean {
  return error instanceof Error && /UNIQUE constraint failed/.test(error.message);
}
