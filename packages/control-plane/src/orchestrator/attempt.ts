/**
 * One attempt at a step: what its function is given, and what came of it. An attempt that is over (timed out, lost, released) changes
 * nothing any more, whatever its function still does: all that it writes is fenced by owner and attempt.
 */
import { AppError } from '@mainstay/contract/errors';
import type { Actor } from '@mainstay/contract/operation';
import { stepError } from './retry.ts';
import type { Committed, Park, Parked, Step, StepContext, Workflow } from './workflow.ts';

/** A claimed row. */
export type Claim = {
  id: number;
  run_id: string;
  definition: string;
  key: string;
  step: string;
  parent: string | null;
  item: string | null;
  items: number | null;
  needs: string;
  phase: 'do' | 'undo';
  attempt: number;
  failures: number;
  losses: number;
  output: string | null;
  priority: number;
};

/** What is the same for all steps of a run. */
export type RunFacts = {
  workflow: Workflow;
  dependents: ReadonlyMap<string, string[]>;
  input: unknown;
  operation_id: string | null;
  actor: Actor | null;
  labels: Record<string, string>;
};

export type Outcome =
  | { kind: 'succeeded'; output: string | null }
  | { kind: 'expanded'; items: { key: string; item: string }[] }
  | { kind: 'parked'; park: Park }
  | { kind: 'failed'; error: AppError }
  | { kind: 'committed' }
  | { kind: 'released' };

export const output_bytes_max = 1024 * 1024;
export const items_max = 10_000;
const items_bytes_max = 4 * 1024 * 1024;
export const log_lines_max = 1_000;
const log_line_bytes_max = 4_096;

export type AttemptOptions = {
  claim: Claim;
  facts: RunFacts;
  outputs: Record<string, unknown>;
  now(): number;
  log(message: string): void;
  /** Writes statements with the end of the step; rejects when the attempt is over. */
  commit(statements: Parameters<StepContext['commit']>[0], output: string | null): Promise<void>;
};

export type Attempt = {
  /** Calls the step's function. Never rejects. */
  begin(): Promise<Outcome>;
  abort(reason: Error): void;
};

export function stepKey({ run_id, key, phase }: Pick<Claim, 'run_id' | 'key' | 'phase'>): string {
  return `${run_id}/${key}${phase === 'undo' ? '/undo' : ''}`;
}

export function createAttempt(options: AttemptOptions): Attempt {
  const { claim, facts } = options;
  const step = facts.workflow.steps[claim.step];
  let controller: AbortController | null = null;
  let reason: Error | null = null;
  let lines = 0;
  const context: StepContext & { output: unknown } = {
    run_id: claim.run_id,
    step_key: stepKey(claim),
    attempt: claim.attempt,
    input: facts.input,
    outputs: options.outputs,
    item: parsed(claim.item),
    output: claim.phase === 'undo' ? parsed(claim.output) : null,
    operation_id: facts.operation_id,
    actor: facts.actor,
    labels: facts.labels,
    // Made when it is asked for: most steps never look at it.
    get signal() {
      if (!controller) {
        controller = new AbortController();
        if (reason) controller.abort(reason);
      }
      return controller.signal;
    },
    now: options.now,
    log(message) {
      lines++;
      if (lines <= log_lines_max) options.log(message.slice(0, log_line_bytes_max));
      else if (lines === log_lines_max + 1) options.log('More lines are left out.');
    },
    park(park) {
      const given: Parked = { parked: park };
      marks.add(given);
      return given;
    },
    async commit<T>(statements: Parameters<StepContext['commit']>[0], output: T): Promise<Committed<T>> {
      if (claim.phase === 'undo') throw new AppError('Internal', 'An undo does not commit an output; it returns.');
      if (step?.each && claim.parent === null) throw new AppError('Internal', 'A list of items is returned.');
      await options.commit(statements, encoded(output));
      const given = { committed: true, output } as const;
      marks.add(given);
      return given;
    },
  };
  return {
    begin: () => outcomeOf(step, claim, context),
    abort(why) {
      reason ??= why;
      controller?.abort(why);
    },
  };
}

async function outcomeOf(
  step: Step | undefined,
  claim: Claim,
  context: StepContext & { output: unknown },
): Promise<Outcome> {
  try {
    if (!step) throw new AppError('Internal', `There is no step "${claim.step}" in ${claim.definition}.`);
    if (claim.phase === 'undo') {
      const given = await step.undo!(context);
      return isParked(given) ? { kind: 'parked', park: given.parked } : { kind: 'succeeded', output: null };
    }
    if (step.each && claim.parent === null) {
      // Its items have all ended: what they gave is read from them.
      if (claim.items !== null) return { kind: 'succeeded', output: null };
      const list = await step.each.list(context);
      return { kind: 'expanded', items: itemsFrom(list, claim.key, step.each.key) };
    }
    const given = await step.run(context);
    if (isParked(given)) return { kind: 'parked', park: given.parked };
    if (isCommitted(given)) return { kind: 'committed' };
    return { kind: 'succeeded', output: encoded(given) };
  } catch (error) {
    return { kind: 'failed', error: stepError(error) };
  }
}

function itemsFrom(list: unknown, key: string, keyOf?: (item: never) => string): { key: string; item: string }[] {
  if (!Array.isArray(list)) throw new AppError('Internal', `Step "${key}": what it is to be done for is no list.`);
  if (list.length > items_max)
    throw new AppError('TooLarge', `Step "${key}": ${list.length} items are more than ${items_max}.`);
  const seen = new Set<string>();
  let bytes = 0;
  return list.map((item, place) => {
    const name = keyOf ? keyOf(item as never) : String(place);
    if (!/^[A-Za-z0-9_.:@-]{1,128}$/.test(name) || seen.has(name))
      throw new AppError(
        'Internal',
        `Step "${key}": "${String(name).slice(0, 130)}" is no key of its own for an item.`,
      );
    seen.add(name);
    const text = JSON.stringify(item) ?? 'null';
    bytes += text.length;
    if (bytes > items_bytes_max) throw new AppError('TooLarge', `Step "${key}": its items are larger than 4 MB.`);
    return { key: `${key}/${name}`, item: text };
  });
}

/** JSON of an output. Nothing is null. @throws AppError TooLarge beyond 1 MB, Internal when it is not JSON. */
function encoded(output: unknown): string | null {
  if (output === undefined || output === null) return null;
  let text: string | undefined;
  try {
    text = JSON.stringify(output);
  } catch (cause) {
    throw new AppError('Internal', 'What the step gave is not JSON.', { cause });
  }
  if (text === undefined) throw new AppError('Internal', 'What the step gave is not JSON.');
  if (Buffer.byteLength(text) > output_bytes_max) {
    throw new AppError('TooLarge', 'What the step gave is larger than 1 MB.', {
      hint: 'Keep it elsewhere, and give its address.',
    });
  }
  return text;
}

export function parsed(text: string | null): unknown {
  return text === null ? null : JSON.parse(text);
}

/** What `park` and `commit` gave: an output of a step may have fields of any name. */
const marks = new WeakSet<object>();

function isParked(value: unknown): value is Parked {
  return typeof value === 'object' && value !== null && marks.has(value) && 'parked' in value;
}

function isCommitted(value: unknown): value is Committed<unknown> {
  return typeof value === 'object' && value !== null && marks.has(value) && 'committed' in value;
}
