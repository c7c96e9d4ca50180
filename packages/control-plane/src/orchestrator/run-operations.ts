/** What the operations on runs and schedules do. */
import type { Operation } from '@mainstay/contract/operation';
import { operations } from '@mainstay/contract/operations/index';
import type { Context } from '../context.ts';
import { cancelledTopics, cancelStatements, refuseLate, rollingRun, stopStatements } from '../operations/cancel.ts';
import { changes, type Handler, reads } from '../operations/handlers.ts';
import { findOperation } from '../operations/operation-store.ts';
import type { RunRow } from './advance.ts';
import { actionStatements, endedRunStates, findRun, type RunAction, wake_topic } from './controls.ts';
import { selectGraph, selectRunEvents, selectRuns, selectSchedules, selectTasks, viewOfRun } from './run-views.ts';

const effects: Record<RunAction, { verb: string; to: (run: RunRow) => RunRow['state']; note: string }> = {
  cancel: {
    verb: 'Cancel',
    to: (run) => (run.operation_id === null ? 'compensating' : 'cancelled'),
    note: 'nothing more begins, and what was done is undone',
  },
  pause: { verb: 'Pause', to: () => 'paused', note: 'what is under way ends' },
  resume: { verb: 'Resume', to: () => 'running', note: 'what was held may begin' },
  retry: {
    verb: 'Retry',
    to: (run) => (run.state === 'stuck' ? 'compensating' : 'running'),
    note: 'what failed is tried again',
  },
};

function changing(operation: Operation, action: RunAction): Handler {
  return changes(operation, async (context, input) => {
    const { id } = input as { id: string };
    const run = await findRun(context.store, id);
    // Refuses what cannot be done before anybody is asked to allow it.
    actionStatements(action, run, context.clock.now());
    // The run of a change is cancelled with its operation, or not at all: once that is carried out, its servers follow it.
    const own =
      action === 'cancel' && run.operation_id !== null && run.state !== 'stuck'
        ? await findOperation(context.store, run.operation_id)
        : null;
    const rolling = own && (await rollingRun(context, own));
    if (own && !rolling) refuseLate(own, `Run ${id}`);
    const { verb, to, note } = effects[action];
    return {
      summary: `${verb} run ${id} of ${run.workflow}`,
      target: `run/${id}`,
      base: 0,
      changes: [
        { action: 'update', path: 'state', from: run.state, to: to(run), note },
        ...(own ? [{ action: 'update' as const, path: 'operation.state', from: own.state, to: 'cancelled' }] : []),
      ],
      action: { kind: 'control_plane' },
      carryOut: async ({ now, actor }) => ({
        statements: rolling
          ? stopStatements(context, own!, run, { actor, message: `Stopped by ${actor.name}.`, reason: null }, now)
          : own
            ? await cancelStatements(context, own, { actor, message: `Cancelled by ${actor.name}.`, reason: null }, now)
            : actionStatements(action, run, now),
        signals: ['runs', `run:${id}`, wake_topic, ...(own ? cancelledTopics(own.id) : [])],
      }),
    };
  });
}

export const runHandlers: Handler[] = [
  reads(operations['runs.list'], (context, filter) => selectRuns(context.store, filter)),

  reads(operations['runs.get'], async (context, { id, limit, wait_seconds }, { signal }) => {
    const run = await lookUntil(context, id, wait_seconds, signal, (row) => isAtRest(row));
    const graph = await selectGraph(context.store, id, limit);
    return { run: viewOfRun(run), input: JSON.parse(run.input), ...graph };
  }),

  reads(operations['runs.events'], async (context, { wait_seconds, ...filter }, { signal }) => {
    let events: Awaited<ReturnType<typeof selectRunEvents>> = [];
    const run = await lookUntil(context, filter.id, wait_seconds, signal, async (row) => {
      events = await selectRunEvents(context.store, filter);
      return events.length > 0 || isAtRest(row);
    });
    const ended = endedRunStates.includes(run.state) && events.length < filter.limit;
    return { events, next: events.at(-1)?.cursor ?? filter.after, ended };
  }),

  reads(operations['runs.tasks'], (context, { limit }) => selectTasks(context.store, limit)),
  changing(operations['runs.cancel'], 'cancel'),
  changing(operations['runs.pause'], 'pause'),
  changing(operations['runs.resume'], 'resume'),
  changing(operations['runs.retry'], 'retry'),

  reads(operations['schedules.list'], async (context) => ({ schedules: await selectSchedules(context.store) })),
];

function isAtRest(run: RunRow): boolean {
  return endedRunStates.includes(run.state) || run.state === 'stuck';
}

/** Looks at the run at once and at each of its signals, until it is as wanted or the time is up. @throws AppError NotFound. */
async function lookUntil(
  { store, signals, clock }: Context,
  run_id: string,
  wait_seconds: number,
  signal: AbortSignal,
  isWanted: (run: RunRow) => boolean | Promise<boolean>,
): Promise<RunRow> {
  const until = clock.now() + wait_seconds * 1000;
  const over = new AbortController();
  const ended = AbortSignal.any([signal, over.signal]);
  try {
    for (;;) {
      // It listens before it looks, so that what comes meanwhile is not missed.
      const woken = signals.wait([`run:${run_id}`], until - clock.now(), ended);
      const run = await findRun(store, run_id);
      if ((await isWanted(run)) || !(await woken)) return run;
    }
  } finally {
    over.abort();
  }
}
