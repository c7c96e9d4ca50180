/**
 * Tables of the orchestrator: runs, their steps, what happened in them, who works, and what is scheduled.
 *
 * Each step is one row; `state` with `phase` says where it stands:
 *
 *   waiting ─needs done─▶ ready ─claimed─▶ running ──▶ succeeded ─(phase undo)▶ ready ─▶ running ─▶ succeeded | failed
 *      │                  ▲ │ ▲              │ │ └──▶ failed | cancelled
 *      │          admitted│ │ └─woken, due───┘ └─▶ parked (a topic, a time, a retry)
 *      └──▶ skipped      held                        expanded: a fan-out whose items are under way
 *
 * `held` is what could run but is not let yet: the run is paused, or bounded in how much it does at a time.
 */
import { type Generated, type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

export type RunState =
  | 'running'
  | 'paused'
  | 'compensating'
  | 'stuck'
  | 'succeeded'
  | 'failed'
  | 'compensated'
  | 'cancelled';
export type StepState =
  | 'waiting'
  | 'held'
  | 'ready'
  | 'running'
  | 'parked'
  | 'expanded'
  | 'succeeded'
  | 'failed'
  | 'cancelled'
  | 'skipped';

export type OrchestratorTables = {
  runs: {
    id: string;
    project_id: Generated<string>;
    workflow: string;
    version: number;
    /** `name@version`. */
    definition: string;
    input: string;
    state: RunState;
    /** What it will be when compensation is over. */
    ending: 'failed' | 'cancelled' | null;
    priority: number;
    /** Steps at a time; null when only the process bounds them. */
    parallelism: number | null;
    /** 1 when steps are let begin one by one: the run is bounded, or has a fan-out with rules. */
    limited: number;
    /** How often something happened that the run must be looked at for, since it was. */
    attention: number;
    steps_total: number;
    steps_left: number;
    rev: number;
    operation_id: string | null;
    schedule_id: string | null;
    actor: string | null;
    labels: string;
    error: string | null;
    created_at: number;
    changed_at: number;
    finished_at: number | null;
  };
  run_steps: {
    id: Generated<number>;
    run_id: string;
    definition: string;
    key: string;
    /** Key of the step in the definition: that of the fan-out for its items. */
    step: string;
    /** Key of the fan-out that it is an item of. */
    parent: string | null;
    item: string | null;
    /** Of a fan-out, how many items it has; null until that is known. */
    items: number | null;
    needs: string;
    needs_left: number;
    phase: 'do' | 'undo';
    state: StepState;
    has_undo: number;
    priority: number;
    /** Raised by every claim: with the owner it is the fence against late results. */
    attempt: number;
    failures: number;
    /** Workers that were lost while they had it. */
    losses: number;
    lease_owner: string | null;
    wake_topic: string | null;
    available_at: number;
    output: string | null;
    error: string | null;
    completed_seq: number | null;
    started_at: number | null;
    finished_at: number | null;
    changed_at: number;
  };
  run_events: {
    cursor: Generated<number>;
    run_id: string;
    step: string | null;
    at: number;
    kind: string;
    message: string;
  };
  run_workers: { owner: string; process: string; lease_until: number };
  run_sequence: { id: number; next: number };
  schedules: {
    id: string;
    project_id: Generated<string>;
    name: string;
    cron: string;
    time_zone: string;
    workflow: string;
    input: string;
    enabled: number;
    next_at: number | null;
    last_at: number | null;
    last_run_id: string | null;
    error: string | null;
    rev: number;
    created_at: number;
  };
};

export const orchestratorMigration: Migration = {
  async up(db: Kysely<unknown>) {
    const table = (name: string) => db.schema.createTable(name);
    await table('runs')
      .addColumn('id', 'text', (c) => c.primaryKey())
      .addColumn('project_id', 'text', (c) => c.notNull().defaultTo('default'))
      .addColumn('workflow', 'text', (c) => c.notNull())
      .addColumn('version', 'integer', (c) => c.notNull())
      .addColumn('definition', 'text', (c) => c.notNull())
      .addColumn('input', 'text', (c) => c.notNull())
      .addColumn('state', 'text', (c) => c.notNull())
      .addColumn('ending', 'text')
      .addColumn('priority', 'integer', (c) => c.notNull())
      .addColumn('parallelism', 'integer')
      .addColumn('limited', 'integer', (c) => c.notNull())
      .addColumn('attention', 'integer', (c) => c.notNull())
      .addColumn('steps_total', 'integer', (c) => c.notNull())
      .addColumn('steps_left', 'integer', (c) => c.notNull())
      .addColumn('rev', 'integer', (c) => c.notNull())
      .addColumn('operation_id', 'text')
      .addColumn('schedule_id', 'text')
      .addColumn('actor', 'text')
      .addColumn('labels', 'text', (c) => c.notNull())
      .addColumn('error', 'text')
      .addColumn('created_at', 'integer', (c) => c.notNull())
      .addColumn('changed_at', 'integer', (c) => c.notNull())
      .addColumn('finished_at', 'integer')
      .execute();
    await table('run_steps')
      .addColumn('id', 'integer', (c) => c.primaryKey())
      .addColumn('run_id', 'text', (c) => c.notNull())
      .addColumn('definition', 'text', (c) => c.notNull())
      .addColumn('key', 'text', (c) => c.notNull())
      .addColumn('step', 'text', (c) => c.notNull())
      .addColumn('parent', 'text')
      .addColumn('item', 'text')
      .addColumn('items', 'integer')
      .addColumn('needs', 'text', (c) => c.notNull())
      .addColumn('needs_left', 'integer', (c) => c.notNull())
      .addColumn('phase', 'text', (c) => c.notNull())
      .addColumn('state', 'text', (c) => c.notNull())
      .addColumn('has_undo', 'integer', (c) => c.notNull())
      .addColumn('priority', 'integer', (c) => c.notNull())
      .addColumn('attempt', 'integer', (c) => c.notNull().defaultTo(0))
      .addColumn('failures', 'integer', (c) => c.notNull().defaultTo(0))
      .addColumn('losses', 'integer', (c) => c.notNull().defaultTo(0))
      .addColumn('lease_owner', 'text')
      .addColumn('wake_topic', 'text')
      .addColumn('available_at', 'integer', (c) => c.notNull())
      .addColumn('output', 'text')
      .addColumn('error', 'text')
      .addColumn('completed_seq', 'integer')
      .addColumn('started_at', 'integer')
      .addColumn('finished_at', 'integer')
      .addColumn('changed_at', 'integer', (c) => c.notNull())
      .addUniqueConstraint('run_steps_key', ['run_id', 'key'])
      .execute();
    await table('run_events')
      .addColumn('cursor', 'integer', (c) => c.primaryKey().autoIncrement())
      .addColumn('run_id', 'text', (c) => c.notNull())
      .addColumn('step', 'text')
      .addColumn('at', 'integer', (c) => c.notNull())
      .addColumn('kind', 'text', (c) => c.notNull())
      .addColumn('message', 'text', (c) => c.notNull())
      .execute();
    await table('run_workers')
      .addColumn('owner', 'text', (c) => c.primaryKey())
      .addColumn('process', 'text', (c) => c.notNull())
      .addColumn('lease_until', 'integer', (c) => c.notNull())
      .execute();
    await table('run_sequence')
      .addColumn('id', 'integer', (c) => c.primaryKey())
      .addColumn('next', 'integer', (c) => c.notNull())
      .execute();
    await table('schedules')
      .addColumn('id', 'text', (c) => c.primaryKey())
      .addColumn('project_id', 'text', (c) => c.notNull().defaultTo('default'))
      .addColumn('name', 'text', (c) => c.notNull())
      .addColumn('cron', 'text', (c) => c.notNull())
      .addColumn('time_zone', 'text', (c) => c.notNull())
      .addColumn('workflow', 'text', (c) => c.notNull())
      .addColumn('input', 'text', (c) => c.notNull())
      .addColumn('enabled', 'integer', (c) => c.notNull())
      .addColumn('next_at', 'integer')
      .addColumn('last_at', 'integer')
      .addColumn('last_run_id', 'text')
      .addColumn('error', 'text')
      .addColumn('rev', 'integer', (c) => c.notNull())
      .addColumn('created_at', 'integer', (c) => c.notNull())
      .addUniqueConstraint('schedules_name', ['name', 'project_id'])
      .execute();
    // Partial indexes: each holds only what is looked for, so that a claim reads as many rows as it takes.
    for (const index of [
      `run_steps_ready on run_steps (priority desc, id) where state = 'ready'`,
      `run_steps_parked on run_steps (available_at) where state = 'parked'`,
      `run_steps_topic on run_steps (wake_topic) where state = 'parked' and wake_topic is not null`,
      `run_steps_owner on run_steps (lease_owner) where state = 'running'`,
      `run_steps_held on run_steps (run_id, parent, id) where state = 'held'`,
      `run_steps_failed on run_steps (run_id) where state = 'failed'`,
      `run_steps_undo on run_steps (run_id, completed_seq) where has_undo = 1 and phase = 'do' and state = 'succeeded'`,
      `runs_attention on runs (id) where attention > 0`,
      `runs_state on runs (state, id)`,
      `runs_operation on runs (operation_id) where operation_id is not null`,
      `run_events_run on run_events (run_id, cursor)`,
      `schedules_due on schedules (next_at) where enabled = 1 and next_at is not null`,
    ]) {
      await sql`create index ${sql.raw(index)}`.execute(db);
    }
    await sql`insert into run_sequence (id, next) values (1, 1)`.execute(db);
  },
};
