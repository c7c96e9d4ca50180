/** Every view has an address: opened, loaded again, gone back to, it shows the same; what is not there is said to be. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Dashboard, no_browser, overflowOf, settled, startDashboard, type Window } from './browser.ts';
import { pages } from './pages.ts';
import { clientOf, deployed_within_ms } from './stack.ts';

let dashboard: Dashboard;
let window: Window;

beforeAll(async () => {
  if (no_browser) return;
  dashboard = await startDashboard({ example: true });
  window = await dashboard.window();
});
afterAll(() => dashboard?.close());

/** What says where one is, once it has come to rest: headings, the chosen tab, the dialog. What ticks is left out. */
async function placeOf(page: Page): Promise<unknown> {
  let before = '';
  for (let look = 0; look < 100; look++) {
    await settled(page);
    const place = await page.evaluate(() => {
      const texts = (selector: string) => [...document.querySelectorAll(selector)].map((found) => found.textContent);
      return {
        address: location.pathname + location.search,
        title: document.title,
        headings: texts('main h1, main h2'),
        tab: texts('[role="tab"][aria-selected="true"]'),
        dialog: texts('[role="dialog"] h2'),
        here: texts('nav [aria-current="page"]'),
      };
    });
    if (JSON.stringify(place) === before) return place;
    before = JSON.stringify(place);
    await page.waitForTimeout(100);
  }
  throw new Error(`${page.url()} does not come to rest`);
}

describe.skipIf(no_browser)('every address', () => {
  test('opens its page directly, and shows the same when it is loaded again', async () => {
    const { page, open, complaints } = window;
    for (const { name, path } of pages) {
      await open(path);
      const place = await placeOf(page);
      expect(place, name).toMatchObject({ address: path });
      await page.reload();
      await page.locator('main h1').first().waitFor();
      expect(await placeOf(page), name).toEqual(place);
    }
    expect(complaints).toEqual([]);
  });

  test('that names nothing says so, and leads on', async () => {
    const { page, open, complaints } = window;
    const lost: readonly (readonly [string, RegExp])[] = [
      ['/nowhere', /There is nothing here/],
      ['/stacks/no-such-stack', /no-such-stack/],
      ['/stacks/no-such-stack?tab=releases', /no-such-stack/],
      ['/stacks/example/services/no-such-service', /There is no such service/],
      ['/stacks/no-such-stack/services/api', /no-such-stack/],
      ['/servers/no-such-server', /no-such-server/],
      ['/operations/op_01a080ec8b3d7b8bac40d5a79b9b0000', /op_01a080ec8b3d7b8bac40d5a79b9b0000/],
      ['/operations/%3Cscript%3E', /Operation/],
    ];
    for (const [path, said] of lost) {
      await open(path);
      await settled(page);
      const main = page.getByRole('main');
      await main.getByText(said).first().waitFor();
      // More than the name that the address has anyway.
      await main
        .getByText(/no such|not found|nothing here|was not|there is no|is not|must/i)
        .first()
        .waitFor();
      expect(await overflowOf(page), path).toBe(0);
    }
    expect(complaints).toEqual([]);
  });

  test('with parameters that are not understood opens the page without them', async () => {
    const { page, open, complaints } = window;
    await open('/stacks/example?tab=nonsense&version=-1&act=explode&q[]=a');
    await page.getByRole('tab', { name: 'Services', selected: true }).waitFor();
    expect(await page.getByRole('dialog').count()).toBe(0);
    await open('/events?severity=%00&from=yesterday');
    await page.getByRole('heading', { level: 1, name: 'Events' }).waitFor();
    await settled(page);
    expect(complaints).toEqual([]);
  });
});

