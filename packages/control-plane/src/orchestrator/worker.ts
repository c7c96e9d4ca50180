/**
 * The loop of one process. Each round: write what steps gave (many in one batch), look at runs that ask for it, wake what is due, claim
 * what is ready. When a round does nothing it sleeps until a step ends, something is started, or a time comes.
 *
 * While the store cannot be written nothing is claimed, what steps gave is kept (as many as there are places), and the round is
 * repeated with a growing, bounded wait.
 */
import { AppError } from '@mainstay/contract/errors';
import { advanceRuns } from './advance.ts';
import { createAttempt, type Outcome } from './attempt.ts';
import { type Claimed, createClaimer } from './claims.ts';
import { timeout_seconds_default } from './dag.ts';
import type { OrchestratorOptions } from './orchestrator.ts';
import { backoff_ms, createOutcomes, type Work } from './outcomes.ts';
import { wakeDue, wakeTopics } from './run-sql.ts';
import { createTopics } from './topics.ts';
import { endLease, newOwner, renewLease, takeOver } from './workers.ts';
import type { Workflow } from './workflow.ts';

export type Worker = { wake(): void; stop(within_ms: number): Promise<void> };

const poll_ms = 1_000;
const lease_ms_default = 15_000;
/** A step whose run goes back has so long to end by itself. */
const grace_ms = 10_000;

