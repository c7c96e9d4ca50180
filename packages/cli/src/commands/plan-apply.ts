/** `mainstay plan` and `mainstay apply`: what a stack file would change, and the change itself, bound to the plan shown. */
import { AppError } from '@mainstay/contract/errors';
import type { OperationView } from '@mainstay/contract/operation';
import { planLines } from '../change/plan-view.ts';
import {
  askYes,
  type ChangeOptions,
  type ChangeOutput,
  carryOut,
  changeOptions,
  exitCodeOf,
} from '../change/run-change.ts';
import { type Cli, commonOptions, type Registration } from '../cli.ts';
import type { Connection } from '../connection.ts';
import { exitCodes } from '../exit-codes.ts';
import type { LoadedStack } from '../stack-file/stack-file.ts';
import type { Output } from '../terminal/terminal.ts';
import { safeText } from '../terminal/text.ts';

type FileOptions = ChangeOptions & { file: string; check?: boolean; dryRun?: boolean };
type Planned = { loaded: LoadedStack; operation: OperationView };

const file_flags = ['-f, --file <path>', 'stack file; - reads it from a pipe', 'mainstay.yaml'] as const;

export const registerPlanAndApply: Registration = (program, cli) => {
  const plan = program
    .command('plan')
    .summary('Show what a stack file would change')
    .description('Shows what applying a stack file would change, and changes nothing.')
    .option(...file_flags)
    .option('--check', 'exit with 1 when something would change');
  commonOptions(plan).action(
    cli.action(async (options: FileOptions) => {
      const planned = await planFile(cli, cli.connect(options), options.file);
      if (options.json) cli.printJson({ stacks: planned.map(outputOf) });
      else showPlans(planned, cli.terminal.out);
      return options.check && planned.some(hasChanges) ? exitCodes.failed : exitCodes.ok;
    }),
  );

  const apply = program
    .command('apply')
    .summary('Make the stacks of a stack file as it says')
    .description(
      'Shows the plan, asks where there is somebody to ask, applies exactly that plan, and waits until every server runs it.',
    )
    .option(...file_flags)
    .option('--dry-run', 'show the plan and change nothing');
  changeOptions(commonOptions(apply)).action(
    cli.action(async (options: FileOptions) => applyFile(cli, cli.connect(options), options)),
  );
};

async function applyFile(cli: Cli, connection: Connection, options: FileOptions): Promise<number> {
  const planned = await planFile(cli, connection, options.file);
  const toApply = options.dryRun ? [] : planned.filter(hasChanges);
  if (toApply.length === 0) {
    if (options.json) cli.printJson({ stacks: planned.map(outputOf) });
    else showPlans(planned, cli.terminal.out);
    return exitCodes.ok;
  }
  if (!options.json) showPlans(planned, cli.terminal.err);
  const canAsk = cli.terminal.isInteractive && !options.json && !options.yes && options.file !== '-';
  if (canAsk && !(await askYes(cli, 'Apply?'))) return exitCodes.failed;
  const said = { ...options, yes: options.yes === true || canAsk };
  const outputs: unknown[] = planned.filter((plan) => !hasChanges(plan)).map(outputOf);
  let exit_code: number = exitCodes.ok;
  for (const { loaded, operation } of toApply) {
    const output = await locating(loaded, () =>
      carryOut(cli, connection, 'stacks.apply', { ...inputOf(loaded), plan_hash: operation.plan.hash }, said),
    );
    if (output === null) return exitCodes.interrupted;
    outputs.push(outputOf({ loaded, ...output }));
    exit_code = Math.max(exit_code, exitCodeOf(output.operation));
    if (!options.json && exitCodeOf(output.operation) === exitCodes.ok) showEnd(cli, output);
  }
  if (options.json) cli.printJson({ stacks: outputs });
  return exit_code;
}

/** Plans every stack of a file before anything of it is applied. */
async function planFile(cli: Cli, connection: Connection, file: string): Promise<Planned[]> {
  const { loadStackFile } = await import('../stack-file/stack-file.ts');
  const planned: Planned[] = [];
  for (const loaded of await loadStackFile(file, cli.terminal)) {
    const output = await locating(loaded, () =>
      connection.callRaw('stacks.apply', { ...inputOf(loaded), dry_run: true }),
    );
    planned.push({ loaded, operation: (output as ChangeOutput).operation });
  }
  return planned;
}

/** Errors about the specification point to the line of the file. */
async function locating<T>(loaded: LoadedStack, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw error instanceof AppError ? loaded.locate(error) : error;
  }
}

function inputOf({ stack, spec }: LoadedStack): Record<string, unknown> {
  return { stack, spec };
}

function outputOf({ loaded, operation }: Planned): { stack: string; operation: OperationView } {
  return { stack: loaded.stack, operation };
}

function hasChanges({ operation }: Planned): boolean {
  return operation.plan.changes.length > 0;
}

function showPlans(planned: readonly Planned[], output: Output): void {
  for (const { loaded, operation } of planned) {
    const lines = planLines(operation.plan, { paint: output.paint, width: output.columns });
    if (planned.length > 1) lines.unshift(output.paint('dim', `── ${safeText(loaded.stack)}`));
    output.write(`${lines.join('\n')}\n`);
  }
}

function showEnd(cli: Cli, { operation }: ChangeOutput): void {
  const { paint } = cli.terminal.out;
  const isDone = operation.state === 'succeeded';
  const mark = isDone ? paint('green', '✓') : paint('cyan', '…');
  const targets = operation.targets.map((target) => target.server).join(', ');
  const where =
    targets === '' ? ' No server runs this stack yet.' : isDone ? ` Serving on ${targets}.` : ` (${operation.id})`;
  cli.print(`${mark} ${safeText(operation.plan.summary)}${safeText(where)}`);
}
