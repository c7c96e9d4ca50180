/** No page keeps anybody out: axe finds nothing on any page, in light and dark, on a wide screen and on a phone. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { AxeResults } from 'axe-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Dashboard, no_browser, overflowOf, settled, startDashboard, type Window } from './browser.ts';
import { pages } from './pages.ts';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
let dashboard: Dashboard;
let window: Window;

beforeAll(async () => {
  if (no_browser) return;
  dashboard = await startDashboard({ example: true });
  window = await dashboard.window();
});
afterAll(() => dashboard?.close());

describe.skipIf(no_browser)('axe finds nothing', () => {
  for (const scheme of ['light', 'dark'] as const) {
    for (const width of [1360, 390]) {
      test(`in ${scheme} at ${width} pixels`, async () => {
        const { page, open, complaints } = window;
        await page.setViewportSize({ width, height: 900 });
        await page.evaluate((chosen) => {
          localStorage.setItem('mainstay.appearance', JSON.stringify({ scheme: chosen, motion: 'less' }));
        }, scheme);
        const found: string[] = [];
        for (const { name, path } of pages) {
          await open(path);
          await settled(page);
          found.push(...(await violations(window)).map((violation) => `${name}: ${violation}`));
          const overflow = await overflowOf(page);
          if (overflow > 0) found.push(`${name}: the page is ${overflow} pixels wider than the window`);
        }
        expect(found).toEqual([]);
        expect(complaints).toEqual([]);
      });
    }
  }
});

async function violations({ page }: Window): Promise<string[]> {
  // The page's policy allows no script of others; this one comes by the debugger, which stands outside of it.
  await page.evaluate(axe);
  const result = await page.evaluate(() =>
    (globalThis as unknown as { axe: { run(): Promise<AxeResults> } }).axe.run(),
  );
  return result.violations.map(
    ({ id, nodes }) =>
      `${id}: ${nodes
        .slice(0, 3)
        .map((node) => node.target.join(' '))
        .join(', ')}`,
  );
}
