/** Reading runs: rows as the contract shows them. */
import type { ErrorBody } from '@mainstay/contract/errors';
import type { Actor } from '@mainstay/contract/operation';
import type { RunEventView, RunView, ScheduleView, StepView } from '@mainstay/contract/operations/runs';
import type { Selectable } from 'kysely';
import type { Store } from '../store/store.ts';
import type { RunRow } from './advance.ts';
import type { OrchestratorTables } from './orchestrator-tables.ts';

export type StepRow = Selectable<OrchestratorTables['run_steps']>;

export function viewOfRun(row: RunRow): RunView {
  const { id, workflow, version, state, priority, steps_total, steps_left, operation_id, schedule_id } = row;
  const { created_at, changed_at, finished_at } = row;
  return {
    ...{ id, workflow, version, state, priority, steps_total, steps_left, operation_id, schedule_id },
    actor: row.actor === null ? null : (JSON.parse(row.actor) as Actor),
    labels: JSON.parse(row.labels) as Record<string, string>,
    error: errorIn(row.error),
    ...{ created_at, changed_at, finished_at },
  };
}

export function stateOfStep(row: Pick<StepRow, 'phase' | 'state' | 'wake_topic' | 'failures'>): StepView['state'] {
  if (row.phase === 'undo')
    return row.state === 'succeeded' ? 'undone' : row.state === 'failed' ? 'undo_failed' : 'undoing';
  return row.state === 'parked' && row.wake_topic === null && row.failures > 0 ? 'retrying' : row.state;
}

export function viewOfStep(row: StepRow): StepView {
  const { key, parent, attempt, failures, priority, items, started_at, finished_at } = row;
  return {
    ...{ key, parent, attempt, failures, priority, items, started_at, finished_at },
    state: stateOfStep(row),
    error: errorIn(row.error),
    waits_for: row.state === 'parked' ? row.wake_topic : null,
    available_at: row.state === 'parked' ? row.available_at : null,
  };
}

function errorIn(text: string | null): ErrorBody | null {
  return text === null ? null : (JSON.parse(text) as ErrorBody);
}

export type RunFilter = {
  workflow?: string | undefined;
  state?: readonly RunRow['state'][] | undefined;
  operation_id?: string | undefined;
  before?: string | undefined;
  limit: number;
};

/** The newest runs that fit, newest first, and whether there are older ones. */
export async function selectRuns(store: Store, filter: RunFilter): Promise<{ runs: RunView[]; more: boolean }> {
  const { workflow, state, operation_id, before, limit } = filter;
  let query = store.db
    .selectFrom('runs')
    .selectAll()
    .orderBy('id', 'desc')
    .limit(limit + 1);
  if (workflow !== undefined) query = query.where('workflow', '=', workflow);
  if (state !== undefined) query = query.where('state', 'in', state);
  if (operation_id !== undefined) query = query.where('operation_id', '=', operation_id);
  if (before !== undefined) query = query.where('id', '<', before);
  const rows = await query.execute();
  return { runs: rows.slice(0, limit).map(viewOfRun), more: rows.length > limit };
}

/** The steps of a run as a graph: its nodes in the order in which they were made, and what needs what. */
export async function selectGraph(store: Store, run_id: string, limit: number) {
  const rows = await store.db
    .selectFrom('run_steps')
    .selectAll()
    .where('run_id', '=', run_id)
    .orderBy('id')
    .limit(limit + 1)
    .execute();
  const counted = await store.db
    .selectFrom('run_steps')
    .select(['phase', 'state', 'wake_topic', (e) => e.fn.max('failures').as('failures')])
    .select((e) => e.fn.countAll<number>().as('n'))
    .where('run_id', '=', run_id)
    .groupBy(['phase', 'state', 'wake_topic', (e) => e('failures', '>', 0)])
    .execute();
  const counts: Partial<Record<StepView['state'], number>> = {};
  for (const row of counted) {
    const state = stateOfStep(row);
    counts[state] = (counts[state] ?? 0) + row.n;
  }
  const shown = rows.slice(0, limit);
  const keys = new Set(shown.map(({ key }) => key));
  const edges = shown.flatMap(({ key, parent, needs }) => {
    const from = parent === null ? (JSON.parse(needs) as string[]) : [parent];
    return from.filter((need) => keys.has(need)).map((need) => ({ from: need, to: key }));
  });
  return { nodes: shown.map(viewOfStep), edges, counts, truncated: rows.length > limit };
}

export async function selectRunEvents(
  store: Store,
  filter: { id: string; step?: string | undefined; after: number; limit: number },
): Promise<RunEventView[]> {
  let query = store.db
    .selectFrom('run_events')
    .select(['cursor', 'at', 'step', 'kind', 'message'])
    .where('run_id', '=', filter.id)
    .where('cursor', '>', filter.after);
  if (filter.step !== undefined) query = query.where('step', '=', filter.step);
  return query.orderBy('cursor').limit(filter.limit).execute();
}

/** Steps under way first, then those that wait for a worker, then those that wait for something else. */
export async function selectTasks(store: Store, limit: number) {
  const tasks: (StepView & { run_id: string; workflow: string })[] = [];
  for (const state of ['running', 'ready', 'parked'] as const) {
    if (tasks.length > limit) break;
    const rows = await store.db
      .selectFrom('run_steps')
      .selectAll()
      .where('state', '=', state)
      .orderBy('id')
      .limit(limit + 1 - tasks.length)
      .execute();
    for (const row of rows)
      tasks.push({ ...viewOfStep(row), run_id: row.run_id, workflow: row.definition.split('@')[0]! });
  }
  return { tasks: tasks.slice(0, limit), more: tasks.length > limit };
}

export async function selectSchedules(store: Store): Promise<ScheduleView[]> {
  const rows = await store.db.selectFrom('schedules').selectAll().orderBy('name').execute();
  return rows.map(({ id, name, cron, time_zone, workflow, enabled, next_at, last_at, last_run_id, error }) => ({
    ...{ id, name, cron, time_zone, workflow, next_at, last_at, last_run_id, error },
    enabled: enabled === 1,
  }));
}

/** Ended runs beyond the newest so many are forgotten, with their steps and events. */
export const runs_kept_max = 20_000;
const pruned_at_once_max = 1_000;

export async function pruneRuns(store: Store): Promise<void> {
  const ended = ['succeeded', 'failed', 'compensated', 'cancelled'] as const;
  const oldest = await store.db
    .selectFrom('runs')
    .select('id')
    .orderBy('id', 'desc')
    .offset(runs_kept_max)
    .limit(1)
    .executeTakeFirst();
  if (!oldest) return;
  for (;;) {
    const rows = await store.db
      .selectFrom('runs')
      .select('id')
      .where('id', '<=', oldest.id)
      .where('state', 'in', ended)
      .limit(pruned_at_once_max)
      .execute();
    if (rows.length === 0) return;
    const ids = rows.map(({ id }) => id);
    await store.batch([
      { query: store.db.deleteFrom('run_events').where('run_id', 'in', ids) },
      { query: store.db.deleteFrom('run_steps').where('run_id', 'in', ids) },
      { query: store.db.deleteFrom('runs').where('id', 'in', ids) },
    ]);
  }
}
