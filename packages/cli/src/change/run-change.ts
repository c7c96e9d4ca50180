/**
 * Carrying out a change from the command line: plan first where it destroys or a plan is asked for, ask a person where
 * there is one, call, follow to the end, and tell how it ended by words and exit code.
 */
import { AppError } from '@mainstay/contract/errors';
import type { OperationState, OperationView } from '@mainstay/contract/operation';
import { type OperationId, operations } from '@mainstay/contract/operations/index';
import type { EventView } from '@mainstay/contract/operations/watch';
import type { Command } from 'commander';
import type { Cli, CommonOptions } from '../cli.ts';
import type { Connection } from '../connection.ts';
import { exitCodes } from '../exit-codes.ts';
import { safeText } from '../terminal/text.ts';
import { confirmOperation, waitsForConfirmation } from './confirm.ts';
import { showFailure } from './failure.ts';
import { followOperation } from './follow.ts';
import { planLines } from './plan-view.ts';
import { createProgress, quietProgress } from './progress.ts';
import { waitingLines } from './waiting-view.ts';

export type ChangeOptions = CommonOptions & { wait?: boolean; timeout?: string; yes?: boolean };
export type ChangeOutput = { operation: OperationView; result: unknown };

const timeout_seconds_default = 3_600;

/** Options of commands that change something, beside the fields of the operation. */
export function changeOptions(command: Command): Command {
  return command
    .option('--yes', 'do not ask; what policy wants confirmed is confirmed')
    .option('--no-wait', 'do not wait for the end')
    .option('--timeout <seconds>', 'wait no longer than this; the operation goes on', String(timeout_seconds_default));
}

/** Calls an operation that changes something and follows it. Gives the exit code. */
export async function runChange(
  cli: Cli,
  connection: Connection,
  id: OperationId,
  input: Record<string, unknown>,
  options: ChangeOptions,
  showResult: (output: ChangeOutput) => void = () => {},
): Promise<number> {
  const confirmed =
    operations[id].effect === 'destroy'
      ? await confirmPlan(cli, connection, id, input, options)
      : { input, said_yes: options.yes === true };
  if (confirmed === null) return exitCodes.failed;
  const output = await carryOut(cli, connection, id, confirmed.input, { ...options, yes: confirmed.said_yes });
  if (output === null) return exitCodes.interrupted;
  if (options.json) cli.printJson(output);
  else showOutcome(cli, output, showResult);
  return exitCodeOf(output.operation);
}

/** Calls and follows; null when a person stopped watching. Failures are shown here, the result is not. */
export async function carryOut(
  cli: Cli,
  connection: Connection,
  id: OperationId,
  input: Record<string, unknown>,
  options: ChangeOptions,
): Promise<ChangeOutput | null> {
  const timeout_ms = timeoutOf(options);
  const output = (await connection.callRaw(id, input)) as ChangeOutput;
  let { operation } = output;
  if (waitsForConfirmation(operation)) {
    // Who said yes to the plan, on the terminal or by --yes, has confirmed it; who says no takes it back.
    const says_yes = options.yes || (await agrees(cli, operation, options));
    if (says_yes) operation = await confirmOperation(cli, connection, operation, options);
    else if (says_yes === false) {
      operation = (await connection.call('operations.cancel', { id: operation.id! })).operation;
    }
  }
  const events: EventView[] = [];
  if (options.wait !== false && operation.id !== null && isUnderWay(operation)) {
    const followed = await watch(cli, connection, operation.id, timeout_ms, options, events);
    if (followed === null) return null;
    operation = followed;
  }
  if (!options.json && exitCodeOf(operation) === exitCodes.failed) {
    await showFailure(operation, events, connection, cli.terminal);
  }
  // The answer to the request came before there was a result.
  const isLate = output.operation.state === 'waiting' && operation.state === 'succeeded';
  return isLate ? connection.call('operations.collect', { id: operation.id! }) : { ...output, operation };
}

