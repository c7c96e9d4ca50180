/**
 * Every operation of the contract as a command, by itself: `stacks deploy`, `servers invite`, … Arguments and options
 * come from its CLI binding and its JSON Schema, help from its summary and descriptions. Some have more to do around the call
 * than to make it: what that is stands in own-commands.ts.
 */
import { resolve } from 'node:path';
import { isChange, type Operation } from '@mainstay/contract/operation';
import { type OperationId, operationList } from '@mainstay/contract/operations/index';
import { type Command, Option } from 'commander';
import { changeOptions, runChange } from './change/run-change.ts';
import { type Cli, commonOptions, type Registration } from './cli.ts';
import { groupCommand, groups } from './command-groups.ts';
import { type InputField, inputFields, jsonValue, numberValue, optionName } from './operation-input.ts';
import type { CommandOptions, OwnCommand } from './own-command.ts';
import { ownCommands } from './own-commands.ts';
import { readSecret, readTextFile } from './secret-input.ts';
import { detailLines } from './terminal/details.ts';
import { viewLines } from './views.ts';

const file_bytes_max = 1024 * 1024;

export const registerOperations: Registration = (program, cli) => {
  for (const operation of operationList) {
    const [first = '', ...rest] = operation.cli.command;
    const parent = rest.length > 0 ? groupCommand(program, first) : program;
    const name = rest.join('-') || first;
    addOperation(parent.command(name, { isDefault: groups[first]?.otherwise === name }), cli, operation);
  }
};

/** Makes the command of an operation: its arguments, options and what it does. */
export function addOperation(command: Command, cli: Cli, operation: Operation & { id: OperationId }): void {
  const own: OwnCommand | undefined = ownCommands[operation.id];
  const fields = inputFields(operation);
  const positional = operation.cli.args ?? [];
  const byName = new Map(fields.map((field) => [field.name, field]));
  command
    .summary(operation.summary)
    .description([operation.summary, operation.description].filter(Boolean).join('.\n'));
  for (const name of positional) {
    const field = byName.get(name);
    const label = optionName(name);
    command.argument(field?.required === false ? `[${label}]` : `<${label}>`, field && argumentText(field));
  }
  for (const field of fields) {
    if (!positional.includes(field.name)) command.addOption(optionOf(field).hideHelp(isHidden(field, own)));
  }
  if (isChange(operation)) changeOptions(command);
  own?.options?.(command);
  if (own?.alias !== undefined) command.alias(own.alias);
  commonOptions(command);
  command.action(
    cli.action(async (...args: unknown[]) => {
      const given = command.opts<CommandOptions>();
      const typed: Record<string, unknown> = {};
      for (const [at, name] of positional.entries()) {
        if (args[at] !== undefined) typed[name] = await inputValue(byName.get(name)!, args[at], cli);
      }
      for (const field of fields) {
        if (positional.includes(field.name)) continue;
        const value = await inputValue(field, given[attributeOf(field)], cli);
        if (value !== undefined) typed[field.name] = value;
      }
      const input = own?.read?.(typed, given) ?? typed;
      const connection = cli.connect(given);
      if (own?.run) return own.run({ cli, connection, input, options: given, more: args.slice(positional.length, -2) });
      if (isChange(operation)) {
        return runChange(cli, connection, operation.id, input, given, ({ result }) => showResult(cli, result));
      }
      const output = await connection.callRaw(operation.id, input);
      if (given.json) cli.printJson(output);
      else {
        const { paint, columns } = cli.terminal.out;
        for (const line of viewLines(operation.id, output, { paint, width: columns, now: cli.terminal.now() }))
          cli.print(line);
      }
      return 0;
    }),
  );
}

/** Signed statements are made here and not typed in; the option is there for programs that bring their own. */
function isHidden(field: InputField, own: OwnCommand | undefined): boolean {
  return field.name === 'proof' || own?.hidden?.includes(field.name) === true;
}

function argumentText(field: InputField): string {
  return field.choices.length > 0 ? joined(notesOf(field)) : field.description;
}

function notesOf({ description, choices }: InputField): string[] {
  return [description, ...(choices.length > 0 ? [`one of: ${choices.join(', ')}`] : [])];
}

function optionOf(field: InputField): Option {
  const notes = notesOf(field);
  if (field.kind === 'list') notes.push('may be given several times');
  if (field.kind === 'json') notes.push('JSON, or @FILE for a JSON or YAML file');
  if (field.default !== undefined) notes.push(`default: ${String(field.default)}`);
  const name = optionName(field.name);
  if (field.kind === 'flag') return new Option(`--${name}`, joined(notes));
  if (field.kind === 'secret') {
    return new Option(
      `--${name}-file <path>`,
      `file that holds the ${name}; left out, it is read from a pipe or asked for`,
    );
  }
  const option = new Option(
    `--${name} <${field.kind === 'number' ? 'number' : field.kind === 'json' ? 'json' : 'text'}>`,
    joined(notes),
  );
  if (field.kind === 'list')
    option.argParser((value: string, before: string[] | undefined) => [...(before ?? []), value]);
  return option;
}

function joined(notes: readonly string[]): string {
  return notes
    .map((note) => note.replace(/\.$/, '').replace(/^[A-Z](?=[a-z ])/, (letter) => letter.toLowerCase()))
    .filter((note) => note !== '')
    .join('; ');
}

function attributeOf(field: InputField): string {
  const name = field.kind === 'secret' ? `${field.name}_file` : field.name;
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

async function inputValue(field: InputField, given: unknown, cli: Cli): Promise<unknown> {
  if (field.kind === 'secret') return readSecret(field.name, given as string | undefined, cli.terminal);
  if (typeof given !== 'string') return given;
  if (field.kind === 'number') return numberValue(field.name, given);
  if (field.kind === 'word') return /^\d+$/.test(given) ? Number(given) : given;
  if (field.kind === 'json') {
    return jsonValue(field.name, given, (path) =>
      readTextFile(resolve(cli.terminal.cwd, path), file_bytes_max, field.name),
    );
  }
  return given;
}

/** What a change gives back beside the operation: some of it is shown this one time only. */
export function showResult(cli: Cli, result: unknown): void {
  if (result === null || result === undefined) return;
  for (const line of detailLines(result, cli.terminal.out)) cli.print(line);
}
