/**
 * Tables of the audit trail. `body` is what counts: the canonical JSON of the entry, which its hash is over. The columns beside
 * it are for finding entries, and verification holds them against the body.
 */
import type { Generated, Kysely } from 'kysely';
import { sql } from 'kysely';
import type { Migration } from 'kysely/migration';

export type AuditTables = {
  audit_entries: {
    /** Order in which they were written, which is the order of the changes themselves. */
    position: Generated<number>;
    id: string;
    project_id: Generated<string>;
    at: number;
    kind: string;
    actor_id: string | null;
    actor_name: string | null;
    operation: string | null;
    operation_id: string | null;
    target: string | null;
    outcome: string | null;
    body: string;
    /** Number in the chain, with the hash before it and its own; null until it is chained. */
    seq: number | null;
    prev: string | null;
    hash: string | null;
  };
  /** One row: whose chain it is. */
  audit_chain: { one: number; installation_id: string };
};

export const auditMigration: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('audit_entries')
      .addColumn('position', 'integer', (c) => c.primaryKey().autoIncrement())
      .addColumn('id', 'text', (c) => c.notNull().unique())
      .addColumn('project_id', 'text', (c) => c.notNull().defaultTo('default'))
      .addColumn('at', 'integer', (c) => c.notNull())
      .addColumn('kind', 'text', (c) => c.notNull())
      .addColumn('actor_id', 'text')
      .addColumn('actor_name', 'text')
      .addColumn('operation', 'text')
      .addColumn('operation_id', 'text')
      .addColumn('target', 'text')
      .addColumn('outcome', 'text')
      .addColumn('body', 'text', (c) => c.notNull())
      .addColumn('seq', 'integer', (c) => c.unique())
      .addColumn('prev', 'text')
      .addColumn('hash', 'text')
      .execute();
    await db.schema
      .createTable('audit_chain')
      .addColumn('one', 'integer', (c) => c.primaryKey())
      .addColumn('installation_id', 'text', (c) => c.notNull())
      .execute();
    await sql`create index audit_unchained on audit_entries (position) where seq is null`.execute(db);
    for (const column of ['kind', 'actor_name', 'operation_id', 'target']) {
      await db.schema.createIndex(`audit_${column}`).on('audit_entries').columns([column, 'position']).execute();
    }
  },
};
