/**
 * `npm run bench:dashboard`: how much the dashboard loads, what Lighthouse says of it, and whether it stays smooth with
 * 500 services, 100 servers, 100,000 events and 100,000 log lines. Measured in Debian's Chromium against a real control
 * plane; the machine's own speed is part of the absolute figures.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import lighthouse from 'lighthouse';
import { type Browser, chromium, type Page } from 'playwright-core';
import { freePort } from '../e2e/installation.ts';
import { chromium_path } from './browser.ts';
import { type LargeInstallation, large, startLargeInstallation } from './large-installation.ts';

const goals = {
  script_kb: 220,
  performance: 95,
  accessibility: 100,
  best_practices: 100,
  navigation_ms: 100,
  long_task_ms: 100,
};
/** What Lighthouse's own desktop configuration sets. */
const desktopScreen = { mobile: false, width: 1350, height: 940, deviceScaleFactor: 1, disabled: false };
const desktopThrottling = {
  rttMs: 40,
  throughputKbps: 10_240,
  cpuSlowdownMultiplier: 1,
  requestLatencyMs: 0,
  downloadThroughputKbps: 0,
  uploadThroughputKbps: 0,
};
const dist = join(import.meta.dirname, '..', '..', 'dist', 'public');

const debug_port = await freePort();
console.log(
  `Preparing ${large.services} services, ${large.servers} servers, ${large.events} events, ${large.log_lines} log lines …`,
);
const at = await startLargeInstallation(large);
const browser = await chromium.launch({
  executablePath: chromium_path,
  args: ['--no-sandbox', '--disable-gpu', `--remote-debugging-port=${debug_port}`],
});
try {
  const page = await signedIn(browser, at);
  await firstLoad(page, at);
  await navigations(page);
  await smoothness(page, at);
  await scores(page, at);
} finally {
  await browser.close();
  await at.stop();
}

async function signedIn(browser: Browser, { client, url }: LargeInstallation): Promise<Page> {
  const { result } = await client['access.create_sign_in_link']({});
  const context = await browser.newContext({ viewport: { width: 1360, height: 900 } });
  const page = await context.newPage();
  await page.goto(new URL(new URL(result!.url!).hash, `${url}/`).href);
  await page.locator('main h1').first().waitFor();
  return page;
}

/** Script of the first page, as it is sent compressed. */
async function firstLoad(page: Page, { url }: LargeInstallation): Promise<void> {
  const sizes = new Map<string, number>();
  page.on('response', (response) => {
    if (response.request().resourceType() !== 'script') return;
    const { pathname } = new URL(response.url());
    sizes.set(pathname, gzipSync(readFileSync(join(dist, pathname)), { level: 9 }).length);
  });
  await page.goto(`${url}/`);
  await page.locator('main h1').first().waitFor();
  await page.waitForLoadState('networkidle').catch(() => {});
  page.removeAllListeners('response');
  const total = [...sizes.values()].reduce((sum, size) => sum + size, 0) / 1_000;
  console.log(
    `\nScript of the first load: ${total.toFixed(1)} kB gz in ${sizes.size} files (goal ≤ ${goals.script_kb})`,
  );
}

/** From the click to the drawn page, for pages that were seen before. */
async function navigations(page: Page): Promise<void> {
  const names = ['Servers', 'Events', 'Settings', 'Overview'];
  console.log(`\nNavigation to a page that was seen before (goal < ${goals.navigation_ms} ms)`);
  for (const round of ['warm', 'measured']) {
    for (const name of names) {
      const ms = await page.evaluate(async (name) => {
        const nav = document.querySelector('nav[aria-label]')!;
        const link = [...nav.querySelectorAll('a')].find((entry) => entry.textContent === name)!;
        const started = performance.now();
        link.click();
        while (document.querySelector('main h1')?.textContent !== name) {
          await new Promise((resolve) => requestAnimationFrame(resolve));
        }
        await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 0)));
        return performance.now() - started;
      }, name);
      await page.waitForTimeout(500);
      if (round === 'measured') console.log(`  ${name.padEnd(12)} ${ms.toFixed(0).padStart(4)} ms`);
    }
  }
}

