/** The schema, as migrations that run in order, once each. A released migration is never edited. */
import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import { accessMigration } from '../access/access-tables.ts';
import { auditMigration } from '../audit/audit-tables.ts';
import { busMigration } from '../bus/bus-tables.ts';
import { orchestratorMigration } from '../orchestrator/orchestrator-tables.ts';
import { rolloutMigration, rolloutStatesMigration } from '../rollouts/rollout-tables.ts';
import { removedServersMigration } from '../servers/removed-servers-tables.ts';
import { serverLabelsMigration } from '../servers/server-labels-tables.ts';
import { serverStateMigration } from '../servers/server-state-tables.ts';

const initial: Migration = {
  async up(db: Kysely<unknown>) {
    const table = (name: string) => db.schema.createTable(name);
    await table('users')
      .addColumn('id', 'text', (c) => c.primaryKey())
      .addColumn('name', 'text', (c) => c.notNull().unique())
      .addColumn('role', 'text', (c) => c.notNull())
      .addColumn('created_at', 'integer', (c) => c.notNull())
      .execute();
    await table('access_keys')
      .addColumn('digest', 'text', (c) => c.primaryKey())
      .addColumn('kind', 'text', (c) => c.notNull())
      .addColumn('user_id', 'text', (c) => c.notNull().references('users.id').onDelete('cascade'))
      .addColumn('created_at', 'integer', (c) => c.notNull())
      .addColumn('expires_at', 'integer')
      .addColumn('used_at', 'integer')
      .execute();
    await table('stacks')
      .addColumn('id', 'text', (c) => c.primaryKey())
      .addColumn('project_id', 'text', (c) => c.notNull().defaultTo('default'))
      .addColumn('name', 'text', (c) => c.notNull())
      .addColumn('rev', 'integer', (c) => c.notNull())
      .addColumn('desired_version', 'integer', (c) => c.notNull())
      .addColumn('serving_version', 'integer', (c) => c.notNull())
      .addColumn('held', 'text', (c) => c.notNull())
      .addColumn('removed', 'integer', (c) => c.notNull())
      .addColumn('paused', 'text')
      .addColumn('webhook_digest', 'text')
      .addColumn('webhook_sealed', 'text')
      .addColumn('created_at', 'integer', (c) => c.notNull())
      .addColumn('updated_at', 'integer', (c) => c.notNull())
      .addUniqueConstraint('stacks_name', ['name', 'project_id'])
      .execute();
    await table('stack_versions')
      .addColumn('stack_id', 'text', (c) => c.notNull().references('stacks.id').onDelete('cascade'))
      .addColumn('version', 'integer', (c) => c.notNull())
      .addColumn('spec', 'text', (c) => c.notNull())
      .addColumn('document', 'text', (c) => c.notNull())
      .addColumn('sha256', 'text', (c) => c.notNull())
      .addColumn('grant_jws', 'text', (c) => c.notNull())
      .addColumn('operation_id', 'text', (c) => c.notNull())
      .addColumn('state', 'text', (c) => c.notNull())
      .addColumn('created_at', 'integer', (c) => c.notNull())
      .addPrimaryKeyConstraint('stack_versions_key', ['stack_id', 'version'])
      .execute();
    await table('commit_subjects')
      .addColumn('stack_id', 'text', (c) => c.notNull())
      .addColumn('commit_id', 'text', (c) => c.notNull())
      .addColumn('subject', 'text', (c) => c.notNull())
      .addColumn('noted_at', 'integer', (c) => c.notNull())
      .addPrimaryKeyConstraint('commit_subjects_key', ['stack_id', 'commit_id'])
      .execute();
    await table('servers')
      .addColumn('id', 'text', (c) => c.primaryKey())
      .addColumn('project_id', 'text', (c) => c.notNull().defaultTo('default'))
      .addColumn('name', 'text', (c) => c.notNull())
      .addColumn('rev', 'integer', (c) => c.notNull())
      .addColumn('stack_id', 'text', (c) => c.references('stacks.id'))
      .addColumn('invitation_jws', 'text')
      .addColumn('invitation_digest', 'text', (c) => c.unique())
      .addColumn('invitation_expires_at', 'integer')
      .addColumn('credential_digest', 'text', (c) => c.unique())
      .addColumn('enrolment_jws', 'text')
      .addColumn('enrolled_at', 'integer')
      .addColumn('last_seen_at', 'integer')
      .addColumn('online', 'integer', (c) => c.notNull())
      .addColumn('last_event_seq', 'integer', (c) => c.notNull())
      .addColumn('last_log_seq', 'integer', (c) => c.notNull())
      .addColumn('created_at', 'integer', (c) => c.notNull())
      .addUniqueConstraint('servers_name', ['name', 'project_id'])
      .execute();
    await table('server_reports')
      .addColumn('server_id', 'text', (c) => c.primaryKey().references('servers.id').onDelete('cascade'))
      .addColumn('state', 'text', (c) => c.notNull())
      .execute();
    await table('usage_chunks')
      .addColumn('id', 'integer', (c) => c.primaryKey())
      .addColumn('server_id', 'text', (c) => c.notNull())
      .addColumn('stack_id', 'text', (c) => c.notNull())
      .addColumn('service', 'text', (c) => c.notNull())
      .addColumn('resolution_seconds', 'integer', (c) => c.notNull())
      .addColumn('start', 'integer', (c) => c.notNull())
      .addColumn('rolled_up', 'integer', (c) => c.notNull())
      .addColumn('data', 'text', (c) => c.notNull())
      .addUniqueConstraint('usage_chunks_key', ['server_id', 'stack_id', 'service', 'resolution_seconds', 'start'])
      .execute();
    await table('secrets')
      .addColumn('id', 'text', (c) => c.primaryKey())
      .addColumn('project_id', 'text', (c) => c.notNull().defaultTo('default'))
      .addColumn('stack', 'text', (c) => c.notNull())
      .addColumn('name', 'text', (c) => c.notNull())
      .addColumn('rev', 'integer', (c) => c.notNull())
      .addColumn('commitment', 'text', (c) => c.notNull())
      .addColumn('updated_at', 'integer', (c) => c.notNull())
      .addUniqueConstraint('secrets_name', ['stack', 'name', 'project_id'])
      .execute();
    await table('sealed_values')
      .addColumn('commitment', 'text', (c) => c.primaryKey())
      .addColumn('owner', 'text', (c) => c.notNull())
      .addColumn('sealed', 'text', (c) => c.notNull())
      .addColumn('created_at', 'integer', (c) => c.notNull())
      .execute();
    await table('credentials')
      .addColumn('id', 'text', (c) => c.primaryKey())
      .addColumn('project_id', 'text', (c) => c.notNull().defaultTo('default'))
      .addColumn('name', 'text', (c) => c.notNull())
      .addColumn('rev', 'integer', (c) => c.notNull())
      .addColumn('kind', 'text', (c) => c.notNull())
      .addColumn('public_key', 'text')
      .addColumn('username', 'text')
      .addColumn('commitment', 'text', (c) => c.notNull())
      .addColumn('updated_at', 'integer', (c) => c.notNull())
      .addUniqueConstraint('credentials_name', ['name', 'project_id'])
      .execute();
    await table('operations')
      .addColumn('id', 'text', (c) => c.primaryKey())
      .addColumn('project_id', 'text', (c) => c.notNull().defaultTo('default'))
      .addColumn('operation', 'text', (c) => c.notNull())
      .addColumn('idempotency_key', 'text')
      .addColumn('actor_id', 'text', (c) => c.notNull())
      .addColumn('actor', 'text', (c) => c.notNull())
      .addColumn('input_digest', 'text', (c) => c.notNull())
      .addColumn('plan', 'text', (c) => c.notNull())
      .addColumn('state', 'text', (c) => c.notNull())
      .addColumn('stack_id', 'text')
      .addColumn('stack', 'text')
      .addColumn('version', 'integer')
      .addColumn('targets', 'text', (c) => c.notNull())
      .addColumn('grant_jws', 'text')
      .addColumn('result', 'text')
      .addColumn('message', 'text')
      .addColumn('hint', 'text')
      .addColumn('created_at', 'integer', (c) => c.notNull())
      .addColumn('finished_at', 'integer')
      .execute();
    await table('events')
      .addColumn('cursor', 'integer', (c) => c.primaryKey().autoIncrement())
      .addColumn('id', 'text', (c) => c.notNull().unique())
      .addColumn('project_id', 'text', (c) => c.notNull().defaultTo('default'))
      .addColumn('at', 'integer', (c) => c.notNull())
      .addColumn('kind', 'text', (c) => c.notNull())
      .addColumn('severity', 'integer', (c) => c.notNull())
      .addColumn('message', 'text', (c) => c.notNull())
      .addColumn('actor', 'text')
      .addColumn('stack', 'text')
      .addColumn('server', 'text')
      .addColumn('service', 'text')
      .addColumn('release_id', 'text')
      .addColumn('operation_id', 'text')
      .addColumn('data', 'text')
      .execute();
    await table('log_lines')
      .addColumn('cursor', 'integer', (c) => c.primaryKey().autoIncrement())
      .addColumn('at', 'integer', (c) => c.notNull())
      .addColumn('stack', 'text', (c) => c.notNull())
      .addColumn('service', 'text', (c) => c.notNull())
      .addColumn('server', 'text', (c) => c.notNull())
      .addColumn('release_id', 'text', (c) => c.notNull())
      .addColumn('stream', 'text', (c) => c.notNull())
      .addColumn('level', 'integer')
      .addColumn('text', 'text', (c) => c.notNull())
      .execute();
    const index = (name: string, on: string, columns: string[]) =>
      db.schema.createIndex(name).on(on).columns(columns).execute();
    await index('access_keys_expiry', 'access_keys', ['expires_at']);
    await index('servers_stack', 'servers', ['stack_id']);
    await index('usage_chunks_age', 'usage_chunks', ['resolution_seconds', 'rolled_up', 'start']);
    await index('operations_state', 'operations', ['state', 'id']);
    await index('operations_stack', 'operations', ['stack', 'id']);
    await index('events_stack', 'events', ['stack', 'cursor']);
    await index('events_server', 'events', ['server', 'cursor']);
    await index('events_operation', 'events', ['operation_id', 'cursor']);
    await index('events_kind', 'events', ['kind', 'cursor']);
    // With time and level in them, lines that do not fit are passed over within the index.
    await index('log_lines_stack', 'log_lines', ['stack', 'cursor', 'at', 'level']);
    await index('log_lines_service', 'log_lines', ['stack', 'service', 'cursor', 'at', 'level']);
    await index('log_lines_release', 'log_lines', ['release_id', 'cursor', 'at', 'level']);
    await sql`create index log_lines_grave on log_lines (stack, cursor, at, level) where level >= 2`.execute(db);
    await sql`create unique index operations_idempotency on operations (project_id, actor_id, operation, idempotency_key) where idempotency_key is not null`.execute(
      db,
    );
  },
};

const operations: Migration = {
  async up(db: Kysely<unknown>) {
    const text = [
      'plan_body',
      'proposal_sealed',
      'requirement',
      'policy',
      'run_id',
      'result_sealed',
      'error_code',
      'error_field',
    ];
    for (const column of text) await db.schema.alterTable('operations').addColumn(column, 'text').execute();
    await db.schema
      .alterTable('operations')
      .addColumn('approvals', 'text', (c) => c.notNull().defaultTo('[]'))
      .execute();
  },
};

export const migrations: Record<string, Migration> = {
  '0001_initial': initial,
  '0002_bus': busMigration,
  '0003_orchestrator': orchestratorMigration,
  '0004_audit': auditMigration,
  '0005_access': accessMigration,
  '0006_operations': operations,
  '0010_server_states': serverStateMigration,
  '0011_server_labels': serverLabelsMigration,
  '0012_rollouts': rolloutMigration,
  '0013_rollout_states': rolloutStatesMigration,
  '0014_removed_servers': removedServersMigration,
};
