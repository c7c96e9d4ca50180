/** Operations that wait for people: a second person approves or rejects them in the dashboard; what destroys is signed by the browser's key. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chromium_path, type Dashboard, no_browser, overflowOf, startDashboard, type Window } from './browser.ts';
import { makeRepository, type Repository } from './repository.ts';
import { clientOf, commitVersion, deployed_within_ms, nodeServiceOf, runStack, served, untilServed } from './stack.ts';

const two_people = `schema: 1
rules:
  - name: deploys
    description: Deploys take a second person.
    match:
      operations: [stacks.deploy, access.create_token]
      actor: { kinds: [user] }
    effect: require
    require:
      approvals: 1
      role: approver
      expires_seconds: 14400
`;
const default_policies = readFileSync(join(import.meta.dirname, '../../policies/default.yaml'), 'utf8');

let dashboard: Dashboard;
let repository: Repository;
let owner: Window;
let grace: Window;

beforeAll(async () => {
  if (no_browser) return;
  dashboard = await startDashboard({ policies: { 'default.yaml': default_policies, 'production.yaml': two_people } });
  repository = makeRepository(join(dashboard.home, 'shop'));
  commitVersion(repository, 'one');
  await runStack(dashboard, 'shop', { web: nodeServiceOf(repository) });
  await untilServed(dashboard, 'one');
  owner = await dashboard.window();
  const { result } = await clientOf(dashboard)['access.create_user']({ name: 'grace', role: 'approver' });
  grace = await dashboard.window({}, result?.url ?? '');
});
afterAll(() => dashboard?.close());

/** The owner proposes to deploy what was committed last, and opens the page of that operation; gives its id. */
async function propose(): Promise<string> {
  const { page, open } = owner;
  await open('/stacks/shop?act=deploy');
  const dialog = page.getByRole('dialog', { name: 'Deploy shop' });
  await dialog.getByRole('button', { name: 'Deploy' }).click();
  await dialog.getByText('Waits for people', { exact: true }).waitFor();
  await dialog.getByText('One person other than owner approves it').waitFor();
  await dialog.getByText('production/deploys').waitFor();
  await dialog.getByRole('link', { name: 'Open the operation' }).click();
  await page.getByRole('heading', { level: 2, name: 'What it waits for' }).waitFor();
  return page.url().split('/').at(-1) ?? '';
}