async function smoothness(page: Page, { url, stack, service }: LargeInstallation): Promise<void> {
  const places = [
    { name: `services of a stack (${large.services / large.stacks})`, path: `/stacks/${stack}` },
    { name: `overview (${large.services} services, ${large.servers} servers)`, path: '/' },
    { name: `servers (${large.servers})`, path: '/servers' },
    { name: `events (${large.events})`, path: '/events' },
    { name: `log lines (${large.log_lines})`, path: `/stacks/${stack}/services/${service}` },
  ];
  console.log(`\nScrolling for 6 s (goal: no task > ${goals.long_task_ms} ms)`);
  for (const { name, path } of places) {
    await page.goto(url + path);
    await page.locator('main h1').first().waitFor();
    await page.waitForFunction(() => document.querySelector('[aria-busy="true"]') === null);
    await page.waitForTimeout(1_500);
    await page.evaluate(() => {
      const seen: number[] = [];
      (globalThis as unknown as { seen: number[] }).seen = seen;
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) seen.push(entry.duration);
      }).observe({ type: 'longtask' });
    });
    await page.mouse.move(800, 600);
    const until = Date.now() + 6_000;
    for (let step = 0; Date.now() < until; step++) {
      await page.mouse.wheel(0, Math.floor(step / 40) % 2 === 0 ? -900 : 700);
      await page.waitForTimeout(16);
    }
    const tasks = await page.evaluate(() => (globalThis as unknown as { seen: number[] }).seen);
    const worst = Math.max(0, ...tasks);
    const over = tasks.filter((ms) => ms > goals.long_task_ms).length;
    console.log(`  ${name.padEnd(44)} worst ${worst.toFixed(0).padStart(4)} ms, ${over} over`);
  }
}

async function scores(page: Page, { url, stack, service }: LargeInstallation): Promise<void> {
  const cookies = await page.context().cookies();
  const Cookie = cookies.map(({ name, value }) => `${name}=${value}`).join('; ');
  const paths = [
    '/',
    `/stacks/${stack}`,
    `/stacks/${stack}/services/${service}`,
    '/servers',
    '/events',
    '/stacks/new',
    '/settings',
  ];
  console.log(
    `\nLighthouse, desktop (goals: performance ≥ ${goals.performance}, accessibility ${goals.accessibility}, best practices ${goals.best_practices})`,
  );
  console.log(`  ${'page'.padEnd(40)} performance  accessibility  best practices`);
  for (const path of paths) {
    const report = await scored(url + path, Cookie);
    const { categories, audits } = report;
    const score = (id: string) => {
      const value = categories[id]?.score;
      return typeof value === 'number' ? String(Math.round(value * 100)) : 'none';
    };
    console.log(
      `  ${path.padEnd(40)} ${score('performance').padStart(11)}  ${score('accessibility').padStart(13)}  ${score('best-practices').padStart(14)}`,
    );
    for (const audit of Object.values(audits)) {
      if (audit.score === 0 && ['binary', 'metricSavings'].includes(audit.scoreDisplayMode))
        console.log(`      ${audit.id}: ${audit.title}`);
    }
  }
}

/** Now and then the browser tells Lighthouse of no paint, and there is no score of the performance: then it is asked again. */
async function scored(address: string, Cookie: string) {
  for (let attempt = 1; ; attempt++) {
    const result = await lighthouse(
      address,
      {
        port: debug_port,
        extraHeaders: { Cookie },
        output: 'json',
        logLevel: 'error',
        onlyCategories: ['performance', 'accessibility', 'best-practices'],
      },
      {
        extends: 'lighthouse:default',
        settings: { formFactor: 'desktop', screenEmulation: desktopScreen, throttling: desktopThrottling },
      },
    );
    const report = result!.lhr;
    if (typeof report.categories['performance']?.score === 'number' || attempt === 3) return report;
  }
}
