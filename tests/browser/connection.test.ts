/** What is shown is true, or says since when it may not be: a server that goes silent, a control plane that goes away. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Dashboard, no_browser, startDashboard } from './browser.ts';

let dashboard: Dashboard;

beforeAll(async () => {
  if (!no_browser) dashboard = await startDashboard({ example: true });
});
afterAll(() => dashboard?.close());

describe.skipIf(no_browser)('the page', () => {
  test('shows a server that has gone silent as offline and not to be asked, and as online when it is back, by itself', async () => {
    const { page, open, complaints } = await dashboard.window();
    await open('/servers');
    const row = page.getByRole('row').filter({ hasText: 'local' });
    await row.getByText('Online', { exact: true }).waitFor();
    const agent = processOf('mainstay-agent.js');
    process.kill(agent, 'SIGSTOP');
    try {
      await row.getByText('Offline', { exact: true }).waitFor({ timeout: 60_000 });
      await page.getByRole('navigation', { name: 'Main' }).getByText('Offline').first().waitFor({ state: 'attached' });
      await open('/servers/local?tab=diagnostics');
      await page.getByText('It cannot be asked while it is offline').waitFor();
      await page.getByText(/was last heard of .* ago\./).waitFor();
      expect(await page.getByRole('button', { name: 'Look now' }).isDisabled()).toBe(true);
      await open('/servers');
    } finally {
      process.kill(agent, 'SIGCONT');
    }
    await row.getByText('Online', { exact: true }).waitFor({ timeout: 60_000 });
    expect(complaints).toEqual([]);
  });

  test('says that its data is old while the control plane is away, and is live again when that is back', async () => {
    const { page, open } = await dashboard.window();
    await open('/');
    const indicator = page.getByRole('status').filter({ visible: true });
    await indicator.getByText('Live', { exact: true }).waitFor();
    process.kill(processOf('mainstay-control-plane.js'), 'SIGKILL');
    await indicator.getByText(/^Connection lost, data from/).waitFor();
    await page
      .getByRole('link', { name: /example$/ })
      .first()
      .waitFor();
    await indicator.getByText('Live', { exact: true }).waitFor({ timeout: 60_000 });
  });
});

function processOf(program: string): number {
  const found = dashboard.processes().find(({ command }) => command.includes(program));
  if (!found) throw new Error(`${program} does not run`);
  return found.pid;
}
