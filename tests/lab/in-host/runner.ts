/**
 * Stands in for Vitest where tests run inside of a host: the same `describe`, `it` and `expect` (Vitest's own), one test after
 * the other, and a line of JSON for each. Programs of tests end with `await runAll()`.
 */
import { expect } from 'vitest';

export { expect };

type Body = () => unknown;
type Test = { title: string; body: Body; is_skipped: boolean };
type Suite = {
  title: string;
  parent: Suite | null;
  before_all: Body[];
  after_all: Body[];
  before: Body[];
  after: Body[];
  parts: (Test | Suite)[];
};

export type HostTestResult = {
  title: string;
  state: 'passed' | 'failed' | 'skipped';
  ms: number;
  error: string | null;
};

const test_ms_max = 240_000;
const suiteOf = (title: string, parent: Suite | null): Suite => ({
  title,
  parent,
  before_all: [],
  after_all: [],
  before: [],
  after: [],
  parts: [],
});
const root = suiteOf('', null);
let current = root;

/** A timeout between title and body is not looked at. */
export function describe(title: string, ...rest: [Body] | [unknown, Body]): void {
  const suite = suiteOf(title, current);
  current.parts.push(suite);
  current = suite;
  (rest.at(-1) as Body)();
  current = suite.parent!;
}

const add = (is_skipped: boolean) => (title: string, body: Body) =>
  void current.parts.push({ title, body, is_skipped });
export const it = Object.assign(add(false), { skipIf: (condition: unknown) => add(Boolean(condition)) });
export const test = it;
export const beforeAll = (body: Body) => void current.before_all.push(body);
export const afterAll = (body: Body) => void current.after_all.push(body);
export const beforeEach = (body: Body) => void current.before.push(body);
export const afterEach = (body: Body) => void current.after.push(body);

/** Runs all suites, or those tests whose title has the text. */
export async function runAll(only = ''): Promise<void> {
  await runSuite(root, [], only);
}

const titleOf = (path: string[], title: string) => [...path, title].filter((part) => part !== '').join(' > ');
const has = (part: Test | Suite, path: string[], only: string): boolean =>
  'parts' in part
    ? part.parts.some((inner) => has(inner, [...path, part.title], only))
    : titleOf(path, part.title).includes(only);

async function runSuite(suite: Suite, path: string[], only: string): Promise<void> {
  const here = [...path, suite.title];
  if (!has(suite, path, only)) return;
  for (const body of suite.before_all) await body();
  for (const part of suite.parts) {
    if ('parts' in part) await runSuite(part, here, only);
    else if (has(part, here, only)) {
      const began = performance.now();
      const error = part.is_skipped ? null : await runOne(suite, part.body);
      const state: HostTestResult['state'] = part.is_skipped ? 'skipped' : error === null ? 'passed' : 'failed';
      const ms = Math.round(performance.now() - began);
      const result: HostTestResult = { title: titleOf(here, part.title), state, ms, error };
      process.stdout.write(`${JSON.stringify(result)}\n`);
    }
  }
  for (const body of suite.after_all) await body();
}

const hooks = (suite: Suite | null, which: 'before' | 'after'): Body[] =>
  suite === null ? [] : [...hooks(suite.parent, which), ...suite[which]];

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
  for (const part of hooks(suite, 'before')) await attempt(part);
  if (errors.length === 0) await attempt(body);
  for (const part of hooks(suite, 'after')) await attempt(part);
  return errors.length === 0 ? null : errors.map((error) => (error as Error).stack ?? String(error)).join('\n');
}
