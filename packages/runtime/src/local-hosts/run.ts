/** Commands of the machine that must succeed: who calls gets their output, or an error that says what failed and why. */
import { AppError } from '@mainstay/contract/app-error';
import { type ExecOptions, systemExec } from '../exec.ts';

export type Argv = readonly [string, ...string[]];

/** Runs a command and gives its stdout. Throws Unavailable with the end of its stderr when it fails. */
export async function run(argv: Argv, options: ExecOptions = {}): Promise<string> {
  const result = await systemExec(argv, options);
  if (result.code === 0) return result.stdout;
  const why = result.error?.message ?? result.killed ?? lastLines(result.stderr || result.stdout);
  throw new AppError('Unavailable', `"${argv.slice(0, 4).join(' ')}" failed (${result.code ?? result.signal}): ${why}`);
}

/** Runs a command whose failure does not matter, because what it removes may not be there. */
export async function attempt(argv: Argv, options: ExecOptions = {}): Promise<boolean> {
  return (await systemExec(argv, options)).code === 0;
}

/** Does `work` for each item, at most `width` at a time; after a failure the rest is finished, and the first one thrown. */
export async function eachBounded<Item>(
  items: readonly Item[],
  width: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const queue = [...items];
  const failures: unknown[] = [];
  const lane = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) {
      await work(item).catch((error: unknown) => failures.push(error));
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, lane));
  if (failures.length > 0) throw failures[0];
}

function lastLines(text: string): string {
  return text.trim().split('\n').slice(-5).join('\n').slice(-2_000);
}
