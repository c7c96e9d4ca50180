/**
 * A workflow is a directed acyclic graph of steps in code. What a step gives back is kept as JSON, and the steps that need it see
 * it with its type. A graph that cannot end is refused when it is defined.
 *
 * A step is tried at least once and takes effect exactly once: an effect in our own store goes through `ctx.commit`, which writes
 * it together with the step's end; an effect elsewhere carries `ctx.step_key`, which is the same however often it is tried.
 *
 *   const release = workflow({ name: 'release', version: 1, input: z.object({ ref: z.string() }) })
 *     .step('build', { run: async ({ input }) => ({ image: await build(input.ref) }), undo: … })
 *     .step('roll_out', { needs: ['build'], each: { list: …, batch_size: 2 }, run: ({ outputs, item }) => … outputs.build.image … })
 *     .done();
 */

import type { Actor } from '@mainstay/contract/operation';
import type * as z from 'zod';
import type { Statement } from '../store/store.ts';
import { checkSteps } from './dag.ts';
import type { RetryRules } from './retry.ts';

/** What a step gives to `return` when it waits instead of ending. */
export type Parked = { readonly parked: Park };
/** What a step gives to `return` when its end is written already. */
export type Committed<T> = { readonly committed: true; readonly output: T };

export type Park = {
  /** The step runs again at the first signal on this topic … */
  topic?: string;
  /** … or at this time, UTC milliseconds; at the latest `park_ms_max` from now, as signals may be lost. */
  until_ms?: number;
};

export type StepContext<Input = unknown, Outputs = Record<string, unknown>, Item = unknown> = {
  run_id: string;
  /** The same over all attempts, another for every step and for its undo: the idempotency key for effects elsewhere. */
  step_key: string;
  /** 1 at the first try. Being woken and being taken over count too. */
  attempt: number;
  input: Input;
  /** What the steps that this one needs gave; of a fan-out, a list in the order of its items. */
  outputs: Outputs;
  /** Of a fan-out, the item that this step is for. */
  item: Item;
  operation_id: string | null;
  actor: Actor | null;
  labels: Readonly<Record<string, string>>;
  /** Aborted when the step is cancelled, has taken too long, or this process ends. */
  signal: AbortSignal;
  /** UTC milliseconds. */
  now(): number;
  /** Adds a line to the step's log; past a bound they are dropped. No secrets. */
  log(message: string): void;
  /** Waits without a worker: `return ctx.park({ topic })`. The step begins anew when it is woken. */
  park(park: Park): Parked;
  /**
   * Writes an effect and the step's end as one batch: `return ctx.commit(statements, output)`. Neither is written when the step was
   * meanwhile cancelled, timed out or taken over. @throws AppError Conflict when a statement touched another number of rows.
   */
  commit<T>(statements: readonly Statement[], output: T): Promise<Committed<T>>;
};

/** The context of an undo: also what the step gave. */
export type UndoContext<
  Input = unknown,
  Outputs = Record<string, unknown>,
  Item = unknown,
  Output = unknown,
> = StepContext<Input, Outputs, Item> & { output: Output };

/** How a fan-out proceeds. Without any of these, all items at once. */
export type Rollout = {
  /** So many items at a time; the next batch begins when all of the one before have ended. */
  batch_size?: number;
  /** So many items at most may be under way or have failed at any moment. */
  max_unavailable?: number;
  /** After a failure nothing more begins (the default); otherwise the rest is tried all the same. The step fails either way. */
  stop_on_failure?: boolean;
};

export type StepOptions = {
  retry?: RetryRules;
  /** Of one attempt; 300 by default, 86,400 at most. */
  timeout_seconds?: number;
  /** Higher ones are claimed first; that of the run by default. −100 to 100. */
  priority?: number;
};

/** A step as the engine sees it. */
export type Step = StepOptions & {
  needs?: readonly string[];
  each?: Rollout & { list: (context: StepContext) => unknown; key?: (item: never) => string };
  run: (context: StepContext) => unknown;
  undo?: (context: UndoContext) => unknown;
};

