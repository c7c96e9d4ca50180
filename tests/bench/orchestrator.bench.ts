/**
 * No-op steps a second, and the time from enqueueing to the start of a step, of the orchestrator on SQLite; beside it BullMQ on Redis and
 * pg-boss on PostgreSQL, each with as many no-op jobs and the same concurrency, on this machine in the same run. All keep their data as they
 * do by default: SQLite in WAL with NORMAL, Redis without a file, PostgreSQL with fsync.
 *
 * node tests/bench/orchestrator.bench.ts [10000]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createOrchestrator } from '@mainstay/control-plane/orchestrator/orchestrator';
import { defineWorkflow, type Step, type Workflow } from '@mainstay/control-plane/orchestrator/workflow';
import { createSignals } from '@mainstay/control-plane/signals';
import { openStore } from '@mainstay/control-plane/store/store';
import { silentLogger, systemClock } from '@mainstay/runtime';
import * as z from 'zod';
import { summary } from './installation.ts';
import { bullmq, pgBoss } from './peers/queues.ts';

const concurrency = 50;
const paced = { jobs: 500, apart_ms: 5 };

export type QueueRow = {
  name: string;
  /** Done per second, from the first enqueueing to the last end. Null where the peer is not there. */
  per_s: number | null;
  /** Milliseconds from enqueueing to the start, one job every few milliseconds. */
  p50_ms: number | null;
  p99_ms: number | null;
  note: string;
};

export type OrchestratorResult = { rows: QueueRow[]; dag: { critical_ms: number; took_ms: number } };

/** What a queue under measurement can do. `started` is called with the number of a job as its work begins. */
export type Queue = {
  enqueue(numbers: readonly number[]): Promise<void>;
  stop(): Promise<void>;
};
export type OpenQueue = (started: (number: number) => void, concurrency: number) => Promise<Queue>;

export async function benchOrchestrator(jobs = 10_000): Promise<OrchestratorResult> {
  const rows = [
    await timeSteps(jobs),
    await measure('Mainstay, a run each', jobs, ownRuns),
    await measure('BullMQ on Redis', jobs, bullmq),
    await measure('pg-boss on PostgreSQL', jobs, pgBoss),
  ];
  return { rows, dag: await timeDag() };
}

async function measure(name: string, jobs: number, open: OpenQueue): Promise<QueueRow> {
  const none = { per_s: null, p50_ms: null, p99_ms: null };
  let remaining = jobs;
  let done = Promise.withResolvers<void>();
  let starts: number[] = [];
  let queue: Queue;
  try {
    queue = await open((number) => {
      starts[number] = performance.now();
      if (--remaining === 0) done.resolve();
    }, concurrency);
  } catch (error) {
    return { name, ...none, note: `not measured: ${error instanceof Error ? error.message : String(error)}` };
  }
  try {
    const began = performance.now();
    await queue.enqueue(Array.from({ length: jobs }, (_, number) => number));
    await done.promise;
    const per_s = jobs / ((performance.now() - began) / 1000);
    done = Promise.withResolvers();
    remaining = paced.jobs;
    starts = [];
    const asked: number[] = [];
    for (let number = 0; number < paced.jobs; number++) {
      await new Promise((resolve) => setTimeout(resolve, paced.apart_ms));
      asked[number] = performance.now();
      await queue.enqueue([number]);
    }
    await done.promise;
    const { median, p99 } = summary(asked.map((at, number) => starts[number]! - at));
    return { name, per_s, p50_ms: median, p99_ms: p99, note: '' };
  } finally {
    await queue.stop();
  }
}

async function openRuns(workflows: readonly Workflow[]) {
  const folder = mkdtempSync(join(tmpdir(), 'mainstay-bench-runs-'));
  const store = await openStore(join(folder, 'mainstay.db'));
  const options = { store, clock: systemClock, signals: createSignals(), log: silentLogger(), workflows, concurrency };
  const orchestrator = createOrchestrator(options);
  orchestrator.work();
  return {
    orchestrator,
    async stop() {
      await orchestrator.stop();
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** One run of so many steps that need nothing. */
async function timeSteps(jobs: number): Promise<QueueRow> {
  const steps = Object.fromEntries(Array.from({ length: jobs }, (_, place) => [`s${place}`, { run: () => null }]));
  const wide = defineWorkflow({ name: 'wide', version: 1, input: z.null(), steps });
  const runs = await openRuns([wide]);
  try {
    const began = performance.now();
    const run = await runs.orchestrator.wait(await runs.orchestrator.start(wide, null), 120_000);
    const per_s = jobs / ((performance.now() - began) / 1000);
    return { name: 'Mainstay, steps of a run', per_s, p50_ms: null, p99_ms: null, note: run.state };
  } finally {
    await runs.stop();
  }
}

const ownRuns: OpenQueue = async (started) => {
  const run = ({ input }: { input: unknown }) => void started(input as number);
  const one = defineWorkflow({ name: 'one', version: 1, input: z.number(), steps: { only: { run } } });
  const runs = await openRuns([one]);
  return {
    enqueue: async (numbers) => void (await Promise.all(numbers.map((number) => runs.orchestrator.start(one, number)))),
    stop: runs.stop,
  };
};

/** 1,000 steps in 10 layers of 100, each step of a layer after two of the one before, each 20 ms long. */
async function timeDag(): Promise<OrchestratorResult['dag']> {
  const layers = 10;
  const width = 100;
  const step_ms = 20;
  const steps: Record<string, Step> = {};
  for (let layer = 0; layer < layers; layer++) {
    for (let place = 0; place < width; place++) {
      const before = [place, (place + 1) % width].map((other) => `l${layer - 1}s${other}`);
      const run = () => new Promise<null>((resolve) => setTimeout(() => resolve(null), step_ms));
      steps[`l${layer}s${place}`] = { needs: layer === 0 ? [] : before, run };
    }
  }
  const dag = defineWorkflow({ name: 'dag', version: 1, input: z.null(), steps });
  const runs = await openRuns([dag]);
  try {
    const began = performance.now();
    await runs.orchestrator.wait(await runs.orchestrator.start(dag, null), 60_000);
    // With fewer places than a layer has steps, a layer takes as many rounds as it needs.
    return { critical_ms: layers * step_ms * Math.ceil(width / concurrency), took_ms: performance.now() - began };
  } finally {
    await runs.stop();
  }
}

export function printOrchestrator({ rows, dag }: OrchestratorResult): void {
  console.log(`\nNo-op steps and jobs, concurrency ${concurrency} (goal: at least pg-boss, past BullMQ)`);
  console.log('  what                          per second   start p50   start p99');
  const cell = (value: number | null, text: (value: number) => string, width: number) =>
    (value === null ? '–' : text(value)).padStart(width);
  for (const { name, per_s, p50_ms, p99_ms, note } of rows) {
    const ms = (value: number) => `${value.toFixed(2)} ms`;
    console.log(
      `  ${name.padEnd(28)} ${cell(per_s, (value) => value.toFixed(0), 11)} ${cell(p50_ms, ms, 11)} ${cell(p99_ms, ms, 11)}   ${note}`,
    );
  }
  const times = (dag.took_ms / dag.critical_ms).toFixed(2);
  console.log(
    `  a graph of 1,000 steps of 20 ms ended in ${dag.took_ms.toFixed(0)} ms, ${times} × its critical path at this concurrency (goal ≤ 2 ×)`,
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  printOrchestrator(await benchOrchestrator(Number(process.argv[2] ?? 10_000)));
}
