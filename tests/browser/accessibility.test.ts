/** No page keeps anybody out: axe finds nothing on any page, in light and dark, on a wide screen and on a phone. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { AxeResults, RunOptions } from 'axe-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Dashboard, no_browser, overflowOf, settled, startDashboard, type Window } from './browser.ts';
import { makeHistory } from './history.ts';
import { type PageAddress, pages } from './pages.ts';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
/** Another scheme has other colours, and nothing else that differs; they are the same at every width. */
const of_colours: RunOptions = { runOnly: { type: 'rule', values: ['color-contrast', 'link-in-text-block'] } };
/** axe takes a second or two a page where the machine is busy. */
const timeout_ms = 400_000;

let dashboard: Dashboard;
let all: readonly PageAddress[];

beforeAll(async () => {
  if (no_browser) return;
  dashboard = await startDashboard({ example: true });
  all = [...pages, ...(await makeHistory(dashboard))];
});
afterAll(() => dashboard?.close());

describe.skipIf(no_browser)('axe finds nothing', () => {
  for (const [width, ...schemes] of [[1360, 'light', 'dark'] as const, [390, 'light'] as const]) {
    const title = `in ${schemes.join(' and ')} at ${width} pixels, and no page is wider than that`;
    test(title, { timeout: timeout_ms }, async () => {
      const window = await dashboard.window({ viewport: { width, height: 900 }, reducedMotion: 'reduce' });
      const { page, open, complaints } = window;
      const found: string[] = [];
      for (const { name, path } of all) {
        await open(path);
        await settled(page);
        const overflow = await overflowOf(page);
        if (overflow > 0) found.push(`${name}: the page is ${overflow} pixels wider than the window`);
        // The page's policy allows no script of others; this one comes by the debugger, which stands outside of it.
        await page.evaluate(axe);
        for (const scheme of schemes) {
          await page.emulateMedia({ colorScheme: scheme });
          await page.locator(`html[data-mantine-color-scheme="${scheme}"]`).waitFor();
          const rules = scheme === 'light' ? {} : of_colours;
          found.push(...(await violations(window, rules)).map((violation) => `${name} in ${scheme}: ${violation}`));
        }
      }
      expect(found).toEqual([]);
      expect(complaints).toEqual([]);
    });
  }
});

/** What axe finds once what fades in or out has come to rest. */
async function violations({ page }: Window, rules: RunOptions): Promise<string[]> {
  await page.waitForFunction(() =>
    document.getAnimations().every(({ playState, effect }) => {
      const isEndless = effect?.getTiming().iterations === Number.POSITIVE_INFINITY;
      return isEndless || playState !== 'running';
    }),
  );
  const result = await page.evaluate((rules) => {
    const { run } = (globalThis as unknown as { axe: { run(options: RunOptions): Promise<AxeResults> } }).axe;
    return run({ ...rules, resultTypes: ['violations'] });
  }, rules);
  return result.violations.map(({ id, nodes }) => {
    const first = nodes.slice(0, 3).map((node) => node.target.join(' '));
    return `${id}: ${first.join(', ')}`;
  });
}
