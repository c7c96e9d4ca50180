/** Runs: workflows that are under way or have ended, as graphs of steps with their times. Schedules start runs at times. */
import * as z from 'zod';
import { ErrorBody } from '../errors.ts';
import { idSchema } from '../ids.ts';
import { Actor, change, JsonValue, read } from '../operation.ts';

/**
 * ```
 *  running ⇄ paused ──▶ succeeded
 *     └────┬────┘
 *          ▼ a step failed for good, or it was cancelled
 *    compensating ⇄ stuck (an undo failed: a person must look)
 *          └──▶ compensated | failed | cancelled
 * ```
 */
export const RunState = z.enum([
  'running',
  'paused',
  'compensating',
  'stuck',
  'succeeded',
  'failed',
  'compensated',
  'cancelled',
]);

export const StepState = z.enum([
  'waiting',
  'held',
  'ready',
  'running',
  'parked',
  'retrying',
  'expanded',
  'succeeded',
  'failed',
  'cancelled',
  'skipped',
  'undoing',
  'undone',
  'undo_failed',
]);

export const RunView = z
  .object({
    id: idSchema('run'),
    workflow: z.string(),
    version: z.int(),
    state: RunState,
    priority: z.int(),
    steps_total: z.int(),
    steps_left: z.int().describe('Those that have not succeeded.'),
    operation_id: idSchema('operation').nullable().describe('The operation that it carries out.'),
    schedule_id: idSchema('schedule').nullable(),
    actor: Actor.nullable(),
    labels: z.record(z.string(), z.string()),
    error: ErrorBody.nullable().describe('Why it failed.'),
    created_at: z.int(),
    changed_at: z.int(),
    finished_at: z.int().nullable(),
  })
  .meta({ id: 'Run' });
export type RunView = z.infer<typeof RunView>;

export const StepView = z
  .object({
    key: z.string(),
    parent: z.string().nullable().describe('The fan-out that it is an item of.'),
    state: StepState,
    attempt: z.int().describe('How often it was begun; being woken counts.'),
    failures: z.int(),
    priority: z.int(),
    items: z.int().nullable().describe('Of a fan-out, how many items it has, once that is known.'),
    error: ErrorBody.nullable(),
    waits_for: z.string().nullable().describe('The topic that wakes it.'),
    available_at: z.int().nullable().describe('When it is tried again, or woken at the latest.'),
    started_at: z.int().nullable().describe('Of the last attempt.'),
    finished_at: z.int().nullable(),
  })
  .meta({ id: 'RunStep' });
export type StepView = z.infer<typeof StepView>;

const run = { id: idSchema('run') };

export const listRuns = read({
  id: 'runs.list',
  summary: 'List runs, newest first',
  description: 'With `before`, those older than that run: repeat with the id of the last one to page backwards.',
  permission: 'runs:read',
  http: { method: 'GET', path: '/runs' },
  cli: { command: ['runs', 'list'] },
  input: {
    workflow: z.string().max(64).optional(),
    state: z.array(RunState).min(1).max(8).optional(),
    operation_id: idSchema('operation').optional(),
    before: idSchema('run').optional(),
    limit: z.int().min(1).max(200).default(50),
  },
  output: z.object({ runs: z.array(RunView), more: z.boolean().describe('There are older ones that fit.') }),
});

export const getRun = read({
  id: 'runs.get',
  summary: 'Show one run as a graph with times; wait for its end if asked to',
  permission: 'runs:read',
  http: { method: 'GET', path: '/runs/{id}' },
  cli: { command: ['runs', 'get'], args: ['id'] },
  input: {
    ...run,
    limit: z.int().min(1).max(20_000).default(1_000).describe('Steps at most.'),
    wait_seconds: z
      .number()
      .min(0)
      .max(30)
      .default(0)
      .describe('Answer when it has ended or is stuck, at the latest after this long.'),
  },
  output: z.object({
    run: RunView,
    input: JsonValue,
    nodes: z.array(StepView),
    edges: z.array(z.object({ from: z.string(), to: z.string() })).describe('`to` needs `from`, or is an item of it.'),
    counts: z.partialRecord(StepState, z.int()).describe('Steps by state, those past `limit` as well.'),
    truncated: z.boolean().describe('It has more steps than `limit`.'),
  }),
  errors: ['NotFound'],
});

