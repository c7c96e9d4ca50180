/** How a run begins: its row and the rows of its steps, as statements that may stand in anybody's batch. Twice is once. */
import { AppError, invalidInput } from '@mainstay/contract/errors';
import { newId } from '@mainstay/contract/ids';
import type { Actor } from '@mainstay/contract/operation';
import type { Statement } from '../store/store.ts';
import { insertRunEvents, insertStepsOf, type NewStep, raw } from './run-sql.ts';
import { type Workflow, workflowKey } from './workflow.ts';

export type StartOptions = {
  /** Given by the caller where a repeated start must be the same run; otherwise a new one. */
  run_id?: string;
  /** −100 to 100; 0 by default. */
  priority?: number;
  operation_id?: string;
  schedule_id?: string;
  actor?: Actor;
  labels?: Record<string, string>;
};

export type NewRun = { id: string; workflow: Workflow; input: string; options: StartOptions };

const input_bytes_max = 1024 * 1024;

/** @throws AppError InvalidInput when the input is not what the workflow takes. */
export function newRun(workflow: Workflow, input: unknown, options: StartOptions, now: number): NewRun {
  const parsed = workflow.input.safeParse(input);
  if (!parsed.success) throw invalidInput(parsed.error, 'input');
  const text = JSON.stringify(parsed.data ?? null);
  if (text.length > input_bytes_max)
    throw new AppError('TooLarge', `The input of a run of ${workflow.name} is larger than 1 MB.`, { field: 'input' });
  const { priority = 0, run_id } = options;
  if (!Number.isInteger(priority) || Math.abs(priority) > 100)
    throw new AppError('InvalidInput', 'priority must be a whole number from −100 to 100.', { field: 'priority' });
  return { id: run_id ?? newId('run', now), workflow, input: text, options };
}

const plans = new WeakMap<Workflow, { steps: NewStep[]; limited: boolean }>();

/** Rows of a definition's steps, made once; those of a run differ in its priority only. */
function plannedSteps(workflow: Workflow): { steps: NewStep[]; limited: boolean } {
  let plan = plans.get(workflow);
  if (!plan) {
    const entries = Object.entries(workflow.steps);
    const limited = entries.some(
      ([, { each }]) => each?.batch_size !== undefined || each?.max_unavailable !== undefined,
    );
    const bounded = workflow.parallelism !== null;
    plan = {
      limited: limited || bounded,
      steps: entries.map(([key, { needs = [], undo, each, priority }]) => ({
        key,
        step: key,
        parent: null,
        item: null,
        needs,
        state: needs.length > 0 ? 'waiting' : limited || bounded ? 'held' : 'ready',
        // What is undone of a fan-out are its items.
        has_undo: undo !== undefined && each === undefined,
        priority: priority ?? Number.NaN,
      })),
    };
    plans.set(workflow, plan);
  }
  return plan;
}

export function startRuns(runs: readonly NewRun[], now: number): Statement[] {
  const rows = runs.map(({ id, workflow, input, options }) => {
    const { steps, limited } = plannedSteps(workflow);
    const { priority = 0, operation_id = null, schedule_id = null, actor, labels = {} } = options;
    return [
      ...[
        id,
        workflow.name,
        workflow.version,
        workflowKey(workflow),
        input,
        priority,
        workflow.parallelism,
        limited ? 1 : 0,
      ],
      ...[steps.length, operation_id, schedule_id, actor ? JSON.stringify(actor) : null, JSON.stringify(labels)],
    ];
  });
  const steps = runs.map(({ id, workflow, options: { priority = 0 } }) => ({
    run_id: id,
    definition: workflowKey(workflow),
    steps: plannedSteps(workflow).steps.map((step) => (Number.isNaN(step.priority) ? { ...step, priority } : step)),
  }));
  return [
    {
      query: raw(
        `insert into runs (id, workflow, version, definition, input, priority, parallelism, limited, attention, steps_total, steps_left,
           operation_id, schedule_id, actor, labels, state, rev, created_at, changed_at)
         select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7, value ->> 7,
           value ->> 8, value ->> 8, value ->> 9, value ->> 10, value ->> 11, value ->> 12, 'running', 1, ?, ?
         from json_each(?) where true on conflict (id) do nothing`,
        [now, now, JSON.stringify(rows)],
      ),
    },
    insertStepsOf(steps, now),
  ];
}

export function startedEvents(runs: readonly NewRun[], now: number): Statement {
  return insertRunEvents(
    runs.map(({ id, workflow }) => ({ run_id: id, step: null, at: now, kind: 'run.started', message: workflow.name })),
  );
}
