/**
 * Stands in for Vitest where tests run inside of a host: the same `describe`, `it` and `expect` (Vitest's own), one test after
 * the other, and a line of JSON for each. Programs of tests end with `await runAll()`.
 */
import { expect } from 'vitest';

export { expect };

type Body = () => unknown;
type Suite = {
  title: string;
  before: Body[];
  after: Body[];
  tests: { title: string; body: Body; is_skipped: boolean }[];
};

export type HostTestResult = {
  title: string;
  state: 'passed' | 'failed' | 'skipped';
  ms: number;
  error: string | null;
};

const test_ms_max = 240_000;
const suites: Suite[] = [];
const current = () => suites.at(-1)!;

export function describe(title: string, body: Body): void {
  suites.push({ title, before: [], after: [], tests: [] });
  body();
}

const add = (is_skipped: boolean) => (title: string, body: Body) =>
  void current().tests.push({ title, body, is_skipped });
export const it = Object.assign(add(false), { skipIf: (condition: unknown) => add(Boolean(condition)) });
export const beforeEach = (body: Body) => void current().before.push(body);
export const afterEach = (body: Body) => void current().after.push(body);

/** Runs all suites, or those tests whose title has the text. */
export async function runAll(only = ''): Promise<void> {
  for (const suite of suites) {
    for (const test of suite.tests) {
      const title = `${suite.title} > ${test.title}`;
      if (!title.includes(only)) continue;
      const began = performance.now();
      const error = test.is_skipped ? null : await runOne(suite, test.body);
      const state = test.is_skipped ? 'skipped' : error === null ? 'passed' : 'failed';
      const result: HostTestResult = { title, state, ms: Math.round(performance.now() - began), error };
      process.stdout.write(`${JSON.stringify(result)}\n`);
    }
  }
}

async function runOne(suite: Suite, body: Body): Promise<string | null> {
  const errors: unknown[] = [];
  const attempt = async (part: Body) => {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`not done after ${test_ms_max} ms`)), test_ms_max);
    });
    await Promise.race([(async () => part())(), late])
      .catch((error: unknown) => errors.push(error))
      .finally(() => clearTimeout(timer));
  };
  for (const part of suite.before) await attempt(part);
  if (errors.length === 0) await attempt(body);
  for (const part of suite.after) await attempt(part);
  return errors.length === 0 ? null : errors.map((error) => (error as Error).stack ?? String(error)).join('\n');
}
