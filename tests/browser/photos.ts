/**
 * `npm run photos`: photographs every page in light, dark and phone width into docs/images/, from a real installation with
 * the example and some life in it, and at the end a deploy that failed and an operation that waits. What the code draws is what the images show.
 */
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { startDashboard } from './browser.ts';
import { makeHistory } from './history.ts';
import { type PageAddress, pages } from './pages.ts';

const folder = join(import.meta.dirname, '..', '..', 'docs', 'images');
const looks = [
  { name: 'light', scheme: 'light', width: 1360, height: 860, whole: false },
  { name: 'dark', scheme: 'dark', width: 1360, height: 860, whole: false },
  { name: 'phone', scheme: 'light', width: 390, height: 844, whole: false },
] as const;

/** Only pages whose names are given; without, all. */
const asked = process.argv.slice(2);

const dashboard = await startDashboard({ example: true });
const { page, open } = await dashboard.window();
try {
  mkdirSync(folder, { recursive: true });
  if (asked.length === 0) for (const file of readdirSync(folder)) if (file.endsWith('.png')) rmSync(join(folder, file));
  await visitExample(dashboard.proxy_url);
  await photograph(pages);
  await photograph(await makeHistory(dashboard));
} finally {
  await dashboard.close();
}

async function photograph(some: readonly PageAddress[]): Promise<void> {
  const wanted = some.filter(({ name }) => asked.length === 0 || asked.includes(name));
  for (const { name, scheme, width, height, whole } of looks) {
    await page.setViewportSize({ width, height });
    await page.evaluate((chosen) => {
      localStorage.setItem('mainstay.appearance', JSON.stringify({ scheme: chosen, motion: 'less' }));
    }, scheme);
    for (const { name: pageName, path } of wanted) {
      await open(path);
      await page.waitForFunction(() => document.querySelector('[aria-busy="true"]') === null);
      await page.waitForTimeout(700);
      await page.mouse.move(0, 0);
      await page.screenshot({ path: join(folder, `${pageName}-${name}.png`), fullPage: whole });
    }
  }
}

/** Some requests, so that logs and charts have something to show. */
async function visitExample(url: string): Promise<void> {
  for (let round = 0; round < 40; round++) {
    await fetch(`${url}/api/hello?name=Ada`).then((response) => response.text());
    await fetch(`${url}/greeting`).then((response) => response.text());
  }
}
