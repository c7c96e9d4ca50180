/**
 * The store: Kysely over SQLite, and batches. A batch is one atomic write: all of its statements or none, each of which may
 * demand how many rows it must have touched (that is how compare-and-swap is done without interactive transactions).
 */
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

export async function openStore(path: string): Promise<Store> {
  const database = openSqlite(path);
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
  return {
    db,
    batch: (statements) =>
      translated(() =>
        db.transaction().execute(async (transaction) => {
          for (const { query, rows } of statements) {
            const result = await transaction.executeQuery(query.compile());
            if (rows !== undefined && Number(result.numAffectedRows ?? 0) !== rows)
              throw new BatchConflict('row count');
          }
        }),
      ),
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

export function isUniqueViolation(error: unknown): boolean {
  return error instanceof Error && /UNIQUE constraint failed/.test(error.message);
}