/** Follows an operation with progress on stderr; null when a person stopped watching. */
export async function watch(
  cli: Cli,
  connection: Connection,
  id: string,
  timeout_ms: number,
  options: CommonOptions,
  events: EventView[],
): Promise<OperationView | null> {
  const interrupt = new AbortController();
  const release = cli.terminal.onInterrupt(() => interrupt.abort());
  const progress = options.json ? quietProgress : createProgress(cli.terminal);
  let waits_for = '';
  try {
    return await followOperation(connection, id, {
      signal: interrupt.signal,
      timeout_ms,
      onEvent(event) {
        events.push(event);
        progress.event(event);
      },
      onState(operation) {
        progress.state(operation);
        const text = operation.state === 'waiting' ? waitingLines(operation, cli.terminal.err.paint).join('\n') : '';
        if (text !== '' && text !== waits_for) progress.line(text);
        waits_for = text;
      },
      onTrouble: (error) => progress.line(`  ${safeText(error.message)} Trying again.`),
    });
  } catch (error) {
    if (!interrupt.signal.aborted) throw error;
    progress.end();
    cli.note(`Stopped watching. The operation goes on; follow it with: mainstay operations follow ${id}`);
    return null;
  } finally {
    progress.end();
    release();
  }
}

export function timeoutOf(options: ChangeOptions): number {
  const seconds = Number(options.timeout ?? timeout_seconds_default);
  if (seconds >= 1 && seconds <= 86_400) return seconds * 1000;
  throw new AppError('InvalidInput', '"timeout" must be a number of seconds from 1 to 86400.', { field: 'timeout' });
}

const badStates: readonly OperationState[] = ['failed', 'denied', 'rejected', 'expired', 'compensated', 'cancelled'];

export function exitCodeOf({ state }: OperationView): number {
  if (state === 'waiting') return exitCodes.waiting;
  return badStates.includes(state) ? exitCodes.failed : exitCodes.ok;
}

export function isUnderWay({ state }: OperationView): boolean {
  return state === 'proposed' || state === 'approved' || state === 'running';
}

/** Asks who was not asked before, because only policy knew that it would have to be confirmed. Null where nobody can be asked. */
async function agrees(cli: Cli, operation: OperationView, options: ChangeOptions): Promise<boolean | null> {
  if (options.json || !cli.terminal.isInteractive) return null;
  showPlan(cli, operation);
  return askYes(cli, `Policy ${safeText(operation.requirement?.policy ?? '')} wants this confirmed. Confirm?`);
}

/** Shows a plan as what is asked about. */
export function showPlan(cli: Cli, { plan }: OperationView): void {
  const { paint, columns } = cli.terminal.err;
  for (const line of planLines(plan, { paint, width: columns })) cli.note(line);
}

export function showOutcome(
  cli: Cli,
  output: ChangeOutput,
  showResult: (output: ChangeOutput) => void = () => {},
): void {
  const { operation } = output;
  const { out } = cli.terminal;
  if (operation.state === 'planned') {
    for (const line of planLines(operation.plan, { paint: out.paint, width: out.columns })) cli.print(line);
    return;
  }
  if (operation.state === 'waiting') {
    for (const line of waitingLines(operation, out.paint)) cli.print(line);
    return;
  }
  if (exitCodeOf(operation) !== exitCodes.ok) return;
  const summary = safeText(operation.plan.summary);
  if (isUnderWay(operation)) {
    cli.print(`${out.paint('cyan', '…')} ${summary}: under way (${operation.id})`);
    return;
  }
  const message = operation.message === null ? '' : ` ${safeText(operation.message)}`;
  cli.print(`${out.paint('green', '✓')} ${summary}${message}`);
  showResult(output);
}

/** Shows what would be destroyed and asks; gives the input bound to that plan, or null when the answer is no. */
async function confirmPlan(
  cli: Cli,
  connection: Connection,
  id: OperationId,
  input: Record<string, unknown>,
  options: ChangeOptions,
): Promise<{ input: Record<string, unknown>; said_yes: boolean } | null> {
  const said_yes = options.yes === true;
  if (said_yes || options.json || input['dry_run'] === true || !cli.terminal.isInteractive) return { input, said_yes };
  const { idempotency_key: _, ...asked } = input;
  const { operation } = (await connection.callRaw(id, { ...asked, dry_run: true })) as ChangeOutput;
  showPlan(cli, operation);
  if (!(await askYes(cli, 'Go on?'))) return null;
  return { input: { ...input, plan_hash: operation.plan.hash }, said_yes: true };
}

export async function askYes(cli: Cli, question: string): Promise<boolean> {
  const isYes = /^y(es)?$/i.test((await cli.terminal.ask(`${question} [y/N] `)).trim());
  if (!isYes) cli.note('Nothing was done.');
  return isYes;
}
