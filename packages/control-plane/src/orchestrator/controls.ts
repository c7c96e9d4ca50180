/** What people do to runs: cancel, pause, resume, retry; and waiting for their end. Each is statements, so that it may stand in a change's batch. */
import { AppError } from '@mainstay/contract/errors';
import type { Clock } from '@mainstay/runtime';
import type { Signals } from '../signals.ts';
import { batchOrConflict, type Statement, type Store } from '../store/store.ts';
import { type RunRow, skipRest } from './advance.ts';
import type { RunState } from './orchestrator-tables.ts';
import { insertRunEvents, raw } from './run-sql.ts';

export type RunAction = 'cancel' | 'pause' | 'resume' | 'retry';

export type RunControls = {
  /** @throws AppError NotFound. */
  get(run_id: string): Promise<RunRow>;
  /** Goes back what was done, and ends as cancelled. @throws AppError NotFound, Conflict where it cannot be cancelled any more. */
  cancel(run_id: string): Promise<void>;
  /** Lets nothing begin; what is under way ends. */
  pause(run_id: string): Promise<void>;
  resume(run_id: string): Promise<void>;
  /** Tries again the undo that failed of a stuck run, or the steps that failed of a failed one. */
  retry(run_id: string): Promise<void>;
  /** The run when it has ended or is stuck, or as it is when the time is up. */
  wait(run_id: string, ms: number, abort?: AbortSignal): Promise<RunRow>;
};

export const endedRunStates: readonly RunState[] = ['succeeded', 'failed', 'compensated', 'cancelled'];
const poll_ms = 1_000;

export async function findRun(store: Store, run_id: string): Promise<RunRow> {
  const run = await store.db.selectFrom('runs').selectAll().where('id', '=', run_id).executeTakeFirst();
  if (!run)
    throw new AppError('NotFound', `There is no run ${run_id}.`, {
      field: 'id',
      hint: 'List them: mainstay runs list',
    });
  return run;
}

export function createControls(options: {
  store: Store;
  clock: Clock;
  signals: Signals;
  wake: () => void;
}): RunControls {
  const { store, clock, signals, wake } = options;
  const act = async (action: RunAction, run_id: string) => {
    const run = await findRun(store, run_id);
    await batchOrConflict(
      store,
      actionStatements(action, run, clock.now()),
      `Run ${run_id} changed at the same moment.`,
    );
    signals.notify('runs', `run:${run_id}`);
    wake();
  };
  return {
    get: (run_id) => findRun(store, run_id),
    cancel: (run_id) => act('cancel', run_id),
    pause: (run_id) => act('pause', run_id),
    resume: (run_id) => act('resume', run_id),
    retry: (run_id) => act('retry', run_id),
    async wait(run_id, ms, abort) {
      const until = clock.now() + ms;
      const over = new AbortController();
      const ended = abort ? AbortSignal.any([abort, over.signal]) : over.signal;
      try {
        for (;;) {
          const left = until - clock.now();
          const signal = signals.wait([`run:${run_id}`], Math.min(left, poll_ms), ended);
          const run = await findRun(store, run_id);
          if (endedRunStates.includes(run.state) || run.state === 'stuck' || left <= 0 || ended.aborted) return run;
          if (signals.ended.aborted) return run;
          await signal;
        }
      } finally {
        over.abort();
      }
    },
  };
}

/** The statements of an action, for a change's own batch; signal `wake_topic` when it is written. @throws AppError Conflict. */
export function actionStatements(action: RunAction, run: RunRow, now: number): Statement[] {
  return actions[action](run, now);
}

/** Signals on this topic have the worker look for work. */
export const wake_topic = 'orchestrator';

const actions: Record<RunAction, (run: RunRow, now: number) => Statement[]> = {
  cancel(run, now) {
    if (run.state === 'stuck') {
      // What could not be undone stays as it is: a person has decided so.
      return [
        change(run, `state = 'compensating', ending = coalesce(ending, 'failed'), attention = attention + 1`, [], now),
        {
          query: raw(
            `update run_steps set state = 'cancelled', changed_at = ? where run_id = ? and phase = 'undo' and state = 'failed'`,
            [now, run.id],
          ),
        },
        note(run, 'run.given_up', 'The undo that failed is given up.', now),
      ];
    }
    if (run.state !== 'running' && run.state !== 'paused') throw refused('cancelled', run);
    return [
      change(run, `state = 'compensating', ending = 'cancelled', attention = attention + 1`, [], now),
      ...skipRest(run.id, now),
      note(run, 'run.compensating', 'It is cancelled.', now),
    ];
  },
  pause(run, now) {
    if (run.state !== 'running') throw refused('paused', run);
    return [
      change(run, `state = 'paused'`, [], now),
      {
        query: raw(`update run_steps set state = 'held', changed_at = ? where run_id = ? and state = 'ready'`, [
          now,
          run.id,
        ]),
      },
      note(run, 'run.paused', '', now),
    ];
  },
  resume(run, now) {
    if (run.state !== 'paused') throw refused('resumed', run);
    return [
      change(run, `state = 'running', attention = attention + 1`, [], now),
      ...(run.limited ? [] : [release(run, now)]),
      note(run, 'run.resumed', '', now),
    ];
  },
  retry(run, now) {
    if (run.state === 'stuck') {
      return [
        change(run, `state = 'compensating', attention = attention + 1`, [], now),
        {
          query: raw(
            `update run_steps set state = 'ready', failures = 0, losses = 0, available_at = ?, changed_at = ?
             where run_id = ? and phase = 'undo' and state = 'failed'`,
            [now, now, run.id],
          ),
        },
        note(run, 'run.retried', '', now),
      ];
    }
    if (run.state !== 'failed' || run.operation_id !== null) throw refused('retried', run);
    return [
      change(
        run,
        `state = 'running', ending = null, error = null, finished_at = null, attention = attention + 1`,
        [],
        now,
      ),
      {
        query: raw(
          `update run_steps set failures = 0, losses = 0, finished_at = null, available_at = ?, changed_at = ?,
             state = case when items is not null then 'expanded' when needs_left > 0 and parent is null then 'waiting' else 'held' end
           where run_id = ? and phase = 'do' and state in ('failed', 'skipped', 'cancelled')`,
          [now, now, run.id],
        ),
      },
      ...(run.limited ? [] : [release(run, now)]),
      note(run, 'run.retried', '', now),
    ];
  },
};

function change(run: RunRow, set: string, parameters: readonly unknown[], now: number): Statement {
  return {
    // What counts is the state that it was in: a busy run moves on between being read and this.
    query: raw(`update runs set ${set}, rev = rev + 1, changed_at = ? where id = ? and state = ?`, [
      ...parameters,
      ...[now, run.id, run.state],
    ]),
    rows: 1,
  };
}

function release(run: RunRow, now: number): Statement {
  return {
    query: raw(
      `update run_steps set state = 'ready', available_at = ?, changed_at = ? where run_id = ? and state = 'held'`,
      [...[now, now, run.id]],
    ),
  };
}

function note(run: RunRow, kind: string, message: string, at: number): Statement {
  return insertRunEvents([{ run_id: run.id, step: null, at, kind, message }]);
}

function refused(done: string, run: RunRow): AppError {
  const state = run.state === 'failed' && run.operation_id !== null ? 'failed, and its operation has ended' : run.state;
  return new AppError('Conflict', `Run ${run.id} cannot be ${done}: it is ${state}.`, {
    field: 'id',
    hint: 'Look at the run: mainstay runs get ID. What has ended is done anew by the change that started it.',
  });
}
