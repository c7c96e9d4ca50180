/** Two windows, and what is changed elsewhere: whoever looks sees it by itself. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Dashboard, no_browser, startDashboard, type Window } from './browser.ts';
import { makeRepository, type Repository } from './repository.ts';
import { commitVersion, deployed_within_ms, nodeServiceOf, runStack, untilServed } from './stack.ts';

let dashboard: Dashboard;
let repository: Repository;
let one: Window;
let two: Window;

beforeAll(async () => {
  if (no_browser) return;
  dashboard = await startDashboard();
  repository = makeRepository(join(dashboard.home, 'shop'));
  commitVersion(repository, 'one');
  await runStack(dashboard, 'shop', { web: nodeServiceOf(repository) });
  await untilServed(dashboard, 'one');
  one = await dashboard.window();
  two = await dashboard.window();
});
afterAll(() => dashboard?.close());

describe.skipIf(no_browser)('what one window does', () => {
  test('the other shows by itself: a deployment with its outcome, on the stack and on the overview', async () => {
    const third = await dashboard.window();
    await one.open('/stacks/shop');
    await two.open('/stacks/shop');
    await third.open('/');
    await two.page.getByRole('table').getByText('Answer with one').waitFor();
    const commit = commitVersion(repository, 'two');
    await one.page.getByRole('link', { name: 'Deploy', exact: true }).click();
    await one.page.getByRole('dialog').getByRole('button', { name: 'Deploy' }).click();
    await two.page.getByRole('table').getByText('Answer with two').waitFor({ timeout: deployed_within_ms });
    await two.page.getByRole('table').getByText(commit.slice(0, 7), { exact: true }).waitFor();
    await two.page.getByText('2 serving').waitFor();
    await third.page.getByRole('main').getByText('v2', { exact: true }).waitFor();
    expect([...one.complaints, ...two.complaints, ...third.complaints]).toEqual([]);
  });

  test('the other shows by itself: a pause; and that it was taken back on the command line', async () => {
    await one.open('/stacks/shop?act=pause');
    await two.open('/stacks/shop');
    await one.page.getByRole('dialog').getByRole('textbox').fill('Stocktaking');
    await one.page.getByRole('dialog').getByRole('button', { name: 'Pause' }).click();
    await two.page.getByRole('alert').filter({ hasText: 'Paused by' }).getByText('Stocktaking').waitFor();
    const resumed = await dashboard.cli('stacks', 'resume', 'shop');
    expect(resumed.code).toBe(0);
    for (const { page } of [one, two]) {
      await page.getByRole('alert').filter({ hasText: 'Paused by' }).waitFor({ state: 'detached' });
    }
    expect([...one.complaints, ...two.complaints]).toEqual([]);
  });

  test('and a deployment from the command line moves the list of releases of who looks at it', async () => {
    await one.open('/stacks/shop?tab=releases');
    await one.page.getByRole('heading', { name: 'Version 2' }).waitFor();
    commitVersion(repository, 'three');
    const deployed = await dashboard.cli('stacks', 'deploy', 'shop');
    expect(deployed.code, deployed.stderr).toBe(0);
    const newest = one.page.getByRole('list', { name: 'Versions, newest first' }).getByRole('listitem').first();
    await newest.getByText('Answer with three').waitFor();
    await newest.getByText('Serves now').waitFor();
    expect(one.complaints).toEqual([]);
  });
});
