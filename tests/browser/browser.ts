/**
 * What the browser tests stand on: a whole installation with its real agent, Debian's Chromium, and pages that note every
 * complaint: script errors, refusals by the page's policy, console errors.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { chromium_path, no_browser } from '../e2e/chromium.ts';
import { createInstallation, type Installation, type Up } from '../e2e/installation.ts';

export { chromium_path, no_browser };

/** What a page is waited for at most: two cores may be shared with much else. */
const patience_ms = 60_000;

export type Window = {
  page: Page;
  /** What went wrong in the page so far, but for answers that a test provokes. */
  complaints: string[];
  /** Opens an address of the dashboard, such as `/events?stack=example`, and waits for its heading. */
  open(path: string): Promise<void>;
};

export type Dashboard = Installation & {
  up_process: Up;
  browser: Browser;
  /** A window of its own, with a session of its own: of the owner, or of whom the sign-in link is for. */
  window(options?: BrowserContextOptions, link?: string): Promise<Window>;
  /** A one-time sign-in link. */
  signInLink(): Promise<string>;
  close(): Promise<void>;
};

export type DashboardOptions = {
  /** Deploys the example stack and waits until it is served. */
  example?: boolean;
  /** More options of `mainstay up`. */
  up?: readonly string[];
  /** Policy files by name; where there are any, they are all that there is. */
  policies?: Readonly<Record<string, string>>;
  /** Executables of the agent to hand out; by default none, whatever was built here. */
  agent_dir?: string;
};

/** Starts Mainstay and a browser. */
export async function startDashboard(starting: DashboardOptions = {}): Promise<Dashboard> {
  const { example = false, up: more = [], policies = {}, agent_dir = '/nonexistent' } = starting;
  const mainstay = await createInstallation({ MAINSTAY_AGENT_DIR: agent_dir });
  for (const [name, text] of Object.entries(policies)) {
    mkdirSync(join(mainstay.home, 'policies'), { recursive: true });
    writeFileSync(join(mainstay.home, 'policies', name), text);
  }
  const options = ['--proxy-port', String(mainstay.proxy_port), ...(example ? [] : ['--no-examples']), ...more];
  const up_process = mainstay.up(...options);
  await up_process.says('Ctrl-C stops everything', 120_000);
  const browser = await chromium.launch({
    executablePath: chromium_path,
    args: ['--no-sandbox', '--disable-gpu', '--font-render-hinting=none'],
  });

  const signInLink = async () => {
    const { stdout } = await mainstay.cli('sign-in-link', '--json');
    return (JSON.parse(stdout) as { result: { url: string } }).result.url;
  };
  return {
    ...mainstay,
    up_process,
    browser,
    signInLink,
    async window(contextOptions = {}, link = undefined) {
      const context = await browser.newContext({ viewport: { width: 1360, height: 900 }, ...contextOptions });
      await context.grantPermissions(['clipboard-read', 'clipboard-write']);
      const page = await context.newPage();
      page.setDefaultTimeout(patience_ms);
      const window = watched(page, mainstay.url);
      await page.goto(link ?? (await signInLink()));
      await page.locator('main h1').first().waitFor();
      return window;
    },
    async close() {
      await browser.close();
      await mainstay.remove();
    },
  };
}

function watched(page: Page, url: string): Window {
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    // The browser itself reports answers of 4xx and 5xx; what the page makes of them is what tests look at.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) {
      complaints.push(message.text());
    }
  });
  return {
    page,
    complaints,
    async open(path) {
      await page.goto(url + path);
      await page.locator('main h1').first().waitFor();
    },
  };
}

/** Waits until nothing on the page is being fetched for the first time any more. */
export async function settled(page: Page): Promise<void> {
  await page.waitForFunction(() => document.querySelector('main [aria-busy="true"]') === null);
}

/** Pixels by which the page is wider than its window. */
export function overflowOf(page: Page): Promise<number> {
  return page.evaluate(() => Math.max(0, document.documentElement.scrollWidth - innerWidth));
}
