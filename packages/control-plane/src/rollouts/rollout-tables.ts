/** Tables of rollouts: a version of a stack that goes out in waves, and its servers, each with its wave and when that was opened for it. */
import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

export type RolloutTables = {
  rollouts: {
    operation_id: string;
    /** Empty where no version of a stack goes out, but the states of servers (`rollout_states`). */
    stack_id: string;
    /** 0 with those. */
    version: number;
    /** What servers have whose wave is not open; null where there was nothing before. */
    previous_version: number | null;
    /** rolling: waves open. undoing: all are being given again what they had. ended: whatever became of it. */
    state: 'rolling' | 'undoing' | 'ended';
    /** The version that brings back the content of the previous one; null while there is none. */
    undo_version: number | null;
    /** Why it stopped. */
    reason: string | null;
    /** JSON: RolloutFacts. */
    settings: string;
    created_at: number;
  };
  rollout_servers: {
    operation_id: string;
    server_id: string;
    name: string;
    /** From 1. */
    wave: number;
    /** When its wave was opened; null before. */
    admitted_at: number | null;
    /** Whether it reported at that moment: 0 or 1. */
    was_online: number;
    /** When its wave came through; null before. */
    passed_at: number | null;
  };
  /** What becomes the state of a server when its wave is opened, where states of servers go out. */
  rollout_states: {
    operation_id: string;
    server_id: string;
    version: number;
    /** JSON, as in `server_states`. */
    document: string;
    base: string;
    sha256: string;
    /** When it became the server's; null before, and for ever where the server was given another state meanwhile. */
    put_at: number | null;
    /** JSON: names of its services that were ill by then. */
    ill: string;
  };
};

export const rolloutStatesMigration: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('rollout_states')
      .addColumn('operation_id', 'text', (c) => c.notNull())
      .addColumn('server_id', 'text', (c) => c.notNull())
      .addColumn('version', 'integer', (c) => c.notNull())
      .addColumn('document', 'text', (c) => c.notNull())
      .addColumn('base', 'text', (c) => c.notNull())
      .addColumn('sha256', 'text', (c) => c.notNull())
      .addColumn('put_at', 'integer')
      .addColumn('ill', 'text', (c) => c.notNull().defaultTo('[]'))
      .addPrimaryKeyConstraint('rollout_states_key', ['operation_id', 'server_id'])
      .execute();
  },
};

export const rolloutMigration: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('rollouts')
      .addColumn('operation_id', 'text', (c) => c.primaryKey())
      .addColumn('stack_id', 'text', (c) => c.notNull())
      .addColumn('version', 'integer', (c) => c.notNull())
      .addColumn('previous_version', 'integer')
      .addColumn('state', 'text', (c) => c.notNull())
      .addColumn('undo_version', 'integer')
      .addColumn('reason', 'text')
      .addColumn('settings', 'text', (c) => c.notNull())
      .addColumn('created_at', 'integer', (c) => c.notNull())
      .execute();
    await db.schema
      .createTable('rollout_servers')
      .addColumn('operation_id', 'text', (c) => c.notNull())
      .addColumn('server_id', 'text', (c) => c.notNull())
      .addColumn('name', 'text', (c) => c.notNull())
      .addColumn('wave', 'integer', (c) => c.notNull())
      .addColumn('admitted_at', 'integer')
      .addColumn('was_online', 'integer', (c) => c.notNull().defaultTo(0))
      .addColumn('passed_at', 'integer')
      .addPrimaryKeyConstraint('rollout_servers_key', ['operation_id', 'server_id'])
      .execute();
    await db.schema.createIndex('rollouts_version').on('rollouts').columns(['stack_id', 'version']).execute();
    await db.schema.createIndex('rollouts_state').on('rollouts').columns(['state', 'operation_id']).execute();
  },
};
