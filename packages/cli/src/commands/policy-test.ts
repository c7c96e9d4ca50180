/**
 * `mainstay policy test` and `policy check`: policies are tried with cases before they are installed, and read as the keeper would
 * read them. Errors name the file, the line and the fix.
 */
import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { AppError } from '@mainstay/contract/errors';
import type { PolicyTestResult } from '@mainstay/contract/keeper-views';
import { limitsOfPolicies, PolicyCaseFile, PolicyFile } from '@mainstay/contract/policy';
import type { Registration } from '../cli.ts';
import { groupCommand } from '../command-groups.ts';
import { exitCodes } from '../exit-codes.ts';
import type { OwnCommand } from '../own-command.ts';
import { readTextFile } from '../secret-input.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { safeText } from '../terminal/text.ts';
import { table } from '../view-parts.ts';
import { readChecked } from '../yaml-schema.ts';

type Tested = { results: PolicyTestResult[]; passed: number; failed: number };
type Text = { name: string; text: string };

const cases_bytes_max = 1024 * 1024;
const cases_hint = 'A file of cases is described in docs/guides/policies.md.';
const policy_hint = 'The fields of a policy file are described in docs/reference/policy-file.md.';

export const testPoliciesCommand: OwnCommand = {
  hidden: ['cases', 'files'],
  options: (command) =>
    void command
      .argument('[file]', 'file of cases, YAML or JSON; - reads it from a pipe')
      .option('--policies <folder>', 'try the policy files of this folder instead of those in force'),
  async run({ cli, connection, input, options, more: [file] }) {
    const { terminal } = cli;
    if (file !== undefined) input['cases'] = await casesOf(String(file), terminal);
    if (options['policies'] !== undefined)
      input['files'] = policyTexts(String(options['policies']), terminal, 'policies');
    if (input['cases'] === undefined) {
      throw new AppError('InvalidInput', 'A file of cases is missing.', { field: 'cases', hint: cases_hint });
    }
    const tested = (await connection.callRaw('policies.test', input)) as Tested;
    if (options.json) cli.printJson(tested);
    else {
      const { paint, columns } = terminal.out;
      for (const line of resultLines(tested, { paint, width: columns, now: terminal.now() })) cli.print(line);
    }
    return tested.failed === 0 ? exitCodes.ok : exitCodes.failed;
  },
};

async function casesOf(file: string, terminal: Terminal): Promise<unknown> {
  const text =
    file === '-'
      ? await terminal.readInput(cases_bytes_max)
      : readTextFile(resolve(terminal.cwd, file), cases_bytes_max, 'file');
  return readChecked(PolicyCaseFile, text, file === '-' ? 'stdin' : file, cases_hint).cases;
}

function resultLines({ results, passed, failed }: Tested, view: Parameters<typeof table>[2]): string[] {
  const rows = results.map((result) => [
    result.passed ? { text: '✓', colour: 'green' as const } : { text: '✗', colour: 'red' as const },
    result.name,
    result.decision,
    result.policy ?? 'no rule',
    result.message ?? '',
  ]);
  const columns = [
    { title: '' },
    { title: 'CASE', flexible: true },
    { title: 'DECISION' },
    { title: 'BY' },
    { title: 'WRONG' },
  ];
  const { paint } = view;
  const end = failed === 0 ? paint('green', `${passed} passed.`) : paint('red', `${failed} failed, ${passed} passed.`);
  return [...table(columns, rows, view, 'No cases.'), '', end];
}

/** The policy files of a folder: those that the keeper would read. */
function policyTexts(folder: string, { cwd }: Terminal, field: string): Text[] {
  const path = resolve(cwd, folder);
  let names: string[];
  try {
    names = readdirSync(path)
      .filter((name) => /\.ya?ml$/.test(name))
      .sort();
  } catch (error) {
    throw new AppError('InvalidInput', `Cannot read the folder ${path}: ${(error as Error).message}`, {
      field,
      cause: error,
    });
  }
  if (names.length === 0) {
    throw new AppError('InvalidInput', `${path} holds no policy file (*.yaml).`, {
      field,
      hint: 'Without files the built-in policies are in force; leave the folder out to test those.',
    });
  }
  return names.map((name) => ({ name, text: readTextFile(join(path, name), limitsOfPolicies.file_bytes_max, field) }));
}

export const registerPolicyCheck: Registration = (program, cli) => {
  groupCommand(program, 'policy')
    .command('check')
    .summary('Check policy files without a control plane')
    .description('Reads the policy files of a folder as the keeper would. What they decide, `policy test` tells.')
    .argument('<folder>', 'folder of policy files')
    .option('--json', 'write JSON, for scripts')
    .action(
      cli.action(async (folder: string, options: { json?: boolean }) => {
        const files = policyTexts(folder, cli.terminal, 'folder').map(({ name, text }) => {
          const { rules } = readChecked(PolicyFile, text, join(folder, name), policy_hint);
          return { name, rules: rules.map((rule) => `${name.replace(/\.ya?ml$/, '')}/${rule.name}`) };
        });
        checkTogether(files);
        if (options.json) cli.printJson({ valid: true, files });
        else for (const { name, rules } of files) cli.print(`✓ ${safeText(name)}: ${rules.length} rules`);
        return exitCodes.ok;
      }),
    );
};

function checkTogether(files: { name: string; rules: string[] }[]): void {
  const rules = files.flatMap((file) => file.rules);
  const twin = rules.find((name, at) => rules.indexOf(name) !== at);
  if (twin !== undefined) throw new AppError('InvalidInput', `Two rules are called "${twin}".`, { field: 'folder' });
  if (files.length > limitsOfPolicies.files_max || rules.length > limitsOfPolicies.rules_max) {
    const { files_max, rules_max } = limitsOfPolicies;
    throw new AppError('TooLarge', `There may be ${files_max} policy files with ${rules_max} rules together.`, {
      field: 'folder',
    });
  }
}
