/** The newest server state of each server that has one, with the grant that allows it. */
import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

export type ServerStateTables = {
  server_states: {
    server_id: string;
    version: number;
    document: string;
    /** JSON: what it was made from, which is what the server is to be again where this version does not come into force. */
    base: string;
    sha256: string;
    grant_jws: string;
    operation_id: string;
    created_at: number;
  };
};

export const serverStateMigration: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('server_states')
      .addColumn('server_id', 'text', (c) => c.primaryKey().references('servers.id').onDelete('cascade'))
      .addColumn('version', 'integer', (c) => c.notNull())
      .addColumn('document', 'text', (c) => c.notNull())
      .addColumn('base', 'text', (c) => c.notNull())
      .addColumn('sha256', 'text', (c) => c.notNull())
      .addColumn('grant_jws', 'text', (c) => c.notNull())
      .addColumn('operation_id', 'text', (c) => c.notNull())
      .addColumn('created_at', 'integer', (c) => c.notNull())
      .execute();
    // Beside the row that every request of an agent reads anyway.
    await db.schema
      .alterTable('servers')
      .addColumn('state_version', 'integer', (c) => c.notNull().defaultTo(0))
      .execute();
  },
};
