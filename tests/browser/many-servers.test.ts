/** Many servers from the browser: a stack that chooses them by labels, made and changed in forms, and agents that are updated in waves. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSimulatedAgent, type SimulatedAgent, type SimulatedOutcome } from '@mainstay/agent/sim/simulated-agent';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../bench/installation.ts';
import { type Dashboard, no_browser, startDashboard } from './browser.ts';
import { makeRepository, nodeService, type Repository } from './repository.ts';
import { clientOf, deployed_within_ms } from './stack.ts';

const servers = { 'web-1': { role: 'web', region: 'eu' }, 'web-2': { role: 'web', region: 'us' } };
const updates = new Map<string, SimulatedOutcome>();

let dashboard: Dashboard;
let repository: Repository;
let agent_dir: string;
const agents: SimulatedAgent[] = [];

beforeAll(async () => {
  if (no_browser) return;
  agent_dir = mkdtempSync(join(tmpdir(), 'mainstay-release-'));
  writeFileSync(
    join(agent_dir, 'release.json'),
    '{ "version": "2.0.0", "files": [{ "name": "agent", "arch": "x64" }] }',
  );
  dashboard = await startDashboard({ agent_dir });
  repository = makeRepository(join(dashboard.home, 'shop'));
  repository.commit('The shop opens', nodeService('the shop'));
  for (const [server, labels] of Object.entries(servers)) {
    const { result } = await clientOf(dashboard)['servers.invite']({ server, labels });
    const agent = createSimulatedAgent({
      url: dashboard.url,
      token: result?.token ?? '',
      heartbeat_interval_ms: 500,
      update: () => updates.get(server) ?? { state: 'succeeded' },
    });
    agents.push(agent);
    // Enrolment may be repeated; where much else runs, a connection may be cut.
    await until(() => agent.start().then(succeeded, failed), `the enrolment of ${server}`, 30_000);
    await until(
      async () => (await clientOf(dashboard)['servers.get']({ server })).reported !== null,
      `the first report of ${server}`,
      30_000,
    );
  }
});
afterAll(async () => {
  await Promise.all(agents.map((agent) => agent.stop()));
  await dashboard?.close();
  if (agent_dir) rmSync(agent_dir, { recursive: true, force: true });
});

const succeeded = () => true;
const failed = () => false;

/** Which server runs which stack. */
async function stacks(): Promise<Record<string, string | null>> {
  const listed = await clientOf(dashboard)['servers.list']({});
  return Object.fromEntries(listed.servers.map(({ name, stack }) => [name, stack]));
}

