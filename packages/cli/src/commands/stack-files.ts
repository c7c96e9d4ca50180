/** Commands about stack files themselves: `init`, `validate`, `schema`, `export`. */
import { writeFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { AppError } from '@mainstay/contract/errors';
import { inputJsonSchema } from '@mainstay/contract/json-schema';
import { StackFile } from '@mainstay/contract/stack';
import { type CommonOptions, commonOptions, type Registration } from '../cli.ts';
import { starterFile } from '../stack-file/starter.ts';

export const registerStackFiles: Registration = (program, cli) => {
  const init = program
    .command('init')
    .summary('Write a stack file to begin with')
    .description(
      'Writes a stack file to begin with, for the repository of this folder where it is one. Never over a file that is there.',
    )
    .argument('[stack]', 'name of the stack; left out, that of the folder')
    .option('-o, --output <path>', 'file to write', 'mainstay.yaml');
  init.action(
    cli.action(async (stack: string | undefined, options: { output: string }) => {
      const { cwd } = cli.terminal;
      const text = starterFile(stack ?? nameOf(basename(cwd)), await repositoryOf(cwd));
      // What is written must be acceptable, whatever the name and the repository.
      (await import('../stack-file/stack-file.ts')).parseStackFile(text, options.output);
      write(resolve(cwd, options.output), text, 'wx');
      cli.print(`Wrote ${options.output}. Change it to your services, then: mainstay plan, mainstay apply.`);
      return 0;
    }),
  );

  program
    .command('validate')
    .summary('Check a stack file without a control plane')
    .description(
      'Checks that a stack file is of the documented shape. Whether its repositories and refs exist, `plan` tells.',
    )
    .option('-f, --file <path>', 'stack file; - reads it from a pipe', 'mainstay.yaml')
    .option('--json', 'write JSON, for scripts')
    .action(
      cli.action(async (options: { file: string; json?: boolean }) => {
        const { loadStackFile } = await import('../stack-file/stack-file.ts');
        const loaded = await loadStackFile(options.file, cli.terminal);
        const stacks = loaded.map(({ stack, spec }) => ({ stack, services: Object.keys(spec.services) }));
        if (options.json) cli.printJson({ valid: true, stacks });
        else for (const { stack, services } of stacks) cli.print(`✓ ${stack}: ${services.join(', ')}`);
        return 0;
      }),
    );

  program
    .command('schema')
    .summary('Print the JSON Schema of the stack file')
    .description('Prints the JSON Schema (2020-12) of mainstay.yaml, for editors.')
    .action(
      cli.action(async () => {
        cli.printJson(inputJsonSchema(StackFile));
        return 0;
      }),
    );

  const exported = program
    .command('export')
    .summary('Write the stack file of a stack, or of all')
    .description('Writes the stack file that makes this stack; applying it changes nothing.')
    .argument('[stack]', 'name of the stack; left out, all')
    .option('-o, --output <path>', 'file to write; left out, standard output');
  commonOptions(exported).action(
    cli.action(async (stack: string | undefined, options: CommonOptions & { output?: string }) => {
      const connection = cli.connect(options);
      const names =
        stack === undefined ? (await connection.call('stacks.list', {})).stacks.map(({ name }) => name) : [stack];
      if (names.length === 0) throw new AppError('NotFound', 'There is no stack to export.');
      const files = await Promise.all(names.map((name) => connection.call('stacks.export', { stack: name })));
      const yaml = files.map((file) => file.yaml).join('---\n');
      if (options.output !== undefined) {
        write(resolve(cli.terminal.cwd, options.output), yaml, 'w');
        if (!options.json) cli.note(`Wrote ${options.output}.`);
      } else if (options.json) cli.printJson({ yaml });
      else cli.print(yaml);
      return 0;
    }),
  );
};

function write(path: string, text: string, flag: 'w' | 'wx'): void {
  try {
    writeFileSync(path, text, { flag });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') {
      throw new AppError('Conflict', `${path} is there already; it was left as it is.`, {
        field: 'output',
        hint: 'Name another file with --output, or move that one away.',
      });
    }
    throw new AppError('InvalidInput', `Cannot write ${path}: ${(error as Error).message}`, {
      field: 'output',
      cause: error,
    });
  }
}

/** A folder's name as a DNS label. */
function nameOf(folder: string): string {
  const label = folder
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+|-+$/g, '')
    .slice(0, 40)
    .replace(/-+$/, '');
  return label === '' ? 'app' : label;
}

/** The origin of the Git repository in this folder, without user names and tokens; null where there is none. */
async function repositoryOf(folder: string): Promise<string | null> {
  const { systemExec } = await import('@mainstay/runtime/exec');
  const { code, stdout } = await systemExec(['git', 'remote', 'get-url', 'origin'], { cwd: folder, timeout_ms: 5_000 });
  const text = stdout.trim();
  if (code !== 0 || text === '') return null;
  if (!/^https?:/.test(text) || !URL.canParse(text)) return text;
  const url = new URL(text);
  url.username = '';
  url.password = '';
  return url.href;
}
