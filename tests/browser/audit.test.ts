/** The audit trail in the dashboard: found, read, and verified; one byte that is changed in the database is named. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Dashboard, no_browser, startDashboard, type Window } from './browser.ts';
import { clientOf } from './stack.ts';

let dashboard: Dashboard;
let window: Window;

beforeAll(async () => {
  if (no_browser) return;
  dashboard = await startDashboard({ up: ['--no-agent'] });
  window = await dashboard.window();
  const client = clientOf(dashboard);
  for (const name of ['ada', 'grace', 'linus']) await client['access.create_user']({ name, role: 'viewer' });
});
afterAll(() => dashboard?.close());

describe.skipIf(no_browser)('the audit trail', () => {
  test('is searched and filtered by its address, and an entry leads to its operation', async () => {
    const { page, open, complaints } = window;
    await open('/audit');
    const entries = page.getByRole('list', { name: 'Entries, newest first' });
    await page.getByRole('searchbox', { name: 'Search entries' }).fill('grace');
    await page.waitForURL(/q=grace/);
    await page.getByRole('combobox', { name: 'Kind' }).selectOption({ label: 'Access' });
    const entry = entries.getByRole('listitem').filter({ hasText: 'Person added' });
    await expect.poll(() => entries.getByRole('listitem').count()).toBe(1);
    await entry.locator('summary').click();
    await entry.getByText('with an API token').waitFor();
    await entry.getByRole('link', { name: 'Open the operation' }).click();
    await page.getByRole('heading', { level: 1, name: 'Add grace as viewer' }).waitFor();
    await open('/audit?q=nothing-has-this-text');
    await page.getByText('No entry fits').waitFor();
    expect(complaints).toEqual([]);
  });

  test('is exported as lines that name every entry of the chain', async () => {
    const { page, open } = window;
    await open('/audit');
    await page.getByRole('button', { name: 'Export' }).click();
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('menuitem', { name: /JSON lines/ }).click(),
    ]);
    expect(download.suggestedFilename()).toMatch(/^audit-.*\.jsonl$/);
    await download.delete();
  });

  test('verifies, and names the entry once one byte of it was changed in the database', async () => {
    const { page, open, complaints } = window;
    await open('/audit');
    await page.getByRole('button', { name: 'Verify the chain' }).click();
    await page.getByText(/^The chain is whole: \d+ entries verified$/).waitFor();

    const seq = changeOneByte(join(dashboard.home, 'mainstay.db'));
    await page.getByRole('button', { name: 'Verify again' }).click();
    const broken = page.getByRole('alert').filter({ hasText: 'The chain is broken' });
    await broken.getByText(`Entry ${seq} was edited`).waitFor();
    expect(complaints).toEqual([]);
  });
});

/** Changes one letter of an entry that tells of grace; gives its number. */
function changeOneByte(path: string): number {
  const database = new DatabaseSync(path);
  try {
    const found = database
      .prepare("SELECT seq, body FROM audit_entries WHERE kind = 'access.user_created' AND body LIKE '%grace%'")
      .get() as { seq: number; body: string };
    const { changes } = database
      .prepare('UPDATE audit_entries SET body = ? WHERE seq = ?')
      .run(found.body.replace('grace', 'trace'), found.seq);
    expect(changes).toBe(1);
    return found.seq;
  } finally {
    database.close();
  }
}