describe.skipIf(no_browser)('the back button', () => {
  test('goes through pages, tabs, filters and dialogs, one step at a time, and forward again', async () => {
    const { page, open, complaints } = window;
    await open('/');
    await page.getByRole('main').getByRole('link', { name: 'example', exact: true }).first().click();
    await page.getByRole('tab', { name: 'Environment' }).click();
    await page.getByRole('navigation', { name: 'Service' }).getByRole('link', { name: 'api' }).click();
    await page.waitForURL(/service=api/);
    await page.getByRole('tab', { name: 'Releases' }).click();
    await page.getByRole('link', { name: 'Deploy', exact: true }).click();
    await page.getByRole('dialog', { name: 'Deploy example' }).waitFor();
    await page.goBack();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page.getByRole('tab', { name: 'Releases', selected: true }).waitFor();
    await page.goBack();
    await page.getByRole('tab', { name: 'Environment', selected: true }).waitFor();
    expect(page.url()).toContain('service=api');
    await page.goBack();
    expect(page.url()).not.toContain('service=');
    await page.goBack();
    await page.getByRole('tab', { name: 'Services', selected: true }).waitFor();
    await page.goBack();
    await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
    await page.goForward();
    await page.goForward();
    await page.getByRole('tab', { name: 'Environment', selected: true }).waitFor();
    expect(complaints).toEqual([]);
  });

  test('takes filters of the events back', async () => {
    const { page, open, complaints } = window;
    await open('/events?stack=example');
    await settled(page);
    const shown = await page.getByRole('main').getByRole('link', { name: 'local' }).count();
    await open('/events?severity=error');
    await page.goBack();
    await expect.poll(() => page.url()).toContain('stack=example');
    await settled(page);
    await expect.poll(() => page.getByRole('main').getByRole('link', { name: 'local' }).count()).toBe(shown);
    expect(complaints).toEqual([]);
  });
});

describe.skipIf(no_browser)('on a phone', () => {
  test('one goes about by the drawer, which closes behind one, and nothing is wider than the screen', async () => {
    const { page, open, complaints } = await dashboard.window({
      viewport: { width: 390, height: 844 },
      hasTouch: true,
    });
    await open('/');
    const navigation = page.getByRole('dialog').getByRole('navigation', { name: 'Main' });
    for (const [link, heading] of [
      ['Servers', 'Servers'],
      ['Events', 'Events'],
      ['Settings', 'Settings'],
      ['example', 'example'],
    ] as const) {
      await page.getByRole('button', { name: 'Open navigation' }).tap();
      await navigation.getByRole('link', { name: link }).tap();
      await page.getByRole('heading', { level: 1, name: heading }).waitFor();
      await navigation.waitFor({ state: 'detached' });
      await settled(page);
      expect(await overflowOf(page), heading).toBe(0);
    }
    await page.getByRole('button', { name: 'Open navigation' }).tap();
    await navigation.waitFor();
    await page.getByRole('button', { name: 'Close navigation' }).tap();
    await navigation.waitFor({ state: 'detached' });
    expect(complaints).toEqual([]);
  });

  test('a deployment is reviewed and confirmed', async () => {
    const { page, open, complaints } = await dashboard.window({
      viewport: { width: 390, height: 844 },
      hasTouch: true,
    });
    await open('/stacks/example');
    const { stack: before } = await clientOf(dashboard)['stacks.get']({ stack: 'example' });
    await page.getByRole('link', { name: 'Deploy', exact: true }).tap();
    const dialog = page.getByRole('dialog', { name: 'Deploy example' });
    await dialog.getByRole('checkbox').check();
    const confirm = dialog.getByRole('button', { name: 'Deploy' });
    await expect.poll(() => confirm.isEnabled()).toBe(true);
    expect(await overflowOf(page)).toBe(0);
    await confirm.tap();
    await dialog.getByText('Succeeded', { exact: true }).waitFor({ timeout: deployed_within_ms });
    const { stack: after } = await clientOf(dashboard)['stacks.get']({ stack: 'example' });
    expect(after.version).toBeGreaterThan(before.version ?? 0);
    expect(complaints).toEqual([]);
  });
});
