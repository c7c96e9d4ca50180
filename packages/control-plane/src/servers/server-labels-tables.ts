/** Table of the labels and environments of servers, apart from their rows: only people write it, and no report touches it. */
import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

export type ServerLabelsTables = {
  /** `labels` is a JSON object. A server without a row has none. */
  server_labels: { server_id: string; labels: string; environment: string | null };
};

export const serverLabelsMigration: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('server_labels')
      .addColumn('server_id', 'text', (c) => c.primaryKey())
      .addColumn('labels', 'text', (c) => c.notNull())
      .addColumn('environment', 'text')
      .execute();
  },
};
