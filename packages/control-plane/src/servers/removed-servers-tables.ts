/** Table of servers that were removed, so that an agent that calls with the credential of one is told so, by what the keeper signed. */
import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

export type RemovedServersTables = {
  removed_servers: {
    credential_digest: string;
    server_id: string;
    /** Allows its removal; the keeper signs it anew for whom asks later. */
    grant_jws: string;
    enrolment_jws: string;
    removed_at: number;
  };
};

export const removedServersMigration: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('removed_servers')
      .addColumn('credential_digest', 'text', (c) => c.primaryKey())
      .addColumn('server_id', 'text', (c) => c.notNull())
      .addColumn('grant_jws', 'text', (c) => c.notNull())
      .addColumn('enrolment_jws', 'text', (c) => c.notNull())
      .addColumn('removed_at', 'integer', (c) => c.notNull())
      .execute();
  },
};
