/** A server is asked how it is from its page: what it says, the log of a chosen unit, by keyboard. One that is offline: connection.test.ts. */
import { createSimulatedAgent, type SimulatedAgent } from '@mainstay/agent/sim/simulated-agent';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Dashboard, no_browser, startDashboard } from './browser.ts';
import { clientOf } from './stack.ts';

let dashboard: Dashboard;
let agent: SimulatedAgent;

beforeAll(async () => {
  if (no_browser) return;
  dashboard = await startDashboard({ example: true });
  const { result } = await clientOf(dashboard)['servers.invite']({ server: 'web-1' });
  agent = createSimulatedAgent({ url: dashboard.url, token: result?.token ?? '', heartbeat_interval_ms: 500 });
  await agent.start();
});
afterAll(async () => {
  await agent?.stop();
  await dashboard?.close();
});

describe.skipIf(no_browser)('the diagnostics of a server', () => {
  test('are asked for when the tab is opened, and again by the button; a chosen unit shows its log', async () => {
    const { page, open, complaints } = await dashboard.window();
    const asked: string[] = [];
    page.on('request', (request) => {
      if (request.url().includes('/diagnosis')) asked.push(new URL(request.url()).search);
    });
    await open('/servers/local');
    await page.getByRole('tab', { name: 'Diagnostics' }).waitFor();
    expect(asked, 'nobody asked yet').toEqual([]);
    await page.getByRole('tab', { name: 'Diagnostics' }).focus();
    await page.keyboard.press('Enter');
    const units = page.getByRole('region', { name: 'Units: local' });
    await units.getByRole('rowheader', { name: 'agent', exact: true }).waitFor();
    await units.getByRole('rowheader', { name: 'service/api' }).waitFor();
    const port = new RegExp(`^${dashboard.proxy_port}/tcp$`);
    const listening = page.getByRole('region', { name: 'What listens: local' });
    const row = listening.getByRole('row').filter({ has: page.getByRole('rowheader', { name: port }) });
    await row.getByText('proxy', { exact: true }).waitFor();
    await page.getByRole('heading', { name: 'Disks' }).waitFor();
    // What is wrong on the machine of the test is not this test's to say.
    await page.getByText(/^(All \d+ checks are right|\d+ of \d+ checks (is|are) wrong)$/).waitFor();

    await page.getByRole('combobox', { name: 'Of which unit, beside the agent' }).click();
    await page.getByRole('option', { name: 'service/api' }).click();
    await page.getByRole('region', { name: 'Log of service/api' }).waitFor();
    expect(new URL(page.url()).searchParams.get('unit')).toBe('service/api');

    const before = asked.length;
    const look = page.getByRole('button', { name: 'Look now' });
    await look.focus();
    await page.keyboard.press('Enter');
    await expect.poll(() => asked.length, { timeout: 30_000 }).toBe(before + 1);
    await page.getByText(/answered in [\d.]+ s/).waitFor();
    expect(complaints).toEqual([]);
  });

  test('of a unit that there is not say so and lead back', async () => {
    const { page, open } = await dashboard.window();
    await open('/servers/web-1?tab=diagnostics&unit=service%2Fgone');
    const alert = page.getByRole('alert');
    await alert.getByText('This server has no unit "service/gone" of Mainstay\'s.').waitFor();
    await alert.getByRole('button').click();
    await page.getByRole('region', { name: 'Units: web-1' }).waitFor();
    expect(new URL(page.url()).searchParams.get('unit')).toBeNull();
  });
});
