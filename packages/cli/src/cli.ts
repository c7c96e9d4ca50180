/** What every command is given, and how a command is added: registrations, so that a program is a list of them. */
import type { Command } from 'commander';
import { type Connection, type ConnectionOptions, connect } from './connection.ts';
import type { Terminal } from './terminal/terminal.ts';
import { safeJson } from './terminal/text.ts';

/** Version of this program; the build puts it in. */
export const cliVersion = process.env['MAINSTAY_VERSION'] ?? '0.0.0-dev';

export type CommonOptions = ConnectionOptions & { json?: boolean };

export type Cli = {
  terminal: Terminal;
  connect(options: ConnectionOptions): Connection;
  /** Writes a line for people, or the result itself. */
  print(text: string): void;
  /** Writes what is not the result: progress, notes, questions. */
  note(text: string): void;
  printJson(value: unknown): void;
  /** Writes one JSON value on a line of its own, for lists that have no end. */
  printLine(value: unknown): void;
  /** Wraps what a command does; the number it gives is the exit code, nothing is 0. */
  action<Args extends unknown[]>(run: (...args: Args) => Promise<number | undefined>): (...args: Args) => Promise<void>;
  exit_code: number;
};

/** Adds commands to the program. */
export type Registration = (program: Command, cli: Cli) => void;

export function createCli(terminal: Terminal): Cli {
  const cli: Cli = {
    terminal,
    connect: (options) => connect(options, terminal.env),
    print: (text) => terminal.out.write(text.endsWith('\n') ? text : `${text}\n`),
    note: (text) => terminal.err.write(text.endsWith('\n') ? text : `${text}\n`),
    printJson: (value) => terminal.out.write(`${safeJson(value, 2)}\n`),
    printLine: (value) => terminal.out.write(`${safeJson(value, 0)}\n`),
    action:
      (run) =>
      async (...args) => {
        cli.exit_code = (await run(...args)) ?? 0;
      },
    exit_code: 0,
  };
  return cli;
}

/** Options that every command which speaks to a control plane has. */
export function commonOptions(command: Command): Command {
  return command
    .option('--json', 'write JSON, for scripts')
    .option('--url <url>', 'address of the control plane (also MAINSTAY_URL)')
    .option('--home <folder>', 'folder of the installation on this machine (also MAINSTAY_HOME)');
}
