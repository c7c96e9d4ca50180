/**
 * What a run does next as a whole: lets held steps begin, ends, turns to compensation, stops for a person. It takes no input but the
 * rows: whatever raised `attention` (a step's end, a cancellation, a lost worker) wakes this one path, and a crash in between loses nothing.
 *
 *   running ⇄ paused ──all steps done──▶ succeeded
 *      │         │
 *      └────┬────┘ a step failed for good, or cancel
 *           ▼
 *     compensating ──all undone──▶ compensated | failed (nothing was there to undo) | cancelled
 *           │  ▲
 *           ▼  │ retry
 *         stuck (an undo failed: a person must look)
 */
import type { Selectable } from 'kysely';
import { BatchConflict, type Statement, type Store } from '../store/store.ts';
import type { OrchestratorTables, RunState } from './orchestrator-tables.ts';
import { itemsOf, type Room, roomIn, skipItems } from './rollouts.ts';
import { insertRunEvents, raw } from './run-sql.ts';
import type { Rollout, Workflow } from './workflow.ts';

export type RunRow = Selectable<OrchestratorTables['runs']>;

export type AdvanceOptions = {
  store: Store;
  now(): number;
  workflows: ReadonlyMap<string, Workflow>;
  /** Statements that belong into the batch that ends a run. */
  onEnd(run: RunRow): Promise<readonly Statement[]> | readonly Statement[];
};

const looked_at_max = 500;

/** Looks at every run that asks for it. Returns those that changed. */
export async function advanceRuns(options: AdvanceOptions): Promise<RunRow[]> {
  const { store } = options;
  const rows = await store.db
    .selectFrom('runs')
    .selectAll()
    .where('attention', '>', 0)
    .where('definition', 'in', [...options.workflows.keys()])
    .orderBy('id')
    .limit(looked_at_max)
    .execute();
  if (rows.length === 0) return [];
  const done = rows.filter((run) => run.steps_left === 0 && (run.state === 'running' || run.state === 'paused'));
  const changed: RunRow[] = [];
  if (done.length > 0) {
    try {
      await end(options, done, 'succeeded');
      changed.push(...done);
    } catch (error) {
      if (!(error instanceof BatchConflict)) throw error;
      for (const run of done) if (await unlessMoved(end(options, [run], 'succeeded'))) changed.push(run);
    }
  }
  for (const run of rows) {
    if (done.includes(run)) continue;
    if (await unlessMoved(advance(options, run))) changed.push(run);
  }
  return changed;
}

/** False when the run was changed by another at the same moment: it still asks to be looked at. */
async function unlessMoved(work: Promise<void>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    if (error instanceof BatchConflict) return false;
    throw error;
  }
}

/** Changes runs that are still as they were read. */
function updateRuns(runs: readonly RunRow[], set: string, parameters: readonly unknown[], now: number): Statement {
  return {
    query: raw(
      `update runs set ${set}, rev = runs.rev + 1, changed_at = ?
       from (select value ->> 0 as id, value ->> 1 as rev, value ->> 2 as attention from json_each(?)) j
       where runs.id = j.id and runs.rev = j.rev and runs.attention = j.attention`,
      [...parameters, now, JSON.stringify(runs.map(({ id, rev, attention }) => [id, rev, attention]))],
    ),
    rows: runs.length,
  };
}

type EndState = Extract<RunState, 'succeeded' | 'failed' | 'compensated' | 'cancelled'>;

async function end(options: AdvanceOptions, runs: readonly RunRow[], state: EndState): Promise<void> {
  const now = options.now();
  const statements = [
    updateRuns(runs, 'state = ?, attention = 0, finished_at = ?', [state, now], now),
    insertRunEvents(runs.map(({ id }) => ({ run_id: id, step: null, at: now, kind: `run.${state}`, message: '' }))),
  ];
  for (const run of runs) statements.push(...(await options.onEnd({ ...run, state, finished_at: now })));
  await options.store.batch(statements);
}

async function advance(options: AdvanceOptions, run: RunRow): Promise<void> {
  const { store } = options;
  const now = options.now();
  const seen = (...more: Statement[]) => store.batch([updateRuns([run], 'attention = 0', [], now), ...more]);
  if (run.state === 'compensating') return compensate(options, run);
  if (run.state !== 'running' && run.state !== 'paused') return seen();

  const failed = await store.db
    .selectFrom('run_steps')
    .select(['key', 'parent', 'error'])
    .where('run_id', '=', run.id)
    .where('state', '=', 'failed')
    .orderBy('id')
    .execute();
  const own = failed.find(({ parent }) => parent === null);
  if (own) return store.batch(turnBack(run, { step: own.key, error: own.error }, now));
  if (failed.length > 0 || run.limited) return admit(options, run, failed);
  return seen();
}

/** From here on the run goes back. */
function turnBack(run: RunRow, cause: { step: string; error: string | null }, now: number): Statement[] {
  const message = `Step ${cause.step} failed for good.`;
  return [
    updateRuns([run], `state = 'compensating', ending = 'failed', error = ?, attention = 1`, [cause.error], now),
    ...skipRest(run.id, now),
    insertRunEvents([{ run_id: run.id, step: cause.step, at: now, kind: 'run.compensating', message }]),
  ];
}

