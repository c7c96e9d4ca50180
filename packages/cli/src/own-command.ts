/** What a command of an operation does by itself, around the call or in its place. */
import type { Command } from 'commander';
import type { ChangeOptions } from './change/run-change.ts';
import type { Cli } from './cli.ts';
import type { Connection } from './connection.ts';

export type CommandOptions = Record<string, unknown> & ChangeOptions & { dryRun?: boolean };

export type OwnCall = {
  cli: Cli;
  connection: Connection;
  /** What was typed of the fields of the operation. */
  input: Record<string, unknown>;
  options: CommandOptions;
  /** Arguments after those of the operation. */
  more: readonly unknown[];
};

export type OwnCommand = {
  /** Another name of the command. */
  alias?: string;
  /** Fields that are there for programs, and not in the help. */
  hidden?: readonly string[];
  /** Adds options and arguments of its own. */
  options?(command: Command): void;
  /** What its own options say, with the fields that were typed: the input of the operation. */
  read?(input: Record<string, unknown>, options: CommandOptions): Record<string, unknown>;
  /** In place of the call and its view; gives the exit code. */
  run?(call: OwnCall): Promise<number>;
};
