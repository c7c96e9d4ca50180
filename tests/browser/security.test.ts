/** The security mode of a server is seen and changed: the form, what it would do, and what is so afterwards. */
import { createSimulatedAgent, type SimulatedAgent } from '@mainstay/agent/sim/simulated-agent';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Dashboard, no_browser, startDashboard } from './browser.ts';
import { clientOf } from './stack.ts';

let dashboard: Dashboard;
let agent: SimulatedAgent;

beforeAll(async () => {
  if (no_browser) return;
  dashboard = await startDashboard();
  const { result } = await clientOf(dashboard)['servers.invite']({ server: 'web-1' });
  const token = result?.token ?? '';
  agent = createSimulatedAgent({ url: dashboard.url, token, heartbeat_interval_ms: 500, ssh_peers: ['203.0.113.7'] });
  await agent.start();
});
afterAll(async () => {
  await agent?.stop();
  await dashboard?.close();
});

describe.skipIf(no_browser)('the security of a server', () => {
  test('is set by a form, reviewed with its warnings, and shown as the server reports it', async () => {
    const { page, open, complaints } = await dashboard.window();
    await open('/servers/web-1');
    const card = page.locator('section', {
      has: page.getByRole('heading', { name: 'What can be reached from outside' }),
    });
    await card.getByText('Everything that listens').waitFor();
    await card.getByText('203.0.113.7').waitFor();

    await card.getByRole('button', { name: 'Change' }).click();
    const form = page.getByRole('dialog', { name: 'What of web-1 can be reached from outside?' });
    await form.getByRole('radio', { name: 'Tunnel' }).check();
    await form.getByRole('textbox', { name: 'SSH from these networks' }).fill('here');
    await form.getByRole('button', { name: 'Review' }).click();
    await form.getByText('must be a network such as').waitFor();
    await form.getByRole('textbox', { name: 'SSH from these networks' }).fill('203.0.113.0/24, 2001:db8::/32');
    await form.getByRole('button', { name: 'Review' }).click();
    const review = page.getByRole('dialog', { name: 'Set security mode tunnel on web-1' });
    await review.getByText('SSH sessions are open now from 203.0.113.7').waitFor();
    await review.getByRole('button', { name: 'Set it' }).click();
    await review.getByRole('button', { name: 'Sign and confirm' }).click();
    await review.getByText('Succeeded', { exact: true }).waitFor();
    await review.getByRole('button', { name: 'Close' }).last().click();

    await card.getByText('Nothing: in force').waitFor();
    await card.getByText('203.0.113.0/24, 2001:db8::/32').waitFor();
    const { reported } = await clientOf(dashboard)['servers.get']({ server: 'web-1' });
    expect(reported?.security).toMatchObject({ mode: 'tunnel', ssh_from: ['203.0.113.0/24', '2001:db8::/32'] });
    expect(complaints).toEqual([]);
  });
});
