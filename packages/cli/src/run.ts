/** One run of the command: from an argv to an exit code. Errors end here, and are shown here only. */
import { AppError, type ErrorBody } from '@mainstay/contract/errors';
import { Command, CommanderError } from 'commander';
import { type Cli, cliVersion, createCli, type Registration } from './cli.ts';
import { exitCodeOfError, exitCodes } from './exit-codes.ts';
import type { Terminal } from './terminal/terminal.ts';
import { safeJson, safeLines, safeText } from './terminal/text.ts';

export async function runCli(
  argv: readonly string[],
  terminal: Terminal,
  registrations: readonly Registration[],
): Promise<number> {
  const cli = createCli(terminal);
  const program = createProgram(cli, registrations);
  try {
    await program.parseAsync(argv, { from: 'user' });
    return cli.exit_code;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return exitCodes.ok;
    // No command, or a noun without a verb: its help was shown.
    if (error instanceof CommanderError && error.code === 'commander.help') return exitCodeOfError.InvalidInput;
    const failure = error instanceof CommanderError ? usageError(error) : appError(error);
    showError(failure, terminal, argv.includes('--json'));
    return exitCodeOfError[failure.code];
  }
}

/** All commands. What they inherit of the program must be set before they are added. */
export function createProgram(cli: Cli, registrations: readonly Registration[]): Command {
  const { terminal } = cli;
  const program = new Command('mainstay')
    .description(
      'One self-hosted control plane for your own servers: from a Git repository to a served, watched service.',
    )
    .version(cliVersion, '-V, --version', 'show the version of this command')
    .helpOption('-h, --help', 'show help')
    .helpCommand('help [command]', 'show help for a command')
    .enablePositionalOptions()
    .exitOverride()
    .showHelpAfterError(false)
    .configureHelp({ showGlobalOptions: false })
    .configureOutput({
      writeOut: (text) => terminal.out.write(text),
      // Errors are shown by runCli; this is what is left: help that was not asked for.
      writeErr: (text) => (text.startsWith('error:') ? undefined : terminal.err.write(text)),
      getOutHelpWidth: () => terminal.out.columns ?? 100,
      getErrHelpWidth: () => terminal.err.columns ?? 100,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    });
  for (const register of registrations) register(program, cli);
  return program;
}

function usageError(error: CommanderError): AppError {
  const [first = '', ...rest] = error.message.replace(/^error: /, '').split('\n');
  const option = /option '(?:-\w, )?--([a-z-]+)/.exec(first)?.[1] ?? /argument '([a-z_-]+)'/.exec(first)?.[1];
  const message = `${first.charAt(0).toUpperCase()}${first.slice(1).replace(/[.]?$/, '.')}`;
  const suggestion = rest.join(' ').replace(/^\(|\)$/g, '');
  return new AppError('InvalidInput', message, {
    hint: suggestion || '`mainstay help` lists the commands, and --help after a command its options.',
    ...(option ? { field: option.replaceAll('-', '_') } : {}),
    cause: error,
  });
}

function appError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return new AppError('Internal', `The command failed unexpectedly. ${text}`, {
    hint: 'This is a fault in Mainstay; please report it with the text above.',
    cause: error,
  });
}

/** Shows an error on stderr: for people, or as the body that HTTP gives. */
export function showError(error: AppError, terminal: Terminal, json: boolean): void {
  if (json) {
    const body: ErrorBody = error.toBody();
    terminal.err.write(`${safeJson(body, 2)}\n`);
    return;
  }
  const { paint } = terminal.err;
  const lines = [`${paint('red', 'Error:')} ${safeLines(error.message)}`];
  if (error.field !== undefined) lines.push(`${paint('dim', 'Field:')} ${safeText(error.field)}`);
  if (error.hint !== undefined) lines.push(`${paint('dim', 'Hint: ')} ${safeLines(error.hint)}`);
  if (error.correlation_id !== undefined) lines.push(paint('dim', `Correlation id: ${safeText(error.correlation_id)}`));
  terminal.err.write(`${lines.join('\n')}\n`);
}
