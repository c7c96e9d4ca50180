/** The timeline of events: its filters are its address, repetitions are one line, and nothing moves under who reads. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Dashboard, no_browser, settled, startDashboard, type Window } from './browser.ts';
import { clientOf } from './stack.ts';

let dashboard: Dashboard;
let window: Window;

beforeAll(async () => {
  if (no_browser) return;
  dashboard = await startDashboard({ example: true });
  window = await dashboard.window();
});
afterAll(() => dashboard?.close());

/** Makes something happen that concerns no stack: each is one event more. */
async function makeLinks(count: number): Promise<void> {
  const client = clientOf(dashboard);
  for (let made = 0; made < count; made++) await client['access.create_sign_in_link']({});
}

const lines = () => window.page.getByRole('list', { name: 'Events' });

describe.skipIf(no_browser)('the events', () => {
  test('are filtered by the address, and Back takes nothing away that was chosen', async () => {
    const { page, open, complaints } = window;
    await open('/events?about=builds');
    await lines().getByText('Build succeeded').first().waitFor();
    expect(await page.getByLabel('About', { exact: true }).inputValue()).toBe('builds');
    expect(await lines().getByText('Server enrolled').count()).toBe(0);
    await page.getByLabel('About', { exact: true }).selectOption('servers');
    await lines().getByText('Server enrolled').waitFor();
    expect(new URL(page.url()).search).toBe('?about=servers');
    await lines().getByRole('link', { name: 'local' }).first().click();
    await page.getByRole('heading', { level: 1, name: 'local' }).waitFor();
    await page.goBack();
    await lines().getByText('Server enrolled').waitFor();
    expect(await lines().getByText('Build succeeded').count()).toBe(0);
    await page.getByRole('searchbox').fill('no event says this');
    await page.getByText('No event fits these filters').waitFor();
    await page.getByRole('button', { name: 'Clear filters' }).last().click();
    await lines().getByText('Build succeeded').first().waitFor();
    expect(new URL(page.url()).search).toBe('');
    expect(complaints).toEqual([]);
  });

  test('lead to the operation behind them', async () => {
    const { page, open, complaints } = window;
    await open('/events?stack=example');
    await lines()
      .getByRole('button', { name: /^Deployment succeeded/ })
      .click();
    await lines().getByRole('link', { name: 'The operation behind it' }).click();
    await page.getByRole('heading', { level: 1, name: 'Make stack example with 3 services' }).waitFor();
    await page.getByRole('heading', { name: 'What happened' }).waitFor();
    expect(complaints).toEqual([]);
  });

  test('that repeat themselves are one line, which stays open when it happens again', async () => {
    const { page, open, complaints } = window;
    await makeLinks(3);
    await open('/events?q=one-time');
    const line = lines().getByRole('button', { name: /^Operation done.*Make a one-time sign-in link/ });
    await expect.poll(() => line.count()).toBe(1);
    await line.click();
    await page.getByText(/^\d+ times within/).waitFor();
    expect(await line.first().getAttribute('aria-expanded')).toBe('true');
    await makeLinks(1);
    await page.getByRole('button', { name: 'Show 1 new event' }).waitFor();
    expect(await line.first().getAttribute('aria-expanded')).toBe('true');
    expect(complaints).toEqual([]);
  });

  test('that come while somebody reads wait on top until they are asked for', async () => {
    const { page, open, complaints } = window;
    await page.setViewportSize({ width: 1360, height: 420 });
    await open('/events');
    await settled(page);
    const read = lines().getByRole('button', { name: /^Server enrolled/ });
    await read.scrollIntoViewIfNeeded();
    await expect.poll(() => page.evaluate(() => scrollY)).toBeGreaterThan(120);
    const before = await read.boundingBox();
    await makeLinks(2);
    const pill = page.getByRole('button', { name: /^Show \d+ new events$/ });
    await pill.waitFor();
    expect(await read.boundingBox()).toEqual(before);
    await pill.click();
    await expect.poll(() => page.evaluate(() => scrollY)).toBe(0);
    await pill.waitFor({ state: 'detached' });
    await makeLinks(1);
    await expect
      .poll(() => lines().getByRole('listitem').nth(1).textContent())
      .toContain('Make a one-time sign-in link');
    expect(complaints).toEqual([]);
  });
});
