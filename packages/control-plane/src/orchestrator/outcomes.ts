/**
 * Writing what steps gave. Those that went well go many to a batch; each other one by itself. An attempt that is no longer ours (timed
 * out, cancelled, taken over) fails its fence and is dropped. What cannot be written now is kept and written later.
 */
import { AppError } from '@mainstay/contract/errors';
import type { Clock } from '@mainstay/runtime';
import { BatchConflict, isUniqueViolation, type Statement, type Store } from '../store/store.ts';
import type { Attempt, Claim, Outcome, RunFacts } from './attempt.ts';
import { retryDelay } from './retry.ts';
import {
  type Ended,
  endSteps,
  endUndo,
  expandStep,
  failStep,
  insertRunEvents,
  type NewEvent,
  type NewStep,
  parkStep,
  releaseStep,
} from './run-sql.ts';

/** A claimed step that this process has in hand. */
export type Work = {
  claim: Claim;
  facts: RunFacts;
  attempt: Attempt;
  /** UTC milliseconds at which it is given up. */
  deadline: number;
  /** Signals that had been seen when it began: one that comes later wakes it even if it parks after. */
  signals_seen: number;
  /** What comes of it counts no more: its commit wrote it, or it was given up. */
  over: boolean;
};

export type EndedStep = {
  run_id: string;
  step: string;
  phase: 'do' | 'undo';
  state: 'succeeded' | 'failed' | 'cancelled';
  attempt: number;
  operation_id: string | null;
  error: AppError | null;
  at: number;
};

export type Outcomes = {
  add(work: Work, outcome: Outcome): void;
  note(claim: Claim, kind: string, message: string): void;
  /** Writes what there is. True when steps ended. @throws when the store cannot be written: all is kept for the next time. */
  flush(): Promise<boolean>;
  /** Writes a step's end with its effect. @throws AppError Conflict. */
  commit(work: Work, statements: readonly Statement[], output: string | null): Promise<void>;
  /** How many are not written yet. */
  pending(): number;
};

export type OutcomesOptions = {
  store: Store;
  clock: Clock;
  owner: string;
  random: () => number;
  onStep: (step: EndedStep) => readonly Statement[];
  /** A run was written to. */
  onWritten(run_id: string): void;
  onParked(work: Work, topic: string | null, until_ms: number): void;
};

/** A parked step looks again at the latest after this: a signal may have been lost with the process that would have passed it on. */
export const park_ms_max = 60_000;
/** Waits while the store cannot be written. */
export const backoff_ms = { first: 100, most: 5_000 };
const events_max = 10_000;

type Kept = { work: Work; outcome: Outcome; at: number };