describe.skipIf(no_browser)('a stack that chooses its servers by labels', () => {
  test('is made in the form: it shows whom labels choose, refuses those that choose nobody at their field, and goes to whom the plan names', async () => {
    const { page, open, complaints } = await dashboard.window();
    await open('/stacks/new');
    await page.getByRole('textbox', { name: 'Git URL' }).fill(repository.path);
    await page.getByRole('button', { name: 'Look at it' }).click();
    await page.getByRole('region', { name: 'shop' }).waitFor();
    const labels = page.getByRole('textbox', { name: 'Or on all servers that have these labels' });
    const local = page.getByRole('checkbox', { name: /^local/ });
    await local.check();
    await labels.fill('role=db');
    await page.getByText('No free server has the labels below now.').waitFor();
    expect(await local.isChecked()).toBe(false);
    expect(await local.isDisabled()).toBe(true);

    const review = page.getByRole('button', { name: 'Review the plan' });
    await review.click();
    await expect.poll(() => labels.getAttribute('aria-invalid'), { timeout: 20_000 }).toBe('true');
    await expect.poll(() => labels.evaluate((field) => field === document.activeElement)).toBe(true);
    await page.getByText('No server can run it: none that may has role=db.').first().waitFor();
    await page.reload();
    await expect.poll(() => labels.inputValue()).toBe('role=db');
    // Without labels it is as it was ticked.
    await labels.fill('');
    expect(await local.isChecked()).toBe(true);

    await labels.fill('role=web, region=eu');
    expect(await page.getByRole('checkbox', { name: /^web-1/ }).isChecked()).toBe(true);
    expect(await page.getByRole('checkbox', { name: /^web-2/ }).isChecked()).toBe(false);
    await review.click();
    const plan = page.getByRole('dialog', { name: 'Make stack shop' });
    await plan.getByText('targets.servers.web-1').waitFor();
    await plan.getByText('comes in: it has role=web, region=eu').waitFor();
    expect(await plan.getByText('targets.servers.').count()).toBe(1);
    await plan.getByRole('button', { name: 'Deploy' }).click();
    await page.getByRole('heading', { level: 1, name: 'shop is up' }).waitFor({ timeout: deployed_within_ms });
    expect(await stacks()).toEqual({ local: null, 'web-1': 'shop', 'web-2': null });
    expect(complaints).toEqual([]);
  });

  test('is given other labels in its configuration, whose plan says who comes in', async () => {
    const { page, open, complaints } = await dashboard.window();
    await open('/stacks/shop?tab=configuration');
    const labels = page.getByRole('textbox', { name: 'Runs on servers that have' });
    expect(await labels.inputValue()).toBe('role=web, region=eu');
    const save = page.getByRole('button', { name: 'Review and save' });
    await labels.fill('role=web, role=db');
    await save.click();
    await expect.poll(() => labels.getAttribute('aria-invalid'), { timeout: 20_000 }).toBe('true');
    await expect.poll(() => labels.evaluate((field) => field === document.activeElement)).toBe(true);

    await labels.fill('role=web');
    await save.click();
    const plan = page.getByRole('dialog', { name: 'Change the configuration of shop' });
    await plan.getByText('targets.servers.web-2').waitFor();
    await plan.getByText('comes in: it has role=web').waitFor();
    await plan.getByRole('button', { name: 'Save and deploy' }).click();
    await plan.getByText('Succeeded', { exact: true }).waitFor({ timeout: deployed_within_ms });
    await plan.getByRole('button', { name: 'Close' }).last().click();
    await page
      .getByRole('definition')
      .filter({ hasText: /^role=web$/ })
      .waitFor();
    expect(await stacks()).toEqual({ local: null, 'web-1': 'shop', 'web-2': 'shop' });

    expect(complaints).toEqual([]);
  });

  test('leaves a server whose labels are changed on its page where it is, and says what the next deployment would do', async () => {
    const { page, open, complaints } = await dashboard.window();
    await open('/servers/web-2');
    const card = page.locator('section', { has: page.getByRole('heading', { name: 'What it is said to be' }) });
    await card.getByRole('button', { name: 'Change' }).click();
    const form = page.getByRole('dialog', { name: 'What is web-2?' });
    const labels = form.getByRole('textbox', { name: 'Labels' });
    const environment = form.getByRole('textbox', { name: 'Environment' });
    expect(await labels.inputValue()).toBe('role=web, region=us');
    await environment.fill('Not One');
    await form.getByRole('button', { name: 'Review' }).click();
    await expect.poll(() => environment.getAttribute('aria-invalid'), { timeout: 20_000 }).toBe('true');
    await environment.fill('production');
    await labels.fill('role=db');
    await form.getByRole('button', { name: 'Review' }).click();
    const review = page.getByRole('dialog', { name: 'Label web-2' });
    await review.getByText('labels.region').waitFor();
    await review.getByText('its role is db, not web').waitFor();
    await review.getByRole('button', { name: 'Save' }).click();
    await review.getByText('Succeeded', { exact: true }).waitFor();
    await review.getByRole('button', { name: 'Close' }).last().click();
    await card.getByText('production', { exact: true }).waitFor();
    await card.getByText('leaves stack shop: its role is db, not web').waitFor();
    await open('/stacks/shop');
    await page.getByText('web-2 leaves: its role is db, not web.').waitFor();
    expect((await stacks())['web-2']).toBe('shop');
    expect(complaints).toEqual([]);
  });
});

describe.skipIf(no_browser)('agents that are not the release that is handed out', () => {
  test('are updated by one button, in waves that stop where one fails; it is gone when none is left', async () => {
    const { page, open, complaints } = await dashboard.window();
    updates.set('web-1', { state: 'failed', message: 'Agent 2.0.0 was put back to simulated: it was silent.' });
    await open('/servers');
    // The agent of `mainstay up` is none that could be updated from here.
    const update = page.getByRole('button', { name: 'Update 2 agents to 2.0.0' });
    const dialog = page.getByRole('dialog', { name: 'Update agents to 2.0.0' });
    const confirm = dialog.getByRole('button', { name: 'Update them' });
    await update.click();
    await dialog.getByText('servers.web-1.agent.version').waitFor();
    await dialog.getByText('servers.web-2.agent.version').waitFor();
    await dialog.getByText('Goes out in 2 waves: web-1, then web-2.').waitFor();
    await confirm.click();
    await dialog.getByText('Failed', { exact: true }).waitFor({ timeout: deployed_within_ms });
    await dialog.getByText('web-1: Agent 2.0.0 was put back to simulated: it was silent.').waitFor();
    await dialog.getByText('Not begun, with the agent that it had: web-2.').waitFor();
    await dialog.getByRole('button', { name: 'Close' }).last().click();

    updates.clear();
    await update.click();
    await confirm.click();
    await dialog.getByText('Succeeded', { exact: true }).waitFor({ timeout: deployed_within_ms });
    await dialog.getByRole('button', { name: 'Close' }).last().click();
    await update.waitFor({ state: 'detached' });
    await expect.poll(() => page.getByRole('cell', { name: '2.0.0' }).count()).toBe(2);
    expect(complaints).toEqual([]);
  });
});
