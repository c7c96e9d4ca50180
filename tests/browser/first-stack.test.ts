/** The first stack: from the URL of a repository, over services that are proposed with reasons, to something that answers. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../e2e/installation.ts';
import { type Dashboard, no_browser, startDashboard } from './browser.ts';
import { makeRepository, nodeService, type Repository } from './repository.ts';
import { clientOf, deployed_within_ms, nodeServiceOf, served } from './stack.ts';

let dashboard: Dashboard;
let repository: Repository;

beforeAll(async () => {
  if (no_browser) return;
  dashboard = await startDashboard();
  repository = makeRepository(join(dashboard.home, 'shop'));
  repository.commit('The shop opens', nodeService('the shop'));
  repository.tag('v1.0.0');
  repository.branch('winter-sale');
  const spec = { services: { web: nodeServiceOf(repository) } };
  await clientOf(dashboard)['stacks.apply']({ stack: 'taken', spec });
});
afterAll(() => dashboard?.close());

describe.skipIf(no_browser)('the first stack', () => {
  test('comes from a Git URL: looked at, proposed with reasons, planned, deployed while one watches, and it answers', async () => {
    const { page, open, complaints } = await dashboard.window();
    await open('/');
    await page.getByRole('link', { name: 'New stack' }).first().click();
    await page.getByRole('textbox', { name: 'Git URL' }).fill(repository.path);
    await page.getByRole('button', { name: 'Look at it' }).click();

    // What the repository has is offered.
    const ref = page.getByRole('combobox', { name: 'Branch or tag' });
    await expect.poll(() => ref.inputValue(), { timeout: 30_000 }).toBe('main (default)');
    await ref.click();
    for (const name of ['main (default)', 'winter-sale', 'v1.0.0']) await page.getByRole('option', { name }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByText('The shop opens').waitFor();

    // The service is proposed, and why.
    const service = page.getByRole('region', { name: 'shop' });
    const run = service.getByRole('textbox', { name: 'Run command' });
    await expect.poll(() => run.inputValue()).toMatch(/^(npm (run )?start|node server\.mjs)$/);
    await service
      .getByText(/package\.json/)
      .first()
      .waitFor();

    // What is wrong is said at its field, and nothing that was typed is lost: by the refusal, or by a reload.
    const name = page.getByRole('textbox', { name: 'Name of the stack' });
    const port = service.getByRole('textbox', { name: 'Port', exact: true });
    await service.getByRole('button', { name: 'Add a variable' }).click();
    await service.getByRole('textbox', { name: 'Name', exact: true }).last().fill('GREETING');
    await service.getByRole('textbox', { name: 'Value GREETING' }).fill('hello');
    await name.fill('taken');
    await port.fill('99999');
    const review = page.getByRole('button', { name: 'Review the plan' });
    await review.click();
    await page.getByText('There is a stack of this name already.').first().waitFor();
    await expect.poll(() => name.getAttribute('aria-invalid')).toBe('true');
    await name.fill('shop');
    await review.click();
    await expect.poll(() => port.getAttribute('aria-invalid'), { timeout: 20_000 }).toBe('true');
    await expect.poll(() => port.evaluate((field) => field === document.activeElement)).toBe(true);
    await page.reload();
    await expect.poll(() => port.inputValue()).toBe('99999');
    expect(await name.inputValue()).toBe('shop');
    expect(await service.getByRole('textbox', { name: 'Value GREETING' }).inputValue()).toBe('hello');
    await port.fill('');

    await page.getByRole('checkbox', { name: /^local/ }).check();
    await page.getByText('Ports and updates').click();
    await page.getByRole('textbox', { name: 'Port of the proxy' }).fill(String(dashboard.proxy_port));
    await page.getByRole('textbox', { name: 'Port for internal names' }).fill(String(await freePort()));
    await review.click();
    const plan = page.getByRole('dialog', { name: 'Make stack shop' });
    await plan.getByText('services.shop').first().waitFor();
    await plan.getByRole('button', { name: 'Deploy' }).click();
    const assignment = page.getByRole('dialog', { name: 'Let local run shop' });
    await assignment.getByRole('button', { name: 'Start the deployment' }).click();

    // Its progress is shown by itself, to the end; and what the page says is true.
    await page.getByRole('heading', { level: 1, name: 'shop is up' }).waitFor({ timeout: deployed_within_ms });
    const progress = page.getByRole('region', { name: 'shop on local' });
    await progress.getByText('Healthy', { exact: true }).waitFor();
    const address = page.getByRole('link', { name: dashboard.proxy_url });
    expect(new URL((await address.getAttribute('href')) ?? '').origin).toBe(dashboard.proxy_url);
    expect(await served(dashboard)).toBe('the shop');

    await page.getByRole('link', { name: 'Open the stack' }).click();
    await page.getByRole('heading', { level: 1, name: 'shop' }).waitFor();
    await page.getByRole('table').getByText('Healthy', { exact: true }).waitFor();
    await page.getByRole('table').getByText('The shop opens').waitFor();
    expect(complaints).toEqual([]);
  });

  test('whose repository cannot be read says why at the URL, which stays as it was typed', async () => {
    const { page, open, complaints } = await dashboard.window();
    await open('/stacks/new');
    const url = page.getByRole('textbox', { name: 'Git URL' });
    await url.fill(join(dashboard.home, 'not-there'));
    await url.press('Enter');
    await page.getByRole('alert').filter({ hasText: 'The repository could not be read' }).waitFor();
    await page.reload();
    await page.getByRole('alert').filter({ hasText: 'The repository could not be read' }).waitFor();
    expect(await url.inputValue()).toBe(join(dashboard.home, 'not-there'));
    expect(complaints).toEqual([]);
  });
});