describe.skipIf(no_browser)('a deploy that policy holds for a second person', () => {
  test('waits, cannot be approved by who proposed it, is approved by another in the dashboard, and runs', async () => {
    commitVersion(repository, 'two');
    const id = await propose();
    // Who proposed it can take it back, and is offered nothing else; what they say all the same is refused.
    await owner.page.getByRole('button', { name: /^Take back/ }).waitFor();
    expect(await owner.page.getByRole('button', { name: /^(Approve|Reject)/ }).count()).toBe(0);
    const client = clientOf(dashboard);
    const { operation } = await client['operations.get']({ id });
    const own = client['operations.approve']({ id, plan_hash: operation.plan.hash });
    await expect(own).rejects.toMatchObject({ code: 'Forbidden' });
    expect(await served(dashboard)).toBe('one');

    // The other is told wherever they are, and finds the plan where they decide.
    const { page } = grace;
    await page.getByText(/^Waits for you: Deploy/).waitFor();
    await page.getByRole('link', { name: /^Operations.*1 waits for you/ }).click();
    const card = page.getByRole('listitem').filter({ has: page.getByRole('heading', { level: 3 }) });
    await card.getByText('services.web.commit').waitFor();
    await card.getByRole('button', { name: /^Approve/ }).click();
    const dialog = page.getByRole('dialog', { name: 'Approve exactly this plan' });
    await dialog.getByText(operation.plan.hash.slice(0, 12)).waitFor();
    await dialog.getByRole('textbox').fill('Looked at it.');
    await dialog.getByRole('button', { name: 'Approve' }).click();
    await page.getByText('Nothing waits for you.').waitFor();

    // It runs, and the page of who proposed it tells so by itself, with who approved it and how they were proven.
    await owner.page.getByText('grace approved it').waitFor();
    await owner.page.getByText('“Looked at it.”').waitFor();
    await owner.page
      .getByRole('main')
      .getByText('Succeeded', { exact: true })
      .first()
      .waitFor({ timeout: deployed_within_ms });
    await untilServed(dashboard, 'two');
    const after = await client['operations.get']({ id, wait_seconds: 20 });
    expect(after.operation).toMatchObject({
      state: 'succeeded',
      approvals: [{ verdict: 'approve', actor: { name: 'grace', proof: 'session' } }],
    });
    expect([...owner.complaints, ...grace.complaints]).toEqual([]);
  });

  test('is rejected with a reason that who proposed it reads, and changes nothing', async () => {
    commitVersion(repository, 'three');
    const id = await propose();
    await grace.open(`/operations/${id}`);
    await grace.page.getByRole('button', { name: /^Reject/ }).click();
    const dialog = grace.page.getByRole('dialog', { name: 'Reject this operation' });
    await dialog.getByRole('button', { name: 'Reject it' }).click();
    await dialog.getByText('Say why, in a few words.').waitFor();
    await dialog.getByRole('textbox', { name: 'Why' }).fill('Not on a Friday.');
    await dialog.getByRole('button', { name: 'Reject it' }).click();
    await owner.page.getByText('Rejected', { exact: true }).first().waitFor();
    await owner.page.getByText('“Not on a Friday.”').waitFor();
    expect(await owner.page.getByRole('button', { name: /^Take back/ }).count()).toBe(0);
    expect(await served(dashboard)).toBe('two');
    expect([...owner.complaints, ...grace.complaints]).toEqual([]);
  });

  test('is taken back by who proposed it', async () => {
    const id = await propose();
    await owner.page.getByRole('button', { name: /^Take back/ }).click();
    const dialog = owner.page.getByRole('dialog', { name: 'Take this operation back' });
    await dialog.getByRole('button', { name: 'Take it back' }).click();
    await owner.page.getByText('Cancelled', { exact: true }).first().waitFor();
    await grace.open('/operations?state=waiting');
    await grace.page.getByText('No operation fits').waitFor();
    expect((await clientOf(dashboard)['operations.get']({ id })).operation.state).toBe('cancelled');
    expect([...owner.complaints, ...grace.complaints]).toEqual([]);
  });
});

describe.skipIf(no_browser)('a secret that is made by an operation that waits', () => {
  test('is shown to who asked for it once another approved, where they asked', async () => {
    const { page, open, complaints } = owner;
    await open('/settings?tab=access&add=api_token');
    await page.getByRole('textbox', { name: 'Name' }).fill('ci');
    await page.getByRole('button', { name: 'Review' }).click();
    const dialog = page.getByRole('dialog', { name: 'Make the token ci' });
    await dialog.getByRole('button', { name: 'Make the token' }).click();
    await dialog.getByText('One person other than owner approves it').waitFor();
    await grace.open('/operations');
    await grace.page.getByRole('button', { name: /^Approve/ }).click();
    await grace.page.getByRole('dialog').getByRole('button', { name: 'Approve' }).click();
    await dialog.waitFor({ state: 'detached' });
    const made = page.getByRole('status').filter({ hasText: 'Token ci' });
    const token = (await made.locator('pre').innerText()).trim();
    const answer = await fetch(`${dashboard.url}/api/v1/whoami`, { headers: { authorization: `Bearer ${token}` } });
    expect(await answer.json()).toMatchObject({ actor: { name: 'owner', proof: 'token' } });
    expect([...complaints, ...grace.complaints]).toEqual([]);
  });
});

