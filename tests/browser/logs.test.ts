/** The log of a service: it follows, stops following where one reads, finds, filters, links to a line, and can be taken away. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Dashboard, no_browser, startDashboard } from './browser.ts';
import { makeRepository } from './repository.ts';
import { nodeServiceOf, runStack, served, untilServed } from './stack.ts';

/** Prints 400 lines when it starts, and then what it is asked to by `/say?text=…`. */
const talker = `import { createServer } from 'node:http';
for (let line = 1; line <= 400; line++) {
  if (line % 100 === 0) console.log('ERROR number ' + line + ' went wrong: needle');
  else console.log('INFO line ' + line);
}
const server = createServer((request, response) => {
  const text = new URL(request.url, 'http://localhost').searchParams.get('text');
  if (text) console.log(text);
  response.end('ok');
});
server.listen(process.env.PORT, '127.0.0.1');
process.once('SIGTERM', () => process.exit(0));
`;

const address = '/stacks/talk/services/talker';
let dashboard: Dashboard;

beforeAll(async () => {
  if (no_browser) return;
  dashboard = await startDashboard();
  const repository = makeRepository(join(dashboard.home, 'talker'));
  repository.commit('Talk', { 'server.mjs': talker });
  await runStack(dashboard, 'talk', { talker: nodeServiceOf(repository) });
  await untilServed(dashboard, 'ok');
});
afterAll(() => dashboard?.close());

function say(text: string): Promise<string> {
  return served(dashboard, `/say?text=${encodeURIComponent(text)}`);
}

const followButton = (page: Page) => page.getByRole('button', { name: 'Follow', exact: true });
const searchField = (page: Page) => page.getByRole('searchbox', { name: 'Search the log' });

describe.skipIf(no_browser)('the log', () => {
  test('shows new lines as they come; scrolling up stops that, and one button brings it back', async () => {
    const { page, open, complaints } = await dashboard.window();
    await open(address);
    const log = page.getByRole('log', { name: 'Log of talker' });
    await log.getByText('ERROR number 400 went wrong: needle').waitFor();
    await page.getByText('Following', { exact: true }).waitFor();
    await say('INFO the first of them');
    await log.getByText('INFO the first of them').waitFor();

    await log.hover();
    await page.mouse.wheel(0, -1_500);
    await page.getByText('Not following', { exact: true }).waitFor();
    await expect.poll(() => followButton(page).getAttribute('aria-pressed')).toBe('false');
    const read = await log.evaluate((scroller) => scroller.scrollTop);
    await say('INFO the second of them');
    const pill = page.getByRole('button', { name: '1 new line' });
    await pill.waitFor();
    // Where one reads does not move by what comes.
    expect(await log.evaluate((scroller) => scroller.scrollTop)).toBe(read);
    expect(await log.getByText('INFO the second of them').count()).toBe(0);
    await pill.click();
    await log.getByText('INFO the second of them').waitFor();
    await page.getByText('Following', { exact: true }).waitFor();
    await say('INFO the third of them');
    await log.getByText('INFO the third of them').waitFor();
    expect(complaints).toEqual([]);
  });

  test('counts what a search finds and goes from one to the next, also to where it was not scrolled to', async () => {
    const { page, open, complaints } = await dashboard.window();
    await open(address);
    const log = page.getByRole('log');
    await log.getByText('number 400').waitFor();
    await searchField(page).fill('NEEDLE');
    await page.getByText('4 found', { exact: true }).waitFor();
    expect(new URL(page.url()).searchParams.get('q')).toBe('NEEDLE');
    await log.locator('mark').first().waitFor();
    const seen = new Set<string>();
    await searchField(page).press('Shift+Enter');
    for (const current of [4, 3, 2, 1]) {
      await page.getByText(`${current} of 4`, { exact: true }).waitFor();
      const line = new URL(page.url()).searchParams.get('line') ?? '';
      seen.add(line);
      const row = log.locator(`[data-cursor="${line}"]`);
      await row.getByText(`number ${current}00`).waitFor();
      await expect.poll(() => isSeen(page, line)).toBe(true);
      if (current > 1) await searchField(page).press('Shift+Enter');
    }
    expect(seen.size).toBe(4);
    await searchField(page).fill('not in it');
    await page.getByText('Not found', { exact: true }).waitFor();
    expect(complaints).toEqual([]);
  });

  test('filtered by level shows only that, and its address shows the same to others', async () => {
    const { page, open, complaints } = await dashboard.window();
    await open(address);
    const log = page.getByRole('log');
    await log.getByText('number 400').waitFor();
    await page.getByRole('combobox', { name: 'Level' }).selectOption({ label: 'Errors' });
    await log.getByText('number 100').waitFor();
    expect(await log.getByText('INFO', { exact: false }).count()).toBe(0);
    expect(await log.locator('[data-cursor]').count()).toBe(4);
    expect(page.url()).toContain('level=error');

    const other = await dashboard.window();
    await other.open(page.url().slice(dashboard.url.length));
    await other.page.getByRole('log').getByText('number 100').waitFor();
    expect(await other.page.getByRole('log').locator('[data-cursor]').count()).toBe(4);
    await page.goBack();
    await log.getByText('INFO line 399').waitFor();
    expect(complaints).toEqual([]);
  });

  test('opens at the line of a link, not at its end', async () => {
    const { page, open, complaints } = await dashboard.window();
    await open(`${address}?q=number%20100`);
    await page.getByText('1 found', { exact: true }).waitFor();
    // All of it is above what is seen; the nearest is meant.
    await searchField(page).press('Enter');
    await page.getByText('1 of 1', { exact: true }).waitFor();
    const line = new URL(page.url()).searchParams.get('line') ?? '';
    // The link of the line itself, as one copies it from its time.
    const link = await page.getByRole('log').locator(`[data-cursor="${line}"] a`).getAttribute('href');

    const other = await dashboard.window();
    await other.open(new URL(link ?? '', dashboard.url).href.slice(dashboard.url.length));
    const row = other.page.getByRole('log').locator(`[data-cursor="${line}"]`);
    await row.getByText('ERROR number 100 went wrong').waitFor();
    await expect.poll(() => isSeen(other.page, line)).toBe(true);
    expect(await row.getAttribute('data-linked')).toBe('true');
    await other.page.getByText('Not following', { exact: true }).waitFor();
    expect([...complaints, ...other.complaints]).toEqual([]);
  });

  test('is downloaded as text, with the lines that its filters let through', async () => {
    const { page, open } = await dashboard.window();
    await open(`${address}?level=error`);
    await page.getByRole('log').getByText('number 400').waitFor();
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'Download' }).click(),
    ]);
    const lines = readFileSync(await download.path(), 'utf8')
      .trimEnd()
      .split('\n');
    expect(lines).toHaveLength(4);
    expect(lines[3]).toContain('ERROR number 400 went wrong: needle');
  });
});

/** Whether a line is on the screen, in the part of the log that is seen. */
function isSeen(page: Page, cursor: string): Promise<boolean> {
  return page.evaluate((wanted) => {
    const row = document.querySelector(`[data-cursor="${wanted}"]`)?.getBoundingClientRect();
    const frame = document.querySelector('[role="log"]')?.getBoundingClientRect();
    return row !== undefined && frame !== undefined && row.top >= frame.top - 1 && row.bottom <= frame.bottom + 1;
  }, cursor);
}
