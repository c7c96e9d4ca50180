/** Everything can be done without a mouse: one always knows where one is, and comes back to where one was. */
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Dashboard, no_browser, startDashboard, type Window } from './browser.ts';
import { makeRepository, type Repository } from './repository.ts';
import { commitVersion, deployed_within_ms, nodeServiceOf, runStack, served, untilServed } from './stack.ts';

let dashboard: Dashboard;
let repository: Repository;
let window: Window;

beforeAll(async () => {
  if (no_browser) return;
  dashboard = await startDashboard();
  repository = makeRepository(join(dashboard.home, 'shop'));
  commitVersion(repository, 'one');
  await runStack(dashboard, 'shop', { web: nodeServiceOf(repository) });
  await untilServed(dashboard, 'one');
  window = await dashboard.window();
});
afterAll(() => dashboard?.close());

/** What the keys go to: its accessible name, or its text. */
function focused(page: Page): Promise<string> {
  return page.evaluate(() => {
    const element = document.activeElement;
    return element?.getAttribute('aria-label') ?? element?.textContent?.trim().slice(0, 60) ?? '';
  });
}

function isInDialog(page: Page): Promise<boolean> {
  return page.evaluate(() => document.activeElement?.closest('[role="dialog"]') != null);
}

async function tabTo(page: Page, name: string, presses_max = 60): Promise<void> {
  for (let press = 0; press < presses_max; press++) {
    if ((await focused(page)) === name) return;
    await page.keyboard.press('Tab');
  }
  throw new Error(`Tab does not come to "${name}"; it stands on "${await focused(page)}"`);
}

describe.skipIf(no_browser)('with the keyboard alone', () => {
  test('the first stop leads past the navigation to the content', async () => {
    const { page, open } = window;
    await open('/events');
    await page.keyboard.press('Tab');
    expect(await focused(page)).toBe('Skip to content');
    await page.keyboard.press('Enter');
    await expect.poll(() => page.evaluate(() => document.activeElement?.id)).toBe('content');
    await page.keyboard.press('Tab');
    expect(await page.evaluate(() => document.activeElement?.closest('main') != null)).toBe(true);
  });

  test('the palette finds a stack by its name and opens it', async () => {
    const { page, open, complaints } = window;
    await open('/events');
    await tabTo(page, 'Servers');
    await page.keyboard.press('Control+k');
    const palette = page.getByRole('dialog');
    await palette.getByRole('combobox').waitFor();
    await page.keyboard.press('Escape');
    await palette.waitFor({ state: 'detached' });
    await expect.poll(() => focused(page)).toBe('Servers');
    await page.keyboard.press('Control+k');
    await palette.getByRole('combobox').waitFor();
    await page.keyboard.type('shop');
    await palette.getByRole('option', { name: /^shop/, selected: true }).waitFor();
    await page.keyboard.press('Enter');
    await page.waitForURL(`${dashboard.url}/stacks/shop`);
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect(complaints).toEqual([]);
  });

  test('keys lead to pages, the sheet tells which, and Escape closes it and gives the focus back', async () => {
    const { page, open, complaints } = window;
    await open('/');
    await page.keyboard.press('g');
    await page.keyboard.press('s');
    await page.waitForURL(`${dashboard.url}/servers`);
    await page.getByRole('heading', { level: 1, name: 'Servers' }).waitFor();
    await tabTo(page, 'Events');
    await page.keyboard.press('?');
    const sheet = page.getByRole('dialog', { name: 'Keyboard shortcuts' });
    await sheet.getByText('Go to the servers').waitFor();
    // Keys do nothing behind it.
    await page.keyboard.press('g');
    await page.keyboard.press('o');
    expect(page.url()).toBe(`${dashboard.url}/servers`);
    await page.keyboard.press('Escape');
    await sheet.waitFor({ state: 'detached' });
    await expect.poll(() => focused(page)).toBe('Events');
    expect(complaints).toEqual([]);
  });

  test('a deployment is reviewed, confirmed and followed; closed by Escape, the focus is back on its button', async () => {
    const { page, open, complaints } = window;
    commitVersion(repository, 'two');
    await open('/stacks/shop');
    await page.getByRole('link', { name: 'Deploy', exact: true }).waitFor();
    await tabTo(page, 'Deploy');
    await page.keyboard.press('Enter');
    const dialog = page.getByRole('dialog', { name: 'Deploy shop' });
    const confirm = dialog.getByRole('button', { name: 'Deploy' });
    await confirm.waitFor();
    await expect.poll(() => isInDialog(page)).toBe(true);
    // First it is left, and nothing has happened.
    await expect.poll(() => confirm.isEnabled()).toBe(true);
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    await expect.poll(() => focused(page)).toBe('Deploy');
    expect(await served(dashboard)).toBe('one');

    await page.keyboard.press('Enter');
    await confirm.waitFor();
    await expect.poll(() => confirm.isEnabled()).toBe(true);
    await tabTo(page, 'Cancel');
    await page.keyboard.press('Tab');
    expect(await confirm.evaluate((button) => button === document.activeElement)).toBe(true);
    await page.keyboard.press('Enter');
    await dialog.getByText('Succeeded', { exact: true }).waitFor({ timeout: deployed_within_ms });
    expect(await served(dashboard)).toBe('two');
    // The focus stayed within the dialog when what it showed became something else.
    expect(await isInDialog(page)).toBe(true);
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    await expect.poll(() => focused(page)).toBe('Deploy');
    expect(complaints).toEqual([]);
  });

  test('tabs are moved through by arrows and opened by Enter', async () => {
    const { page, open, complaints } = window;
    await open('/stacks/shop');
    await page.getByRole('tab', { name: 'Services' }).focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    expect(await focused(page)).toBe('Releases');
    await page.keyboard.press('Enter');
    await page.waitForURL(/tab=releases/);
    await page.getByRole('heading', { name: 'Version 1' }).waitFor();
    expect(complaints).toEqual([]);
  });
});
