/** Tables of people and their keys. */
import type { Role } from '@mainstay/contract/operation';
import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { KeyKind } from './access-store.ts';

export type AccessTables = {
  users: { id: string; name: string; rev: number; role: Role; created_at: number };
  /** Sessions, API tokens and sign-in links: only the SHA-256 of what the person holds. */
  access_keys: {
    digest: string;
    id: string;
    kind: KeyKind;
    user_id: string;
    /** What a token is for; null with the others. */
    name: string | null;
    /** Of a token that may do less than its person; null for what the person may do. */
    role: Role | null;
    user_agent: string | null;
    created_at: number;
    expires_at: number | null;
    /** When a sign-in link was used. */
    used_at: number | null;
    last_used_at: number | null;
  };
};

export const accessMigration: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .alterTable('users')
      .addColumn('rev', 'integer', (c) => c.notNull().defaultTo(1))
      .execute();
    await sql`create unique index users_name_whatever_case on users (lower(name))`.execute(db);
    for (const column of ['id', 'name', 'role', 'user_agent'])
      await db.schema.alterTable('access_keys').addColumn(column, 'text').execute();
    await db.schema.alterTable('access_keys').addColumn('last_used_at', 'integer').execute();
    // A key has an id beside its digest, by which it is named where people see it.
    await sql`update access_keys set id = 'key_' || lower(hex(randomblob(16)))`.execute(db);
    await sql`create unique index access_keys_id on access_keys (id)`.execute(db);
    await db.schema.createIndex('access_keys_user').on('access_keys').columns(['user_id', 'kind']).execute();
  },
};
