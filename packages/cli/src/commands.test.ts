/** Laws of the command line as a whole, and the commands that need no control plane. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inputJsonSchema } from '@mainstay/contract/json-schema';
import { operationList } from '@mainstay/contract/operations/index';
import { StackFile } from '@mainstay/contract/stack';
import type { Command } from 'commander';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createCli } from './cli.ts';
import { optionName } from './operation-input.ts';
import { registrations } from './registrations.ts';
import { createProgram, runCli } from './run.ts';
import { type CapturedOptions, createCapturedTerminal } from './terminal/captured-terminal.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mainstay-cli-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function run(argv: string[], options: CapturedOptions = {}) {
  const terminal = createCapturedTerminal({ cwd: folder, ...options });
  const code = await runCli(argv, terminal, registrations);
  return { code, stdout: terminal.stdout(), stderr: terminal.stderr() };
}

function commandOf(words: readonly string[]): Command {
  let command = createProgram(createCli(createCapturedTerminal()), registrations);
  for (const word of words) {
    const found = command.commands.find((child) => child.name() === word);
    expect(found, words.join(' ')).toBeDefined();
    command = found!;
  }
  return command;
}

it.each(operationList.map((operation) => [operation.id, operation] as const))(
  '%s is a command that takes all its fields',
  (_, operation) => {
    const command = commandOf(operation.cli.command);
    const longs = command.options.map((option) => option.long);
    expect(new Set(longs).size, 'two options with one name').toBe(longs.length);
    const positional = command.registeredArguments.map((argument) => argument.name());
    for (const [name, schema] of Object.entries(inputJsonSchema(operation.input).properties ?? {})) {
      const option = `--${optionName(name)}`;
      if (schema['writeOnly']) {
        expect(longs, 'a secret must not be an option').not.toContain(option);
        expect(longs).toContain(`${option}-file`);
      } else expect([...longs, ...positional.map((word) => `--${word}`)]).toContain(option);
    }
  },
);

it.each([
  [['--public-url', 'https://example.com/api'], {}],
  [[], { MAINSTAY_PUBLIC_URL: 'example.com' }],
])('a public address that cannot be served starts nothing: %j %j', async (options, env) => {
  const home = join(folder, 'home');
  const { code, stderr } = await run(['up', '--json-logs', '--home', home, ...options], { env });
  expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining('public URL') });
  expect(existsSync(home)).toBe(false);
});

it('wrong usage names the option and exits with 2', async () => {
  expect(await run(['status', '--jsn'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('Did you mean --json?'),
  });
  expect(await run(['deploy'])).toMatchObject({ code: 2, stderr: expect.stringContaining('Field: stack') });
  expect(await run(['logs', 'shop', '--tail', 'many'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('not a number'),
  });
  expect(await run(['deploy', 'shop', '--timeout', '0'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('timeout'),
  });
  expect(await run(['bogus', '--json'])).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/^\{\n {2}"code": "InvalidInput"/),
  });
});

it('help is no failure, and stands on stdout', async () => {
  expect(await run(['deploy', '--help'])).toMatchObject({
    code: 0,
    stderr: '',
    stdout: expect.stringContaining('--restart'),
  });
  expect(await run(['--version'])).toMatchObject({ code: 0 });
  expect(await run([])).toMatchObject({ code: 2, stderr: expect.stringContaining('Usage: mainstay') });
});

it('init writes a file that validates, once', async () => {
  expect(await run(['init', 'shop'])).toMatchObject({ code: 0 });
  const written = readFileSync(join(folder, 'mainstay.yaml'), 'utf8');
  expect(await run(['validate'])).toMatchObject({ code: 0, stdout: '✓ shop: web\n' });
  expect(await run(['init', 'other'])).toMatchObject({ code: 5 });
  expect(readFileSync(join(folder, 'mainstay.yaml'), 'utf8')).toBe(written);
  expect(await run(['init', 'Not A Name', '-o', 'x.yaml'])).toMatchObject({ code: 2 });
});

it('init takes the repository of the folder, without what is secret in its address', async () => {
  execFileSync('git', ['init', '-q'], { cwd: folder });
  execFileSync('git', ['remote', 'add', 'origin', 'https://me:hunter2@example.org/a.git'], { cwd: folder });
  await run(['init', 'shop']);
  const written = readFileSync(join(folder, 'mainstay.yaml'), 'utf8');
  expect(written).toContain('"https://example.org/a.git"');
  expect(written).not.toContain('hunter2');
});

it('schema prints the schema of the stack file', async () => {
  const { stdout } = await run(['schema']);
  expect(JSON.parse(stdout)).toEqual(inputJsonSchema(StackFile));
});

it('a file that is missing, no text or too large is refused by name', async () => {
  expect(await run(['validate', '-f', 'none.yaml'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('there is no such file'),
  });
  writeFileSync(join(folder, 'bytes.yaml'), Buffer.from([0xff, 0xfe, 0x00]));
  expect(await run(['validate', '-f', 'bytes.yaml'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('not UTF-8'),
  });
  expect(await run(['validate', '-f', '/dev/zero'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('more than'),
  });
});

it('bash completes commands, nouns and options', async () => {
  const { stdout } = await run(['completion', 'bash']);
  const complete = (...words: string[]) =>
    execFileSync(
      'bash',
      [
        '-c',
        `${stdout}\nCOMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _mainstay; echo "\${COMPREPLY[*]}"`,
        'bash',
        'mainstay',
        ...words,
      ],
      {
        encoding: 'utf8',
      },
    ).trim();
  expect(complete('stat')).toBe('status');
  expect(complete('secrets', '')).toBe('list set remove --json --url --home --help');
  expect(complete('deploy', 'shop', '--rest')).toBe('--restart');
  expect(complete('ops', 'sh')).toBe('show');
  expect(complete('ops', 'show', '--wai')).toBe('--wait-seconds');
  expect(await run(['completion', 'csh'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('bash, zsh, fish'),
  });
});
