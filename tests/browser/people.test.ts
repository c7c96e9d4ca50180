/** Two people in two browsers: what a role may not do is not offered and not done, and another role counts at once; one that may do more, after signing in anew. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Dashboard, no_browser, startDashboard, type Window } from './browser.ts';
import { makeRepository } from './repository.ts';
import { clientOf, commitVersion, nodeServiceOf } from './stack.ts';

let dashboard: Dashboard;
let owner: Window;
let vera: Window;

beforeAll(async () => {
  if (no_browser) return;
  dashboard = await startDashboard();
  const repository = makeRepository(join(dashboard.home, 'shop'));
  commitVersion(repository, 'one');
  await clientOf(dashboard)['stacks.apply']({ stack: 'shop', spec: { services: { web: nodeServiceOf(repository) } } });
  owner = await dashboard.window();
});
afterAll(() => dashboard?.close());

/** What the control plane answers to a deploy that the page sends past its buttons. */
const deployPastButtons = ({ page }: Window) =>
  page.evaluate(async () => {
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ dry_run: true });
    return (await fetch('/api/v1/stacks/shop/deploy', { method: 'POST', headers, body })).status;
  });

describe.skipIf(no_browser)('people', () => {
  test('are added by name and role, and sign in once by the link that is shown once', async () => {
    const { page, open, complaints } = owner;
    await open('/settings?tab=people');
    await page.getByRole('button', { name: 'Add a person' }).click();
    const name = page.getByRole('textbox', { name: 'Name' });
    await name.fill('not a name');
    await page.getByRole('button', { name: 'Review' }).click();
    await expect.poll(() => name.getAttribute('aria-invalid'), { timeout: 20_000 }).toBe('true');
    await name.fill('vera');
    await page.getByRole('button', { name: 'Review' }).click();
    await page.getByRole('dialog', { name: 'Add vera' }).getByRole('button', { name: 'Add' }).click();
    const link = (await page.getByRole('status').locator('pre').innerText()).trim();
    expect(link).toContain('#sign-in=msl_');
    expect(await page.evaluate(() => JSON.stringify([{ ...sessionStorage }, { ...localStorage }]))).not.toContain(
      'msl_',
    );
    await page.getByRole('row', { name: /^vera/ }).waitFor();

    vera = await dashboard.window({}, link);
    await vera.open('/settings');
    await vera.page.getByText('Viewer: may look').waitFor();
    expect(complaints).toEqual([]);
  });

  test('are not offered what their role may not do, and cannot do it past the buttons', async () => {
    const { page, open, complaints } = vera;
    await open('/stacks/shop');
    await page.getByRole('heading', { level: 1, name: 'shop' }).waitFor();
    expect(await page.getByRole('link', { name: 'Deploy', exact: true }).count()).toBe(0);
    expect(await page.getByRole('link', { name: 'New stack' }).count()).toBe(0);
    expect(await deployPastButtons(vera)).toBe(403);
    await open('/settings?tab=people');
    await page.getByRole('row', { name: /^vera/ }).waitFor();
    expect(await page.getByRole('button', { name: 'Add a person' }).count()).toBe(0);
    expect(await page.getByRole('combobox').count()).toBe(0);
    expect(complaints).toEqual([]);
  });

  /** The owner gives vera another role in the dashboard. */
  const makeVera = async (role: string, name: string) => {
    await owner.page.getByRole('combobox', { name: 'Role of vera' }).selectOption(role);
    const dialog = owner.page.getByRole('dialog', { name: `Change the role of vera to ${name}` });
    await dialog.getByRole('button', { name: 'Change the role' }).click();
    await dialog.getByText('Succeeded').waitFor();
    await dialog.getByRole('button', { name: 'Close' }).last().click();
  };

  test('sign in anew when they may do more, and may do less at once, without loading the page again', async () => {
    await vera.open('/stacks/shop');
    await makeVera('deployer', 'Deployer');
    await vera.page.getByRole('heading', { name: 'Sign in' }).waitFor();
    expect(await deployPastButtons(vera)).toBe(401);

    const { result } = await clientOf(dashboard)['access.create_sign_in_link']({ user: 'vera' });
    vera = await dashboard.window({}, result!.url!);
    await vera.open('/stacks/shop');
    const deploy = vera.page.getByRole('link', { name: 'Deploy', exact: true });
    await deploy.waitFor();
    expect(await deployPastButtons(vera)).toBe(200);

    await makeVera('viewer', 'Viewer');
    await deploy.waitFor({ state: 'detached' });
    expect(await deployPastButtons(vera)).toBe(403);
    expect(owner.complaints).toEqual([]);
    expect(vera.complaints).toEqual([]);
  });

  test('make tokens that are shown once, and are signed out where their session is ended', async () => {
    const { page, open, complaints } = vera;
    await open('/settings?tab=access');
    await page.getByText('This browser').waitFor();
    await page.getByRole('button', { name: 'Make a token' }).click();
    await page.getByRole('textbox', { name: 'Name' }).fill('ci');
    await page.getByRole('combobox', { name: 'May do' }).selectOption('viewer');
    await page.getByRole('button', { name: 'Review' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Make the token' }).click();
    const token = (await page.getByRole('status').locator('pre').innerText()).trim();
    const headers = { authorization: `Bearer ${token}` };
    const asked = await fetch(`${dashboard.url}/api/v1/whoami`, { headers });
    expect(await asked.json()).toMatchObject({ actor: { name: 'vera', role: 'viewer', proof: 'token' } });
    await page.getByRole('button', { name: 'Revoke the token ci' }).click();
    const dialog = page.getByRole('dialog', { name: 'Revoke the token ci' });
    await dialog.getByRole('button', { name: 'Revoke' }).click();
    await dialog.getByText('Succeeded').waitFor();
    expect((await fetch(`${dashboard.url}/api/v1/whoami`, { headers })).status).toBe(401);

    const client = clientOf(dashboard);
    const { sessions } = await client['access.list_sessions']({ user: 'vera' });
    for (const { id } of sessions) await client['access.end_session']({ id });
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    expect(complaints).toEqual([]);
  });
});