export function createWorker(
  options: Omit<OrchestratorOptions, 'workflows'> & { workflows: ReadonlyMap<string, Workflow> },
): Worker {
  const { store, clock, signals, log, workflows, concurrency = 50, lease_ms = lease_ms_default } = options;
  const identity = newOwner();
  const owner = options.owner ?? identity.owner;
  const claimer = createClaimer(store, owner, workflows);
  const working = new Map<number, Work>();
  const changed = new Set<string>();
  const topics = createTopics(signals, wake);
  const outcomes = createOutcomes({
    ...{ store, clock, owner, random: options.random ?? Math.random, onStep: options.onStep ?? (() => []) },
    onWritten: (run_id) => void changed.add(run_id),
    onParked(work, topic, until_ms) {
      next_due = Math.min(next_due, until_ms);
      if (topic !== null) topics.parked(topic, work.signals_seen);
    },
  });
  let next_due = 0;
  let next_lease = 0;
  let stopping = false;
  let sleeper: AbortController | null = null;
  let asked = false;

  const loop = run();
  return {
    wake,
    async stop(within_ms) {
      stopping = true;
      topics.close();
      for (const { attempt } of working.values()) attempt.abort(new AppError('Unavailable', 'This process ends.'));
      // Real time: whoever stops a process waits for it.
      const timer = setTimeout(() => {
        for (const work of working.values()) settle(work, { kind: 'released' });
      }, within_ms);
      wake();
      await loop.finally(() => clearTimeout(timer));
    },
  };

  function wake(): void {
    asked = true;
    sleeper?.abort();
  }

  async function run(): Promise<void> {
    let wait_ms = 0;
    for (;;) {
      try {
        asked = false;
        const busy = await round();
        if (wait_ms > 0) log.info({ part: 'orchestrator' }, 'the store can be written again');
        wait_ms = 0;
        if (stopping && working.size === 0 && outcomes.pending() === 0) break;
        if (busy || asked) await new Promise<void>((resolve) => setImmediate(resolve));
        else await idle();
      } catch (error) {
        if (wait_ms === 0)
          log.error({ err: error, part: 'orchestrator' }, 'the orchestrator cannot write; it tries again');
        // What is not written at the end is done again by the next worker.
        if (stopping && wait_ms >= backoff_ms.most / 8) break;
        wait_ms = Math.min(backoff_ms.most, wait_ms === 0 ? backoff_ms.first : wait_ms * 2);
        await clock.sleep(wait_ms);
      }
    }
    await endLease(store, owner).catch(() => {});
  }

  /** True when something was done, and so more may be to do. */
  async function round(): Promise<boolean> {
    const now = clock.now();
    if (now >= next_lease) await keepLease(now);
    giveUpLate(now);
    let busy = await outcomes.flush();
    const moved = await advanceRuns({ store, workflows, now: clock.now, onEnd: options.onEnd ?? (() => []) });
    for (const { id } of moved) changed.add(id);
    if (moved.length > 0) busy = true;
    if (changed.size > 0 && working.size > 0) await abortTurnedBack();
    const woken = topics.takeWoken();
    if (woken.length > 0) await store.batch([wakeTopics(woken, now)]);
    if (now >= next_due) await wakeWhatIsDue(now);
    const room = concurrency - working.size;
    if (!stopping && room > 0) {
      const claimed = await claimer.claim(room, now);
      for (const one of claimed) begin(one);
      if (claimed.length > 0) busy = true;
    }
    if (changed.size > 0) {
      signals.notify('runs', ...[...changed].map((id) => `run:${id}`));
      changed.clear();
    }
    return busy;
  }

  async function idle(): Promise<void> {
    let until = Math.min(next_lease, next_due, clock.now() + poll_ms);
    for (const { deadline } of working.values()) until = Math.min(until, deadline);
    sleeper = new AbortController();
    await clock.sleep(Math.max(1, until - clock.now()), sleeper.signal);
    sleeper = null;
  }

  async function keepLease(now: number): Promise<void> {
    await renewLease(store, owner, identity.process, now + lease_ms);
    const taken = await takeOver(store, owner, now);
    if (taken > 0) log.warn({ part: 'orchestrator', steps: taken }, 'took over the steps of a worker that was lost');
    const rows = await store.db
      .selectFrom('run_steps')
      .select('wake_topic')
      .distinct()
      .where('state', '=', 'parked')
      .where('wake_topic', 'is not', null)
      .execute();
    const found = rows.map((row) => row.wake_topic!);
    // Signals of the time before this process are lost.
    for (const topic of found) topics.parked(topic, next_lease === 0 ? -1 : null);
    if (working.size > 0) await abortTurnedBack();
    next_lease = now + lease_ms / 3;
  }

  async function wakeWhatIsDue(now: number): Promise<void> {
    const { at } = await store.db
      .selectFrom('run_steps')
      .select((e) => e.fn.min('available_at').as('at'))
      .where('state', '=', 'parked')
      .executeTakeFirstOrThrow();
    if (at !== null && at <= now) await store.batch([wakeDue(now)]);
    // Others may park steps too, so it looks again before long.
    next_due = at !== null && at <= now ? now : Math.min(at ?? Number.POSITIVE_INFINITY, now + poll_ms);
  }

  function begin({ claim, facts, outputs }: Claimed): void {
    const work: Work = {
      ...{ claim, facts, deadline: clock.now() + limitOf(claim.step, facts.workflow) * 1000 },
      signals_seen: topics.seen(),
      over: false,
      attempt: createAttempt({
        ...{ claim, facts, outputs, now: clock.now },
        log: (message) => outcomes.note(claim, 'step.log', message),
        commit: (statements, output) => outcomes.commit(work, statements, output),
      }),
    };
    working.set(claim.id, work);
    void work.attempt.begin().then((outcome) => settle(work, outcome));
  }

  function settle(work: Work, outcome: Outcome): void {
    if (working.get(work.claim.id) === work) working.delete(work.claim.id);
    if (!work.over) outcomes.add(work, outcome);
    work.over = true;
    wake();
  }

  function giveUpLate(now: number): void {
    for (const work of working.values()) {
      if (now < work.deadline) continue;
      const error = new AppError(
        'Timeout',
        `The step did not end within ${limitOf(work.claim.step, work.facts.workflow)} s.`,
      );
      work.attempt.abort(error);
      settle(work, { kind: 'failed', error });
    }
  }

  /** Steps under way of runs that go back are told so, and given up when they do not end. */
  async function abortTurnedBack(): Promise<void> {
    const mine = new Set(
      [...working.values()].filter(({ claim }) => claim.phase === 'do').map(({ claim }) => claim.run_id),
    );
    if (mine.size === 0) return;
    const rows = await store.db
      .selectFrom('runs')
      .select('id')
      .where('state', '=', 'compensating')
      .where('id', 'in', [...mine])
      .execute();
    const back = new Set(rows.map(({ id }) => id));
    for (const work of working.values()) {
      if (!back.has(work.claim.run_id) || work.claim.phase !== 'do') continue;
      work.attempt.abort(new AppError('Unavailable', 'The run goes back.'));
      work.deadline = Math.min(work.deadline, clock.now() + grace_ms);
    }
  }
}

function limitOf(step: string, workflow: Workflow): number {
  return workflow.steps[step]?.timeout_seconds ?? timeout_seconds_default;
}
