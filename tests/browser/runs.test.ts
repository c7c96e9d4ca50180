/** A run in the dashboard: a graph whose steps end before one's eyes, the same as a list, and what was said. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Dashboard, no_browser, settled, startDashboard, type Window } from './browser.ts';
import { makeRepository, type Repository, serviceProgram } from './repository.ts';
import { commitVersion, deployed_within_ms, nodeServiceOf, runStack, untilServed } from './stack.ts';

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

/** A service that serves once a file is there, and not before. */
function heldProgram(text: string, gate: string): string {
  const held = `import { existsSync } from 'node:fs';
while (!existsSync(${JSON.stringify(gate)})) await new Promise((resolve) => setTimeout(resolve, 100));
`;
  return held + serviceProgram(text);
}

describe.skipIf(no_browser)('a run', () => {
  test('is a graph whose steps end as they end, and leads to its operation and back', async () => {
    const { page, open, complaints } = window;
    const gate = join(dashboard.home, 'gate');
    repository.commit('Answer with two', { 'server.mjs': heldProgram('two', gate) });
    await open('/stacks/shop?act=deploy');
    const dialog = page.getByRole('dialog', { name: 'Deploy shop' });
    await dialog.getByRole('button', { name: 'Deploy' }).click();
    await dialog.getByRole('link', { name: 'Open the operation' }).click();
    await page.getByRole('link', { name: 'Open the run' }).click();

    // The first step has ended, the second waits for what the server reports.
    const graph = page.getByRole('group', { name: 'Graph of the steps' });
    const carryOut = graph.getByRole('link', { name: /^carry_out/ });
    const observe = graph.getByRole('link', { name: /^observe/ });
    await carryOut.getByText('Succeeded', { exact: true }).waitFor();
    await expect.poll(() => observe.innerText()).toMatch(/Waits for a signal|Under way|Ready/);
    await page.getByRole('button', { name: 'Pause' }).waitFor();
    writeFileSync(gate, '');
    await observe.getByText('Succeeded', { exact: true }).waitFor({ timeout: deployed_within_ms });
    await page.getByRole('button', { name: 'Pause' }).waitFor({ state: 'detached' });
    await untilServed(dashboard, 'two');

    // What is looked at stands in the address; the list says the same.
    await observe.click();
    await page.waitForURL(/step=observe/);
    await page.getByText('Of step observe').waitFor();
    await page.getByText('List', { exact: true }).click();
    await page.waitForURL(/view=list/);
    const list = page.getByRole('list', { name: 'Steps' });
    await expect.poll(() => list.getByRole('listitem').count()).toBe(2);
    await list.getByText('after carry_out').waitFor();

    await page.getByRole('link', { name: 'Open the operation' }).click();
    await page.getByRole('heading', { level: 2, name: 'Plan' }).waitFor();
    await page.getByRole('group', { name: 'Graph of the steps' }).waitFor();
    expect(complaints).toEqual([]);
  });

  test('is found in the list under what it carried out, and by its state', async () => {
    const { page, open, complaints } = window;
    await open('/runs?state=succeeded');
    await settled(page);
    const rows = page.getByRole('list', { name: 'Runs' }).getByRole('listitem');
    await rows
      .filter({ hasText: /^SucceededDeploy/ })
      .first()
      .waitFor();
    await page.getByRole('combobox', { name: 'State' }).selectOption({ label: 'Cancelled' });
    await page.getByText('No run fits').waitFor();
    expect(page.url()).toContain('state=cancelled');
    expect(complaints).toEqual([]);
  });
});
