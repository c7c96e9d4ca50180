/**
 * `mainstay ops approve|reject|confirm|cancel`: a person's word on an operation. It is said of the plan that was shown: its hash goes
 * along, and into what the key of this device signs. Where nobody can be asked, --yes or the hash says that it was looked at.
 */
import { AppError } from '@mainstay/contract/errors';
import type { OperationView } from '@mainstay/contract/operation';
import type { EventView } from '@mainstay/contract/operations/watch';
import type { Command } from 'commander';
import { signedWord } from '../change/confirm.ts';
import { showFailure } from '../change/failure.ts';
import {
  askYes,
  changeOptions,
  exitCodeOf,
  isUnderWay,
  showOutcome,
  showPlan,
  timeoutOf,
  watch,
} from '../change/run-change.ts';
import type { Cli } from '../cli.ts';
import { exitCodes } from '../exit-codes.ts';
import { operationDetails } from '../operation-views.ts';
import type { OwnCall, OwnCommand } from '../own-command.ts';
import { detailLines } from '../terminal/details.ts';
import { safeText } from '../terminal/text.ts';

type Says = 'approve' | 'reject' | 'confirm';
type Answer = { operation: OperationView };

const dryRun = (command: Command) => command.option('--dry-run', 'show the operation and say nothing');
const options = (command: Command) => changeOptions(dryRun(command));

export const approveCommand: OwnCommand = { options, run: (call) => say(call, 'approve') };
export const rejectCommand: OwnCommand = { options, run: (call) => say(call, 'reject') };
export const confirmCommand: OwnCommand = { options, run: (call) => say(call, 'confirm') };

export const cancelCommand: OwnCommand = {
  options: (command) => void dryRun(command),
  async run(call) {
    const { cli, connection, input, options } = call;
    if (options.dryRun) return show(call);
    const { operation } = (await connection.callRaw('operations.cancel', input)) as Answer;
    if (options.json) cli.printJson({ operation });
    else cli.print(`${cli.terminal.out.paint('green', '✓')} Cancelled: ${safeText(operation.plan.summary)}`);
    return exitCodes.ok;
  },
};

async function say(call: OwnCall, says: Says): Promise<number> {
  const { cli, connection, input, options } = call;
  if (options.dryRun) return show(call);
  if (says === 'reject' && input['reason'] === undefined) {
    throw new AppError('InvalidInput', '"reason" is missing: who proposed it has to know why.', {
      field: 'reason',
      hint: 'Give it: --reason "…"',
    });
  }
  const timeout_ms = timeoutOf(options);
  const { operation } = (await connection.callRaw('operations.get', { id: input['id'] })) as Answer;
  if (input['plan_hash'] === undefined && !options.yes && !(await agrees(call, operation, says))) {
    return exitCodes.failed;
  }
  const plan_hash = input['plan_hash'] ?? operation.plan.hash;
  // What is not signed here is refused there, with the reason: another plan, or nothing that waits.
  const isSignable = plan_hash === operation.plan.hash && operation.state === 'waiting';
  const isSigned = input['proof'] !== undefined || !isSignable;
  const proof = isSigned ? {} : await signedWord(cli, connection, says, operation, options);
  const answer = (await connection.callRaw(`operations.${says}`, { ...input, plan_hash, ...proof })) as Answer;
  let said = answer.operation;
  const events: EventView[] = [];
  if (options.wait !== false && said.id !== null && isUnderWay(said)) {
    const followed = await watch(cli, connection, said.id, timeout_ms, options, events);
    if (followed === null) return exitCodes.interrupted;
    said = followed;
  }
  if (options.json) cli.printJson({ operation: said });
  else if (said.state === 'rejected' && says === 'reject')
    cli.print(`${cli.terminal.out.paint('green', '✓')} Rejected: ${safeText(said.plan.summary)}`);
  else if (exitCodeOf(said) === exitCodes.failed) await showFailure(said, events, connection, cli.terminal);
  else {
    showOutcome(cli, { operation: said, result: null });
    if (says === 'confirm' && said.state === 'succeeded') await showResult(call, said);
  }
  return says === 'reject' && said.state === 'rejected' ? exitCodes.ok : exitCodeOf(said);
}

/** What the change gave back, to the one who proposed it. */
async function showResult({ cli, connection }: OwnCall, { id }: OperationView): Promise<void> {
  const { result } = await connection.call('operations.collect', { id: id! });
  if (result !== null) for (const line of detailLines(result, cli.terminal.out)) cli.print(line);
}

async function show({ cli, connection, input, options }: OwnCall): Promise<number> {
  const { operation } = (await connection.callRaw('operations.get', { id: input['id'] })) as Answer;
  if (options.json) cli.printJson({ operation });
  else showDetails(cli, operation);
  return exitCodes.ok;
}

function showDetails(cli: Cli, operation: OperationView): void {
  const { paint, columns } = cli.terminal.out;
  for (const line of operationDetails({ operation }, { paint, width: columns, now: cli.terminal.now() }))
    cli.print(line);
}

const questions = { approve: 'Approve this?', reject: 'Reject this?', confirm: 'Confirm this?' } as const;

async function agrees({ cli, options }: OwnCall, operation: OperationView, says: Says): Promise<boolean> {
  if (options.json || !cli.terminal.isInteractive) {
    throw new AppError('InvalidInput', 'Nobody can be asked here whether the plan was looked at.', {
      field: 'plan_hash',
      hint: 'Give --plan-hash with the hash of the plan that you looked at, or --yes.',
    });
  }
  showPlan(cli, operation);
  cli.note(`Proposed by ${safeText(operation.actor.name)}, as ${operation.operation}.`);
  return askYes(cli, questions[says]);
}