export const RunEventView = z
  .object({
    cursor: z.int(),
    at: z.int(),
    step: z.string().nullable(),
    kind: z.string().describe('Such as `run.started`, `step.retry`, `step.log`.'),
    message: z.string(),
  })
  .meta({ id: 'RunEvent' });
export type RunEventView = z.infer<typeof RunEventView>;

export const listRunEvents = read({
  id: 'runs.events',
  summary: 'List what happened in a run and what its steps logged, oldest first',
  description:
    'Repeat with `next` as `after` to follow. The same path gives a stream of Server-Sent Events when it is asked for `text/event-stream`.',
  permission: 'runs:read',
  http: { method: 'GET', path: '/runs/{id}/events' },
  cli: { command: ['runs', 'events'], args: ['id'] },
  input: {
    ...run,
    step: z.string().max(260).optional(),
    after: z.int().min(0).default(0),
    limit: z.int().min(1).max(1_000).default(200),
    wait_seconds: z.number().min(0).max(30).default(0).describe('Wait up to this long for something new.'),
  },
  output: z.object({
    events: z.array(RunEventView),
    next: z.int(),
    ended: z.boolean().describe('Nothing more comes.'),
  }),
  errors: ['NotFound'],
});

export const listTasks = read({
  id: 'runs.tasks',
  summary: 'List the steps that are under way, and those that wait for a worker, a time or a signal',
  permission: 'runs:read',
  http: { method: 'GET', path: '/tasks' },
  cli: { command: ['runs', 'tasks'] },
  input: { limit: z.int().min(1).max(1_000).default(100) },
  output: z.object({
    tasks: z.array(StepView.extend({ run_id: idSchema('run'), workflow: z.string() })),
    more: z.boolean(),
  }),
});

export const cancelRun = change({
  id: 'runs.cancel',
  summary: 'Cancel a run: nothing more begins, and what was done is undone',
  description:
    'Of a run that is stuck, the undo that failed is given up, and the rest is undone. The run of a change is cancelled together with its operation, as long as that is not carried out, or goes out in waves: then all servers have again what they had.',
  permission: 'runs:write',
  http: { method: 'POST', path: '/runs/{id}/cancel' },
  cli: { command: ['runs', 'cancel'], args: ['id'] },
  input: run,
  errors: ['NotFound', 'Conflict'],
});

export const pauseRun = change({
  id: 'runs.pause',
  summary: 'Let no further step of a run begin; those under way end',
  permission: 'runs:write',
  http: { method: 'POST', path: '/runs/{id}/pause' },
  cli: { command: ['runs', 'pause'], args: ['id'] },
  input: run,
  errors: ['NotFound', 'Conflict'],
});

export const resumeRun = change({
  id: 'runs.resume',
  summary: 'Let a paused run go on',
  permission: 'runs:write',
  http: { method: 'POST', path: '/runs/{id}/resume' },
  cli: { command: ['runs', 'resume'], args: ['id'] },
  input: run,
  errors: ['NotFound', 'Conflict'],
});

export const retryRun = change({
  id: 'runs.retry',
  summary: 'Try again what failed: the undo of a run that is stuck, or the steps of one that failed',
  permission: 'runs:write',
  http: { method: 'POST', path: '/runs/{id}/retry' },
  cli: { command: ['runs', 'retry'], args: ['id'] },
  input: run,
  errors: ['NotFound', 'Conflict'],
});

export const ScheduleView = z
  .object({
    id: idSchema('schedule'),
    name: z.string(),
    cron: z.string(),
    time_zone: z.string(),
    workflow: z.string(),
    enabled: z.boolean(),
    next_at: z.int().nullable(),
    last_at: z.int().nullable(),
    last_run_id: idSchema('run').nullable(),
    error: z.string().nullable().describe('Why it starts nothing.'),
  })
  .meta({ id: 'Schedule' });
export type ScheduleView = z.infer<typeof ScheduleView>;

export const listSchedules = read({
  id: 'schedules.list',
  summary: 'List the schedules that start runs',
  permission: 'runs:read',
  http: { method: 'GET', path: '/schedules' },
  cli: { command: ['schedules', 'list'] },
  input: {},
  output: z.object({ schedules: z.array(ScheduleView) }),
});