export type Workflow<I extends z.ZodType = z.ZodType> = {
  name: string;
  /** Runs go on with the version that they began with: raise it when steps change, and keep the old one while it has runs. */
  version: number;
  input: I;
  steps: Readonly<Record<string, Step>>;
  /** So many steps of one run at a time; null for no bound but that of the process. */
  parallelism: number | null;
};

type Head<I extends z.ZodType> = { name: string; version: number; input: I; parallelism?: number };

/** @throws Error that names the step at fault: an empty graph, an unknown need, a cycle, a bound that is not kept. */
export function defineWorkflow<I extends z.ZodType>(
  definition: Head<I> & { steps: Record<string, Step> },
): Workflow<I> {
  const { parallelism = null, ...rest } = definition;
  if (!/^[a-z][a-z0-9_.]{0,63}$/.test(rest.name))
    throw new Error(`workflow name "${rest.name}" is not like "deploy_stack"`);
  if (!Number.isInteger(rest.version) || rest.version < 1)
    throw new Error(`workflow ${rest.name}: version must be 1 or more`);
  if (parallelism !== null && !(Number.isInteger(parallelism) && parallelism >= 1))
    throw new Error(`workflow ${rest.name}: parallelism must be 1 or more`);
  checkSteps(rest.name, rest.steps);
  return { ...rest, parallelism };
}

type OutputOf<R> =
  Awaited<R> extends infer A ? (A extends Parked ? never : A extends Committed<infer T> ? T : A) : never;

type TypedStep<Input, Outputs, N extends keyof Outputs, R> = StepOptions & {
  needs?: readonly N[];
  run: (context: StepContext<Input, Pick<Outputs, N>, null>) => R;
  undo?: (context: UndoContext<Input, Pick<Outputs, N>, null, OutputOf<R>>) => unknown;
};

type TypedFanOut<Input, Outputs, N extends keyof Outputs, Item, R> = StepOptions & {
  needs?: readonly N[];
  each: Rollout & {
    /** The items, known when what this step needs has ended. */
    list: (context: StepContext<Input, Pick<Outputs, N>, null>) => readonly Item[] | Promise<readonly Item[]>;
    /** Names an item; unique among them. Its place in the list by default. */
    key?: (item: Item) => string;
  };
  run: (context: StepContext<Input, Pick<Outputs, N>, Item>) => R;
  undo?: (context: UndoContext<Input, Pick<Outputs, N>, Item, OutputOf<R>>) => unknown;
};

export type WorkflowBuilder<I extends z.ZodType, Outputs> = {
  /** Adds a step that may need those before it; what they give is in `outputs`, with its type. */
  step<K extends string, R, const N extends keyof Outputs = never>(
    key: K,
    step: TypedStep<z.output<I>, Outputs, N, R>,
  ): WorkflowBuilder<I, Outputs & { [P in K]: OutputOf<R> }>;
  /** Adds a step that is done for each item of a list that is known at run time. */
  fanOut<K extends string, Item, R, const N extends keyof Outputs = never>(
    key: K,
    step: TypedFanOut<z.output<I>, Outputs, N, Item, R>,
  ): WorkflowBuilder<I, Outputs & { [P in K]: OutputOf<R>[] }>;
  done(): Workflow<I>;
};

/** Defines a workflow step by step, so that types flow from each to those that need it. */
// biome-ignore lint/complexity/noBannedTypes: no step yet, so no output
export function workflow<I extends z.ZodType>(head: Head<I>): WorkflowBuilder<I, {}> {
  const steps: Record<string, Step> = {};
  const add = (key: string, step: object) => {
    if (key in steps) throw new Error(`workflow ${head.name}: step "${key}" is defined twice`);
    steps[key] = step as Step;
    return builder;
  };
  const builder = { step: add, fanOut: add, done: () => defineWorkflow({ ...head, steps }) };
  return builder as unknown as ReturnType<typeof workflow<I>>;
}

export function workflowKey({ name, version }: { name: string; version: number }): string {
  return `${name}@${version}`;
}
