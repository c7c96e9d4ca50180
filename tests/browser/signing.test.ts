/** What is proposed in the dashboard is signed with the browser's key, over the plan that is shown and no other. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Request } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../bench/installation.ts';
import { type Dashboard, no_browser, startDashboard, type Window } from './browser.ts';
import { makeRepository } from './repository.ts';
import { clientOf, commitVersion, deployed_within_ms, nodeServiceOf, runStack, served, untilServed } from './stack.ts';

let dashboard: Dashboard;
let owner: Window;

beforeAll(async () => {
  if (no_browser) return;
  dashboard = await startDashboard();
  await runShop('one');
  owner = await dashboard.window();
});
afterAll(() => dashboard?.close());
afterEach(() => owner?.page.unrouteAll({ behavior: 'wait' }));

/** A stack `shop` that serves this text. */
async function runShop(text: string): Promise<void> {
  const repository = makeRepository(join(dashboard.home, text));
  commitVersion(repository, text);
  await runStack(dashboard, 'shop', { web: nodeServiceOf(repository) });
  await untilServed(dashboard, text);
}

/** Opens the removal of `shop` together with its data, up to the button. */
async function openRemoval() {
  const { page, open } = owner;
  await open('/stacks/shop?act=remove');
  const dialog = page.getByRole('dialog', { name: 'Remove shop' });
  await dialog.getByRole('radio', { name: 'Delete them too.' }).check();
  await dialog.getByText('About stack/shop').waitFor();
  await dialog.getByRole('textbox', { name: 'Type shop to confirm' }).fill('shop');
  return dialog;
}

async function lastRemoval() {
  const { operations } = await clientOf(dashboard)['operations.list']({ operation: 'stacks.remove' });
  return operations[0];
}

/** Where the server keeps what the service wrote. */
const dataFolder = () => join(dashboard.home, 'agent', 'data', 'web');

describe.skipIf(no_browser)('a removal together with the data', () => {
  test('of who has no key leads to making one, and runs once it is confirmed with it', async () => {
    const dialog = await openRemoval();
    await dialog.getByRole('button', { name: 'Remove' }).click();
    await dialog.getByText('You confirm the plan').waitFor();
    await dialog.getByText('This takes a signature by a key of your own.').waitFor();
    expect(await served(dashboard)).toBe('one');
    expect(existsSync(dataFolder())).toBe(true);
    await dialog.getByRole('button', { name: 'Sign and confirm' }).click();
    await dialog.getByText('Succeeded', { exact: true }).waitFor({ timeout: deployed_within_ms });
    await until(async () => !existsSync(dataFolder()), 'no data', deployed_within_ms);
    expect(await lastRemoval()).toMatchObject({
      state: 'succeeded',
      actor: { name: 'owner', proof: 'session' },
      approvals: [{ verdict: 'confirm', actor: { name: 'owner', proof: 'signed' } }],
    });
    expect(owner.complaints).toEqual([]);
  });

  test('is refused before anything is signed where the plan that is shown is not the one of the hash', async () => {
    await runShop('two');
    const { page, open } = owner;
    const sent: Request[] = [];
    page.on('request', (request) => {
      if (request.method() === 'DELETE') sent.push(request);
    });
    // Whoever stands between shows the removal of something that nobody would miss.
    await page.route('**/api/v1/stacks/shop*', async (route) => {
      if (route.request().method() !== 'DELETE') return route.continue();
      const response = await route.fetch();
      const answer = (await response.json()) as { operation: { plan: { changes: { path: string }[] } } };
      for (const change of answer.operation.plan.changes) change.path = change.path.replace('shop', 'toy');
      answer.operation.plan.changes[0]!.path = 'stack.toy';
      await route.fulfill({ response, json: answer });
    });
    await open('/stacks/shop?act=remove');
    const dialog = page.getByRole('dialog', { name: 'Remove shop' });
    const alert = dialog.getByRole('alert');
    await alert.getByText('There is no plan that could be confirmed').waitFor();
    await alert.getByText(/gives a hash that is not the one of the plan it shows; nothing was signed/).waitFor();
    expect(await dialog.getByText('stack.toy').count()).toBe(0);
    expect(await dialog.getByRole('button', { name: 'Remove' }).isDisabled()).toBe(true);
    await page.keyboard.press('Enter');
    expect(sent.length).toBeGreaterThan(0);
    for (const request of sent) expect(JSON.stringify([request.url(), request.postData()])).not.toMatch(/proof/);
    expect(await lastRemoval()).toMatchObject({ state: 'succeeded', approvals: [{ verdict: 'confirm' }] });
    expect(await served(dashboard)).toBe('two');
  });

  test('of who has a key is signed as it is proposed, and runs at once', async () => {
    expect(existsSync(dataFolder())).toBe(true);
    const dialog = await openRemoval();
    await dialog.getByText('signed with your key in this browser').waitFor();
    await dialog.getByRole('button', { name: 'Remove' }).click();
    await dialog.getByText('Succeeded', { exact: true }).waitFor({ timeout: deployed_within_ms });
    expect(await lastRemoval()).toMatchObject({
      state: 'succeeded',
      actor: { name: 'owner', proof: 'signed' },
      requirement: null,
      approvals: [],
    });
    await until(async () => !existsSync(dataFolder()), 'no data', deployed_within_ms);
    await dialog.getByRole('link', { name: 'Open the operation' }).click();
    await owner.page.getByText(/signed with a key of their own/).waitFor();
    expect(owner.complaints).toEqual([]);
  });
});

describe.skipIf(no_browser)('any other change', () => {
  test('is signed too, by the key of who proposes it and for this plan alone', async () => {
    const { page, open, complaints } = owner;
    await open('/settings?tab=access&add=api_token');
    await page.getByRole('textbox', { name: 'Name' }).fill('ci');
    await page.getByRole('button', { name: 'Review' }).click();
    const dialog = page.getByRole('dialog', { name: 'Make the token ci' });
    await dialog.getByText('signed with your key in this browser').waitFor();
    const asked = page.waitForRequest((request) => /"proof":/.test(request.postData() ?? ''));
    await dialog.getByRole('button', { name: 'Make the token' }).click();
    const { proof, plan_hash } = JSON.parse((await asked).postData() ?? '') as { proof: string; plan_hash: string };
    const said = JSON.parse(Buffer.from(proof.split('.')[1] ?? '', 'base64url').toString());
    expect(said).toMatchObject({ says: 'propose', about: plan_hash, operation_id: null });
    await page.getByRole('status').filter({ hasText: 'Token ci' }).waitFor();
    const { operations } = await clientOf(dashboard)['operations.list']({ operation: 'access.create_token' });
    expect(operations[0]).toMatchObject({ state: 'succeeded', actor: { proof: 'signed' }, plan: { hash: plan_hash } });
    expect(complaints).toEqual([]);
  });
});