export function createOutcomes(options: OutcomesOptions): Outcomes {
  const { store, clock, owner } = options;
  let good: (Kept & { output: string | null })[] = [];
  let others: Kept[] = [];
  let events: NewEvent[] = [];

  return {
    add(work, outcome) {
      const kept = { work, outcome, at: clock.now() };
      if (outcome.kind === 'committed') return;
      if (outcome.kind === 'succeeded' && work.claim.phase === 'do') good.push({ ...kept, output: outcome.output });
      else others.push(kept);
    },
    note,
    pending: () => good.length + others.length,
    async flush() {
      const ended = good.length + others.length > 0;
      if (good.length > 0 || events.length > 0) await flushGood(good, events);
      while (others.length > 0) {
        const [{ work, outcome, at }] = others as [Kept];
        if (await unlessLost(() => store.batch(otherEnd(work, outcome, at)))) {
          if (outcome.kind === 'parked')
            options.onParked(work, outcome.park.topic ?? null, untilOf(outcome.park.until_ms, at));
        }
        others = others.slice(1);
        options.onWritten(work.claim.run_id);
      }
      return ended;
    },
    async commit(work, statements, output) {
      const { claim } = work;
      const lost = () =>
        new AppError('Conflict', `Step ${claim.key} is no longer in this worker's hands: its effect was not written.`);
      for (let wait_ms = backoff_ms.first; ; wait_ms = Math.min(wait_ms * 2, backoff_ms.most)) {
        if (work.over) throw lost();
        try {
          await store.batch([...goodEnd([{ work, output, at: clock.now() }]), ...statements]);
          work.over = true;
          options.onWritten(claim.run_id);
          return;
        } catch (error) {
          if (error instanceof BatchConflict || isUniqueViolation(error)) {
            if (!(await isHeld(claim))) throw lost();
            throw new AppError('Conflict', `The state is another than step ${claim.key} had found.`, { cause: error });
          }
          // A store that is full or locked for a while is waited for, as long as the step may take.
          if (!(error instanceof AppError && error.code === 'Unavailable')) throw error;
          await clock.sleep(wait_ms);
        }
      }
    },
  };

  function note(claim: Claim, kind: string, message: string): void {
    if (events.length < events_max)
      events.push({ run_id: claim.run_id, step: claim.key, at: clock.now(), kind, message });
  }

  async function flushGood(steps: typeof good, lines: NewEvent[]): Promise<void> {
    const told = lines.length > 0 ? [insertRunEvents(lines)] : [];
    try {
      await store.batch([...(steps.length > 0 ? goodEnd(steps) : []), ...told]);
    } catch (error) {
      if (!(error instanceof BatchConflict)) throw error;
      // One of them is no longer ours. Each by itself, the others are kept; one that is written twice fails its fence.
      for (const one of steps) await unlessLost(() => store.batch(goodEnd([one])));
      if (told.length > 0) await store.batch(told);
    }
    good = good.slice(steps.length);
    events = events.slice(lines.length);
    for (const { work } of steps) options.onWritten(work.claim.run_id);
    for (const { run_id } of lines) options.onWritten(run_id);
  }

  /** Statements that end steps which went well, without their effects. */
  function goodEnd(steps: readonly { work: Work; output: string | null; at: number }[]): Statement[] {
    const ended: Ended[] = steps.map(({ work: { claim, facts }, output, at }) => ({
      ...{ id: claim.id, run_id: claim.run_id, attempt: claim.attempt, key: claim.key, output, at },
      dependents: claim.parent === null ? (facts.dependents.get(claim.key) ?? []) : [claim.parent],
    }));
    return [...endSteps(owner, ended), ...steps.flatMap(({ work, at }) => audited(work, 'succeeded', null, at))];
  }

  function audited({ claim, facts }: Work, state: EndedStep['state'], error: AppError | null, at: number) {
    const { run_id, key, phase, attempt } = claim;
    return options.onStep({ run_id, step: key, phase, state, attempt, operation_id: facts.operation_id, error, at });
  }

  function otherEnd(work: Work, outcome: Outcome, at: number): Statement[] {
    const { claim, facts } = work;
    const hold = { id: claim.id, run_id: claim.run_id, attempt: claim.attempt, at };
    const told = (kind: string, message: string) =>
      insertRunEvents([{ run_id: claim.run_id, step: claim.key, at, kind, message }]);
    switch (outcome.kind) {
      case 'succeeded':
        return [...endUndo(owner, hold), ...audited(work, 'succeeded', null, at), told('step.undone', '')];
      case 'expanded':
        return expandStep(
          owner,
          { ...hold, definition: claim.definition },
          outcome.items.map((item) => itemStep(work, item)),
        );
      case 'parked':
        return parkStep(owner, hold, untilOf(outcome.park.until_ms, at), outcome.park.topic ?? null, null);
      case 'failed': {
        const { error } = outcome;
        const body = JSON.stringify(error.toBody());
        const step = facts.workflow.steps[claim.step];
        const delay = retryDelay(step?.retry, error.code, claim.failures + 1, options.random());
        if (delay !== null) {
          const message = `${error.message} It is tried again in ${Math.round(delay / 1000)} s.`;
          return [...parkStep(owner, hold, at + delay, null, { error: body }), told('step.retry', message)];
        }
        return [
          ...failStep(owner, hold, body, claim.parent !== null),
          ...audited(work, 'failed', error, at),
          told(claim.phase === 'undo' ? 'step.undo_failed' : 'step.failed', error.message),
        ];
      }
      case 'released':
        return releaseStep(owner, hold);
      case 'committed':
        return [];
    }
  }

  async function isHeld({ id, attempt }: Claim): Promise<boolean> {
    const row = await store.db
      .selectFrom('run_steps')
      .select('id')
      .where('id', '=', id)
      .where('attempt', '=', attempt)
      .where('state', '=', 'running')
      .where('lease_owner', '=', owner)
      .executeTakeFirst();
    return row !== undefined;
  }
}

function untilOf(until_ms: number | undefined, at: number): number {
  return Math.min(until_ms ?? Number.POSITIVE_INFINITY, at + park_ms_max);
}

function itemStep({ claim, facts }: Work, { key, item }: { key: string; item: string }): NewStep {
  const step = facts.workflow.steps[claim.step]!;
  const { batch_size, max_unavailable } = step.each!;
  const isHeld = batch_size !== undefined || max_unavailable !== undefined || facts.workflow.parallelism !== null;
  return {
    ...{ key, step: claim.step, parent: claim.key, item },
    needs: step.needs ?? [],
    state: isHeld ? 'held' : 'ready',
    has_undo: step.undo !== undefined,
    priority: claim.priority,
  };
}

/** False when the step is no longer ours: what it gave is dropped. */
async function unlessLost(write: () => Promise<void>): Promise<boolean> {
  try {
    await write();
    return true;
  } catch (error) {
    if (error instanceof BatchConflict) return false;
    throw error;
  }
}
