/**
 * The orchestrator: starts runs, and works on their steps. One loop in each process writes what steps gave, looks at runs that ask for
 * it, wakes what waits, claims what is ready, and sleeps until there is something again. The rows are the truth: a process that is
 * killed loses nothing but the attempts that it had in hand, and those are claimed by the next one.
 */
import type { Clock, Logger } from '@mainstay/runtime';
import type { Signals } from '../signals.ts';
import type { Statement, Store } from '../store/store.ts';
import type { RunRow } from './advance.ts';
import { createControls, type RunControls, wake_topic } from './controls.ts';
import type { EndedStep } from './outcomes.ts';
import { createStarter } from './starter.ts';
import { newRun, type StartOptions, startedEvents, startRuns } from './starting.ts';
import { createWorker, type Worker } from './worker.ts';
import { type Workflow, workflowKey } from './workflow.ts';

export type OrchestratorOptions = {
  store: Store;
  clock: Clock;
  signals: Signals;
  log: Logger;
  /** Every version that has runs; a run of another one waits until it is there. */
  workflows: readonly Workflow[];
  /** Steps at a time in this process; 50 by default. */
  concurrency?: number;
  /** What this worker is called in the rows; one of its own by default. No two that live may have the same. */
  owner?: string;
  /** Time without a renewal after which another worker takes over; 15,000 by default. */
  lease_ms?: number;
  /** Statements for the batch that ends a run: its operation's end, its audit entry. The row holds the state it ends in. */
  onEnd?: (run: RunRow) => Promise<readonly Statement[]> | readonly Statement[];
  /** Statements for the batch that ends a step. */
  onStep?: (step: EndedStep) => readonly Statement[];
  /** 0 to 1, for jitter. */
  random?: () => number;
};

export type Orchestrator = RunControls & {
  workflows: ReadonlyMap<string, Workflow>;
  /** Starts a run; of a run id that was started already, nothing happens. @throws AppError InvalidInput, Unavailable. */
  start(workflow: Workflow, input: unknown, options?: StartOptions): Promise<string>;
  /** The same as statements for another's batch. Call `wake` when it is written. */
  startStatements(
    workflow: Workflow,
    input: unknown,
    options?: StartOptions,
  ): { run_id: string; statements: Statement[] };
  /** Has the worker look for work now. */
  wake(): void;
  /** Begins to work. Until then runs can be started, and wait. */
  work(): void;
  /** Takes nothing new, aborts what is under way, and gives back what does not end within the time. */
  stop(within_ms?: number): Promise<void>;
};

const stop_within_ms = 5_000;

/** @throws Error when two workflows have the same name and version. */
export function createOrchestrator(options: OrchestratorOptions): Orchestrator {
  const { store, clock } = options;
  const workflows = new Map<string, Workflow>();
  for (const workflow of options.workflows) {
    const key = workflowKey(workflow);
    if (workflows.has(key)) throw new Error(`workflow ${key} is defined twice`);
    workflows.set(key, workflow);
  }
  let worker: Worker | null = null;
  const wake = () => worker?.wake();
  const starter = createStarter(store, clock, wake);
  const unlisten = options.signals.listen((topic) => topic === wake_topic && wake());
  return {
    workflows,
    ...createControls({ store, clock, signals: options.signals, wake }),
    start: async (workflow, input, start = {}) => starter.start(newRun(workflow, input, start, clock.now())),
    startStatements(workflow, input, start = {}) {
      const now = clock.now();
      const run = newRun(workflow, input, start, now);
      return { run_id: run.id, statements: [...startRuns([run], now), startedEvents([run], now)] };
    },
    wake,
    work() {
      worker ??= createWorker({ ...options, workflows });
    },
    async stop(within_ms = stop_within_ms) {
      unlisten();
      await worker?.stop(within_ms);
    },
  };
}