/** What has not begun never does, and what waits in between does not go on. */
export function skipRest(run_id: string, now: number): Statement[] {
  return [
    {
      query: raw(
        `update run_steps set state = iif(state in ('parked', 'expanded'), 'cancelled', 'skipped'), changed_at = ?, finished_at = ?
         where run_id = ? and phase = 'do' and state in ('waiting', 'held', 'ready', 'parked', 'expanded')`,
        [now, now, run_id],
      ),
    },
  ];
}

/** One undo at a time, the last step that ended first, and none while a step is still under way. */
async function compensate(options: AdvanceOptions, run: RunRow): Promise<void> {
  const { store } = options;
  const now = options.now();
  const live = await store.db
    .selectFrom('run_steps')
    .select(['key', 'state', 'error', 'phase'])
    .where('run_id', '=', run.id)
    .where('state', 'in', ['running', 'ready', 'parked', 'failed'])
    .where((e) => e.or([e('state', '!=', 'failed'), e('phase', '=', 'undo')]))
    .execute();
  const broken = live.find((step) => step.state === 'failed');
  if (broken) {
    const message = `The undo of ${broken.key} failed for good: look at why, then retry or cancel the run.`;
    return store.batch([
      updateRuns([run], `state = 'stuck', attention = 0`, [], now),
      insertRunEvents([{ run_id: run.id, step: broken.key, at: now, kind: 'run.stuck', message }]),
    ]);
  }
  if (live.length > 0) return store.batch([updateRuns([run], 'attention = 0', [], now)]);
  const next = await store.db
    .selectFrom('run_steps')
    .select(['id', 'key'])
    .where('run_id', '=', run.id)
    .where('has_undo', '=', 1)
    .where('phase', '=', 'do')
    .where('state', '=', 'succeeded')
    .orderBy('completed_seq', 'desc')
    .limit(1)
    .executeTakeFirst();
  if (next) {
    return store.batch([
      updateRuns([run], 'attention = 0', [], now),
      {
        query: raw(
          `update run_steps set phase = 'undo', state = 'ready', failures = 0, losses = 0, error = null, available_at = ?, changed_at = ?
           where id = ? and phase = 'do' and state = 'succeeded'`,
          [now, now, next.id],
        ),
        rows: 1,
      },
    ]);
  }
  if (run.ending === 'cancelled') return end(options, [run], 'cancelled');
  const undone = await store.db
    .selectFrom('run_steps')
    .select('id')
    .where('run_id', '=', run.id)
    .where('phase', '=', 'undo')
    .limit(1)
    .executeTakeFirst();
  return end(options, [run], undone ? 'compensated' : 'failed');
}

/** Lets held steps begin, as far as the bounds of the run and the rules of its fan-outs allow, and ends fan-outs that failed. */
async function admit(
  options: AdvanceOptions,
  run: RunRow,
  failed: readonly { parent: string | null; error: string | null }[],
): Promise<void> {
  const { store } = options;
  const now = options.now();
  const steps = store.db.selectFrom('run_steps').where('run_id', '=', run.id);
  const fans = await steps.select(['id', 'key', 'step']).where('state', '=', 'expanded').orderBy('id').execute();
  const statements: Statement[] = [];
  let budget = Number.POSITIVE_INFINITY;
  if (run.parallelism !== null) {
    const { n } = await steps
      .select((e) => e.fn.countAll<number>().as('n'))
      .where('state', 'in', ['ready', 'running'])
      .executeTakeFirstOrThrow();
    budget = run.parallelism - n;
  }
  const admitted: number[] = [];
  const take = async (parent: string | null, { most, before }: Room) => {
    const limit = Math.min(most, budget, admitted_at_once_max);
    if (limit <= 0 || run.state !== 'running') return;
    const rows = await steps
      .select('id')
      .where('state', '=', 'held')
      .where('parent', parent === null ? 'is' : '=', parent)
      .where('id', '<', before)
      .orderBy('priority', 'desc')
      .orderBy('id')
      .limit(limit)
      .execute();
    admitted.push(...rows.map(({ id }) => id));
    budget -= rows.length;
  };
  await take(null, { most: admitted_at_once_max, before: Number.MAX_SAFE_INTEGER });
  let ended = false;
  for (const fan of fans) {
    const rules: Rollout = options.workflows.get(run.definition)?.steps[fan.step]?.each ?? {};
    const items = await itemsOf(store, run.id, fan.key);
    const stopped = items.failed > 0 && (rules.stop_on_failure ?? true);
    const spent = items.failed >= (rules.max_unavailable ?? Number.POSITIVE_INFINITY);
    const resting = items.busy === 0 && (stopped || (items.ready === 0 && (spent || items.held === 0)));
    if (items.failed > 0 && resting) {
      ended = true;
      const error = failed.find(({ parent }) => parent === fan.key)?.error ?? null;
      statements.push({
        query: raw(
          `update run_steps set state = 'failed', error = ?, finished_at = ?, changed_at = ? where id = ? and state = 'expanded'`,
          [error, now, now, fan.id],
        ),
        rows: 1,
      });
    }
    if (stopped) statements.push(skipItems(run.id, fan.key, now));
    else await take(fan.key, roomIn(rules, items));
  }
  if (admitted.length > 0) {
    statements.push({
      query: raw(
        `update run_steps set state = 'ready', available_at = ?, changed_at = ?
         where id in (select value from json_each(?)) and state = 'held'`,
        [now, now, JSON.stringify(admitted)],
      ),
    });
  }
  // A fan-out that failed is what the next look finds.
  await store.batch([updateRuns([run], 'attention = ?', [ended ? 1 : 0], now), ...statements]);
}

const admitted_at_once_max = 10_000;
