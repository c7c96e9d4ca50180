/** Changes of a running stack: a deploy that fails harms nobody and says why; going back and pausing do what they say. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Dashboard, no_browser, startDashboard, type Window } from './browser.ts';
import { crashingProgram, makeRepository, type Repository } from './repository.ts';
import { commitVersion, deployed_within_ms, nodeServiceOf, runStack, served, untilServed } from './stack.ts';

let dashboard: Dashboard;
let repository: Repository;
let window: Window;
let first: string;

beforeAll(async () => {
  if (no_browser) return;
  dashboard = await startDashboard();
  repository = makeRepository(join(dashboard.home, 'shop'));
  first = commitVersion(repository, 'one');
  await runStack(dashboard, 'shop', { web: nodeServiceOf(repository) });
  await untilServed(dashboard, 'one');
  window = await dashboard.window();
});
afterAll(() => dashboard?.close());

describe.skipIf(no_browser)('a stack', () => {
  test('whose new commit crashes says so, at which stage and with its last words, and goes on serving the old one', async () => {
    const { page, open, complaints } = window;
    const bad = repository.commit('Answer with nothing', { 'server.mjs': crashingProgram });
    await open('/stacks/shop');
    await page.getByRole('link', { name: 'Deploy', exact: true }).click();
    const dialog = page.getByRole('dialog', { name: 'Deploy shop' });
    // The plan names the commits: from which to which.
    await dialog.getByText(first.slice(0, 7)).first().waitFor();
    await dialog.getByText(bad.slice(0, 7)).first().waitFor();
    expect(page.url()).toContain('act=deploy');
    await dialog.getByRole('button', { name: 'Deploy' }).click();
    await dialog.getByText('Failed', { exact: true }).first().waitFor({ timeout: deployed_within_ms });
    await dialog.getByText('FATAL: the database is not there').first().waitFor();
    expect(await served(dashboard)).toBe('one');

    await dialog.getByRole('link', { name: 'Open the operation' }).click();
    await page.getByRole('heading', { level: 2, name: 'It failed' }).waitFor();
    await page.getByText('FATAL: the database is not there').first().waitFor();
    await page.getByRole('link', { name: 'Logs of web' }).click();
    await page.getByRole('log').getByText('FATAL: the database is not there').first().waitFor();

    await open('/stacks/shop');
    const table = page.getByRole('table');
    await table.getByText(new RegExp(`^${bad.slice(0, 7)} failed at `)).waitFor();
    await table.getByText('FATAL: the database is not there').first().waitFor();
    await table.getByText(`${first.slice(0, 7)} goes on serving.`).waitFor();
    await table.getByText('Answer with one').waitFor();

    await open('/stacks/shop/services/web?tab=crashes');
    await page.getByText('FATAL: the database is not there').first().waitFor();
    expect(await served(dashboard)).toBe('one');
    expect(complaints).toEqual([]);
  });

  test('goes back to a version that was chosen by its difference, and forward again', async () => {
    const { page, open, complaints } = window;
    const second = commitVersion(repository, 'two');
    await open('/stacks/shop?act=deploy');
    await page.getByRole('dialog').getByRole('button', { name: 'Deploy' }).click();
    await page.getByRole('dialog').getByText('Succeeded', { exact: true }).waitFor({ timeout: deployed_within_ms });
    expect(await served(dashboard)).toBe('two');
    await page.getByRole('dialog').getByRole('button', { name: 'Close' }).last().click();

    await page.getByRole('tab', { name: 'Releases' }).click();
    const versions = page.getByRole('list', { name: 'Versions, newest first' });
    const oldest = versions.getByRole('listitem').filter({ has: page.getByRole('heading', { name: 'Version 1' }) });
    await oldest.getByText('Answer with one').waitFor();
    // Compared, it tells the commits on both sides; nothing is changed by looking.
    await oldest.getByRole('link', { name: 'Compare with now: version 1' }).click();
    const difference = oldest.getByRole('region', { name: 'Going back to it would change' });
    await difference.getByText(second.slice(0, 7)).first().waitFor();
    await difference.getByText(first.slice(0, 7)).first().waitFor();
    expect(page.url()).toContain('version=1');
    expect(await served(dashboard)).toBe('two');
    await oldest.getByRole('link', { name: 'Roll back to this: version 1' }).click();
    const dialog = page.getByRole('dialog', { name: 'Roll shop back to version 1' });
    await dialog.getByText(first.slice(0, 7)).first().waitFor();
    await dialog.getByRole('button', { name: 'Roll back' }).click();
    await dialog.getByText('Succeeded', { exact: true }).waitFor({ timeout: deployed_within_ms });
    expect(await served(dashboard)).toBe('one');
    await dialog.getByRole('button', { name: 'Close' }).last().click();
    await page.getByText('web: held back').waitFor();

    await page.getByRole('link', { name: 'Deploy', exact: true }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Deploy' }).click();
    await page.getByRole('dialog').getByText('Succeeded', { exact: true }).waitFor({ timeout: deployed_within_ms });
    expect(await served(dashboard)).toBe('two');
    await page.getByText('web: held back').waitFor({ state: 'detached' });
    expect(complaints).toEqual([]);
  });

  test('that is paused says by whom and why, refuses to be deployed, and is resumed', async () => {
    const { page, open, complaints } = window;
    await open('/stacks/shop');
    await page.getByRole('button', { name: 'More actions' }).click();
    await page.getByRole('menuitem', { name: 'Pause' }).click();
    const pause = page.getByRole('dialog', { name: 'Pause shop' });
    await pause.getByRole('textbox', { name: /^Why/ }).fill('Release freeze');
    await pause.getByRole('button', { name: 'Pause' }).click();
    await pause.getByText('Succeeded', { exact: true }).waitFor();
    await pause.getByRole('button', { name: 'Close' }).last().click();
    const notice = page.getByRole('alert').filter({ hasText: 'Paused by' });
    await notice.getByText('Release freeze').waitFor();
    const deploy = page.getByRole('link', { name: 'Deploy', exact: true });
    expect(await deploy.getAttribute('aria-disabled')).toBe('true');
    expect(await served(dashboard)).toBe('two');

    await page.getByRole('link', { name: 'Resume', exact: true }).click();
    const resume = page.getByRole('dialog', { name: 'Resume shop' });
    await resume.getByRole('button', { name: 'Resume' }).click();
    await resume.getByText('Succeeded', { exact: true }).waitFor();
    await resume.getByRole('button', { name: 'Close' }).last().click();
    await notice.waitFor({ state: 'detached' });
    await expect.poll(() => deploy.getAttribute('aria-disabled')).toBeNull();
    expect(complaints).toEqual([]);
  });
});
