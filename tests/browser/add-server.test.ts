/** A server is added: a token that is shown once, the line as it stands there, and a list that ticks as the agent appears. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { program } from '../e2e/installation.ts';
import { type Dashboard, no_browser, startDashboard } from './browser.ts';
import { clientOf } from './stack.ts';

let dashboard: Dashboard;
let agent: ChildProcess | null = null;
let home: string;

beforeAll(async () => {
  if (no_browser) return;
  home = mkdtempSync(join(tmpdir(), 'mainstay-added-'));
  dashboard = await startDashboard();
});
afterAll(async () => {
  if (agent && agent.exitCode === null) {
    const ended = new Promise((resolve) => agent?.once('exit', resolve));
    // The shell and the agent in it.
    process.kill(-(agent.pid ?? 0), 'SIGINT');
    await ended;
  }
  await dashboard?.close();
  if (home) rmSync(home, { recursive: true, force: true });
});

describe.skipIf(no_browser)('a server', () => {
  test('is added by one line, and the page tells how it comes, by itself', async () => {
    const { page, open, complaints } = await dashboard.window();
    await open('/servers');
    await page.getByRole('link', { name: 'Add a server' }).click();
    const name = page.getByRole('textbox', { name: 'Name' });
    await name.fill('Not A Name');
    await page.getByRole('button', { name: 'Review' }).click();
    await expect.poll(() => name.getAttribute('aria-invalid'), { timeout: 20_000 }).toBe('true');
    await name.fill('web-1');
    await page.getByRole('button', { name: 'Review' }).click();
    await page.getByRole('button', { name: 'Make the token' }).click();

    // What is copied is the line; the token stands before the command, not among its arguments.
    await page.getByRole('button', { name: 'Copy the line' }).click();
    const line = await page.evaluate(() => navigator.clipboard.readText());
    const [, token = '', command = ''] =
      /^ MAINSTAY_ENROL_TOKEN=(mst_\S+) (node mainstay-agent\.js .+)$/.exec(line) ?? [];
    expect(command).toContain(`--url ${dashboard.url}`);

    // It would be lost with the page, which asks before that; and it is kept nowhere.
    await page.getByRole('link', { name: 'Overview' }).click();
    await page.getByRole('dialog', { name: 'Leave this page?' }).getByRole('button', { name: 'Stay' }).click();
    const kept = await page.evaluate(() => JSON.stringify([{ ...sessionStorage }, { ...localStorage }, location.href]));
    expect(kept).not.toContain(token.slice(0, 12));

    // The line as a shell takes it, with a home of the test's own.
    const run = `HOME=${home}; export HOME;${line}`;
    const env = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env['PATH']}` };
    agent = spawn('sh', ['-c', run], { cwd: dirname(program), env, stdio: 'ignore', detached: true });
    await page.getByText('web-1 is connected, and ready for a stack.').waitFor();
    const { server } = await clientOf(dashboard)['servers.get']({ server: 'web-1' });
    expect(server.state).toBe('online');
    await page.getByText('The token was used. It works no more.').waitFor();
    await page.getByRole('link', { name: 'Open the server' }).click();
    await page.getByRole('heading', { level: 1, name: 'web-1' }).waitFor();
    await page.getByText('It has no stack, and runs nothing for Mainstay.').waitFor();
    expect(complaints).toEqual([]);
  });
});

describe.skipIf(no_browser)('a panel that hands out an agent', () => {
  test('shows the one line that installs it, with its token, and says when its address leads nowhere else', async () => {
    const agent_dir = mkdtempSync(join(tmpdir(), 'mainstay-release-'));
    writeFileSync(join(agent_dir, 'release.json'), '{ "files": [] }');
    writeFileSync(join(agent_dir, 'install.sh'), '# %URL%\n');
    const handing_out = await startDashboard({ agent_dir });
    try {
      const { page, open, complaints } = await handing_out.window();
      await open('/servers/add');
      await page.getByRole('button', { name: 'Review' }).click();
      await page.getByRole('button', { name: 'Make the token' }).click();
      await page.getByRole('button', { name: 'Copy the line' }).click();
      const line = await page.evaluate(() => navigator.clipboard.readText());
      const [, url] =
        /^curl -fsSL (\S+)\/install\.sh \| sudo sh -s -- --token mst_\S+ --release-sha256 [0-9a-f]{64}$/.exec(line)!;
      expect(await (await fetch(`${url}/install.sh`)).text()).toBe(`# ${url}\n`);
      await page.getByText('The address in this line works on this machine only.').waitFor();
      expect(await page.getByRole('textbox').count()).toBe(0);
      expect(complaints).toEqual([]);
    } finally {
      await handing_out.close();
      rmSync(agent_dir, { recursive: true, force: true });
    }
  });
});
