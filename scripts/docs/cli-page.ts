/** docs/reference/cli.md, from the commands themselves. */
import { createCli, createProgram, exitCodeMeanings, registrations, systemTerminal } from '@mainstay/cli';
import type { Command } from 'commander';
import { code, page, table } from './markdown.ts';

/** Options that most commands have; described once. */
const shared = [
  '--json',
  '--url',
  '--home',
  '--yes',
  '--no-wait',
  '--timeout',
  '--dry-run',
  '--plan-hash',
  '--idempotency-key',
];

export function cliPage(): string {
  const program = createProgram(createCli(systemTerminal()), registrations);
  const leaves = leavesOf(program);
  return page(
    'The `mainstay` command',
    'the commands (packages/cli)',
    'Every [operation](operations.md) is a command; the everyday ones have short names beside. `mainstay help COMMAND` shows the same as this page.',
    connection,
    output,
    words,
    sharedOptions(leaves.map(({ command }) => command).filter((command) => command.options.some(isJson))),
    `## Exit codes\n\n${table(
      ['Code', 'Meaning'],
      exitCodeMeanings.map(([number, meaning]) => [String(number), meaning]),
    )}`,
    `## Commands\n\n${table(
      ['Command', 'What it does'],
      leaves.map(({ path, command }) => [`[${code(path)}](#${path.replaceAll(' ', '-')})`, command.summary()]),
    )}`,
    ...leaves.map(({ path, command }) => section(path, command)),
  );
}

type Leaf = { path: string; command: Command };

function leavesOf(command: Command, path: readonly string[] = []): Leaf[] {
  if (command.commands.length === 0) return [{ path: ['mainstay', ...path].join(' '), command }];
  return command.commands.flatMap((child) => leavesOf(child, [...path, child.name()]));
}

function sharedOptions(commands: readonly Command[]): string {
  const rows = shared.map((long) => {
    const option = commands.flatMap((command) => command.options).find((candidate) => candidate.long === long);
    if (!option) throw new Error(`no command has ${long}`);
    return [code(option.flags), option.description];
  });
  const text =
    'Commands that speak to a control plane have the first three; commands that change something the others too.';
  return `## Options of many commands\n\n${text}\n\n${table(['Option', 'Meaning'], rows)}`;
}

function isJson({ long }: { long?: string | undefined }): boolean {
  return long === '--json';
}

function section(path: string, command: Command): string {
  const own = command.options.filter((option) => !option.hidden && !shared.includes(option.long ?? ''));
  const rows = [
    ...command.registeredArguments.map((argument) => [code(argument.name().toUpperCase()), argument.description]),
    ...own.map((option) => [code(option.flags), withDefault(option.description, option.defaultValue)]),
  ];
  const words = command.registeredArguments.map((argument) => {
    const name = argument.name().toUpperCase() + (argument.variadic ? '…' : '');
    return argument.required ? name : `[${name}]`;
  });
  const takesShared = command.options.length > own.length;
  const usage = [path, ...words, ...(own.length > 0 || takesShared ? ['[OPTIONS]'] : [])].join(' ');
  return [
    `### ${path}`,
    `\`\`\`\n${usage}\n\`\`\``,
    command.description().replace(/[.]?$/, '.'),
    ...otherNames(path, command),
    ...(rows.length > 0 ? [table(['', ''], rows)] : []),
  ].join('\n\n');
}

/** What else a command may be called by: by its own aliases, and by those of its group. */
function otherNames(path: string, command: Command): string[] {
  const [group] = command.parent?.aliases() ?? [];
  const [alias] = command.aliases();
  if (group === undefined && alias === undefined) return [];
  const [program, first = '', ...rest] = path.split(' ');
  const words = [program, group ?? first, ...(alias === undefined ? rest : [...rest.slice(0, -1), alias])];
  return [`Also: ${code(words.join(' '))}.`];
}

function withDefault(description: string, value: unknown): string {
  return typeof value === 'string' || typeof value === 'number'
    ? `${description} (default ${code(String(value))})`
    : description;
}

const connection = `## Which control plane, and as whom

| What | Where it comes from, the first that is there |
| --- | --- |
| Address | \`--url\`, \`MAINSTAY_URL\`, the file \`url\` in the home folder, \`http://127.0.0.1:7070\` |
| Token | \`MAINSTAY_TOKEN\`, the file \`cli-token\` in the home folder |
| Home folder | \`--home\`, \`MAINSTAY_HOME\`, \`~/.local/share/mainstay\` |

\`mainstay up\` writes both files. The token file is used for the address beside it only: whoever names another control plane with \`--url\` or \`MAINSTAY_URL\` sets \`MAINSTAY_TOKEN\` too. Tokens are never taken from the command line, and never shown.

Secret values (\`secrets set\`, \`credentials set-token\`) come from a file, from a pipe, or are asked for without being shown; never from the command line. One line end at their end is taken off.`;

const output = `## What is written where

Results go to stdout, progress, questions and errors to stderr. With \`--json\` the result is the JSON of the operation, an error is the [error body](errors.md), and nothing else is written; \`logs\` and \`events\` write one JSON value a line. Colours appear on a terminal only, and not when \`NO_COLOR\` is set.

Control characters in names, messages and log lines are shown as escapes, so that a service cannot write to your terminal what it likes; \`mainstay logs --raw\` writes lines as they were printed.

A command that changes something waits for its end and shows its progress. Ctrl-C stops the watching, not the change: \`mainstay operations follow ID\` goes on with it.`;

const words = `## Words of people

An operation may have to wait for people: for the approval of others, or for the confirmation of who proposed it. \`mainstay ops list --waiting\` shows what waits, that for you first; \`ops approve\`, \`reject\` and \`confirm\` show the plan, ask (unless \`--yes\` or \`--plan-hash\` says that it was looked at), and go on to the end. A command whose operation still waits exits with 8.

What policy wants signed is signed with the key of this device, over the hash of the plan: \`~/.config/mainstay/device-key.json\` (also \`MAINSTAY_DEVICE_KEY\`), readable by its owner only. It is made and registered when it is first needed. The first key of all is admitted at once; any other waits until somebody whose key is admitted runs \`mainstay keys admit FINGERPRINT\`. With \`--json\`, or where nobody can be asked, nothing is confirmed without \`--yes\`.`;