describe.skipIf(no_browser)('what destroys', () => {
  test('is confirmed at once by the key of the browser, whose first is admitted by itself', async () => {
    const { page, open, complaints } = owner;
    await open('/stacks/shop?act=remove');
    const dialog = page.getByRole('dialog', { name: 'Remove shop' });
    await dialog.getByRole('textbox', { name: 'Type shop to confirm' }).fill('shop');
    await dialog.getByRole('button', { name: 'Remove' }).click();
    await dialog.getByText('You confirm the plan').waitFor();
    await dialog.getByText('default/destructive').waitFor();
    const { stacks } = await clientOf(dashboard)['stacks.list']({});
    expect(stacks.map(({ name }) => name)).toEqual(['shop']);
    await dialog.getByRole('button', { name: 'Sign and confirm' }).click();
    await dialog.getByText('Succeeded', { exact: true }).waitFor({ timeout: deployed_within_ms });

    const client = clientOf(dashboard);
    expect((await client['stacks.list']({})).stacks).toEqual([]);
    const { operations } = await client['operations.list']({ operation: 'stacks.remove' });
    expect(operations[0]?.approvals).toMatchObject([{ verdict: 'confirm', actor: { name: 'owner', proof: 'signed' } }]);
    const { keys } = await client['keys.list']({});
    expect(keys).toMatchObject([{ user_name: 'owner', state: 'admitted', trust: 'first_use', key: { crv: 'P-256' } }]);
    expect(complaints).toEqual([]);
  });

  test('another person makes a key, which counts once it was compared and admitted, and can be revoked', async () => {
    await grace.open('/settings?tab=keys');
    await grace.page.getByRole('button', { name: 'Make a key in this browser' }).click();
    await grace.page.getByText('Waits to be admitted').first().waitFor();
    const { keys } = await clientOf(dashboard)['keys.list']({});
    const pending = keys.find(({ state }) => state === 'pending');

    const { page, open, complaints } = owner;
    await open('/settings?tab=keys');
    await page.getByRole('button', { name: /^Admit .* of grace$/ }).click();
    const admit = page.getByRole('dialog');
    // The whole fingerprint is there to be compared, and nothing is admitted before it was.
    const shown = await admit.locator('code').innerText();
    expect(shown.replaceAll(/\s/g, '')).toBe(pending?.id);
    const button = admit.getByRole('button', { name: 'Admit' });
    expect(await button.isDisabled()).toBe(true);
    await admit.getByRole('checkbox', { name: 'I have compared the fingerprint with the person' }).check();
    await button.click();
    await admit.waitFor({ state: 'detached' });
    await grace.open('/settings?tab=keys');
    await grace.page.getByText('Admitted', { exact: true }).first().waitFor();

    await page.getByRole('button', { name: /^Revoke .* of grace$/ }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    const after = await clientOf(dashboard)['keys.list']({});
    expect(after.keys.find(({ id }) => id === pending?.id)).toMatchObject({ state: 'revoked', role: 'approver' });
    expect([...complaints, ...grace.complaints]).toEqual([]);
  });

  test('can be proposed where the browser keeps no keys, over plain HTTP, and the page names the command that confirms it', async () => {
    const browser = await chromium.launch({
      executablePath: chromium_path,
      args: ['--no-sandbox', '--disable-gpu', '--host-resolver-rules=MAP panel.test 127.0.0.1'],
    });
    try {
      const page = await browser.newPage();
      const panel = (address: string) => address.replace('127.0.0.1', 'panel.test');
      await page.goto(panel(await dashboard.signInLink()));
      await page.locator('main h1').first().waitFor();
      await page.goto(panel(`${dashboard.url}/settings?tab=people`));
      await page.getByRole('button', { name: 'Remove grace' }).click();
      const dialog = page.getByRole('dialog');
      const typed = dialog.getByRole('textbox');
      await typed.fill('grace');
      await dialog.getByRole('button', { name: /^Remove/ }).click();
      await dialog.getByText('This browser can keep no key for this address.').waitFor();
      await dialog.getByText(/^mainstay ops confirm op_[0-9a-f]{32}$/).waitFor();
      expect(await dialog.getByRole('button', { name: 'Sign and confirm' }).isDisabled()).toBe(true);
    } finally {
      await browser.close();
    }
  });

  test('reads on a phone as well: no page of them is wider than the window', async () => {
    const { page } = grace;
    await page.setViewportSize({ width: 390, height: 844 });
    for (const path of ['/operations', '/settings?tab=keys', '/policies', '/audit', '/runs']) {
      await grace.open(path);
      expect(await overflowOf(page), path).toBe(0);
    }
  });
});
