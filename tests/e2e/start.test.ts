/** What a newcomer gets: `mainstay up` on an empty home, used from outside as a person would, until Ctrl-C and again. */
import { createServer } from 'node:net';
import { chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { chromium_path, no_browser } from './chromium.ts';
import { createInstallation, type Installation, type Up } from './installation.ts';

const ready = 'Ctrl-C stops everything';
let mainstay: Installation;
let up: Up;

beforeAll(async () => {
  mainstay = await createInstallation();
  up = mainstay.up('--proxy-port', String(mainstay.proxy_port));
  await up.says(ready, 120_000);
});

afterAll(() => mainstay.remove());

describe('the first start', () => {
  test('the example answers through the proxy, each service at its path', async () => {
    expect(await text('/')).toContain('It runs.');
    expect(await json('/api/hello?name=Ada')).toMatchObject({ message: 'Hello from the API, Ada' });
    if (hasClock()) expect(await json('/clock/')).toMatchObject({ utc: expect.stringMatching(/^\d{4}-/) });
    else expect(up.said()).toContain(`Left out the example's "clock"`);
  });

  test('one service calls another by its internal name', async () => {
    expect(await json('/greeting')).toMatchObject({ ok: true, text: 'Hello from the API, web' });
  });

  test('mainstay status tells that everything is healthy', async () => {
    const { code, stdout } = await mainstay.cli('status', '--json');
    const status = JSON.parse(stdout) as { stacks: { name: string; health: string }[] };
    expect(status.stacks).toMatchObject([{ name: 'example', health: 'healthy' }]);
    expect(code).toBe(0);
  });

  test('a WebSocket through the proxy echoes', async () => {
    const socket = new WebSocket(`${mainstay.proxy_url.replace('http', 'ws')}/api/echo`);
    const echoed = await new Promise<string>((resolve, reject) => {
      socket.once('open', () => socket.send('over the wall'));
      socket.once('message', (message) => resolve(message.toString()));
      socket.once('error', reject);
    });
    socket.close();
    expect(echoed).toBe('over the wall');
  });

  test('a streamed response arrives as it is written, not at its end', async () => {
    const response = await fetch(`${mainstay.proxy_url}/api/stream`);
    const chunks: string[] = [];
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) chunks.push(chunk);
    expect(chunks.length).toBeGreaterThan(3);
    expect(chunks[0]).toMatch(/^line 1 of 10/);
    expect(chunks.join('')).toContain('line 10 of 10');
  });

  test('the dashboard shows the example healthy to who opens the sign-in link, and nothing before', async (context) => {
    if (no_browser) context.skip(no_browser);
    const link = JSON.parse((await mainstay.cli('sign-in-link', '--json')).stdout) as { result: { url: string } };
    const browser = await chromium.launch({ executablePath: chromium_path, args: ['--no-sandbox', '--disable-gpu'] });
    try {
      const page = await browser.newPage();
      const complaints: string[] = [];
      page.on('pageerror', (error) => complaints.push(error.message));
      page.on('console', (message) => {
        // The browser itself reports the 401 that tells the page that nobody is signed in.
        if (message.type() === 'error' && !message.text().includes('401')) complaints.push(message.text());
      });
      await page.goto(mainstay.url);
      await page.getByRole('heading', { name: 'Sign in' }).waitFor();
      expect(await page.getByText('example').count()).toBe(0);

      await page.goto(link.result.url);
      await page.getByRole('link', { name: 'Healthy example', exact: true }).waitFor();
      await page.getByText('Live', { exact: true }).filter({ visible: true }).waitFor();
      expect(page.url(), 'the key must not stay in the address').not.toContain('sign-in');

      await page.goto(`${mainstay.url}/api/docs`);
      await page.getByText('/api/v1/stacks', { exact: true }).first().waitFor();
      expect(complaints).toEqual([]);
    } finally {
      await browser.close();
    }
  });

  test('a control plane or an agent that is killed is started again, and the example is served throughout', async () => {
    for (const name of ['control-plane', 'agent']) {
      const [victim] = mainstay.processes().filter(({ command }) => command.includes(`mainstay-${name}.js`));
      process.kill(victim!.pid, 'SIGKILL');
      await up.says(`The ${name} ended (SIGKILL)`, 30_000);
      expect(await text('/')).toContain('It runs.');
    }
    await expect.poll(async () => (await mainstay.cli('status', '--json')).code, { timeout: 60_000 }).toBe(0);
  });

  test('a second start with the same home is refused, and says which process has it', async () => {
    const second = mainstay.up();
    expect(await second.ended).toMatchObject({ code: 5 });
    expect(second.said()).toContain(mainstay.home);
    expect(second.said()).toContain(String(up.child.pid));
  });
});

describe('the next start', () => {
  test('after kill -9 of mainstay up, services serve on and are adopted: same processes, no second invitation', async () => {
    const before = await servicePids();
    expect(Object.values(before)).not.toContain(null);
    up.child.kill('SIGKILL');
    await up.ended;
    expect(await text('/')).toContain('It runs.');

    up = mainstay.up();
    await up.says(ready, 120_000);
    expect(await servicePids()).toEqual(before);
    const { stdout } = await mainstay.cli('events', '--json');
    expect(stdout.match(/"server\.invited"/g)).toHaveLength(1);
    expect((await mainstay.cli('status', '--json')).code).toBe(0);
  });

  test('Ctrl-C leaves no process and no open port, and exits with 0', async () => {
    up.child.kill('SIGINT');
    expect(await up.ended).toEqual({ code: 0, signal: null });
    expect(mainstay.processes()).toEqual([]);
    await expect(fetch(mainstay.url)).rejects.toThrow();
    await expect(fetch(mainstay.proxy_url)).rejects.toThrow();
  });

  test('after Ctrl-C, a start serves the same commits again', async () => {
    up = mainstay.up('--quiet');
    await up.says(ready, 120_000);
    expect(await json('/greeting')).toMatchObject({ ok: true });
    up.child.kill('SIGTERM');
    expect(await up.ended).toEqual({ code: 0, signal: null });
    expect(mainstay.processes()).toEqual([]);
  });

  test('when nobody reads what it says any more, it stops in order', async () => {
    up = mainstay.up();
    await up.says(ready, 120_000);
    up.child.stdout?.destroy();
    up.child.stderr?.destroy();
    // It notices when it next has something to say.
    const [agent] = mainstay.processes().filter(({ command }) => command.includes('mainstay-agent.js'));
    process.kill(agent!.pid, 'SIGKILL');
    expect(await up.ended).toEqual({ code: 0, signal: null });
    expect(mainstay.processes().map(({ command }) => command)).toEqual([]);
  });

  test('a port that another program has is refused with the name of that program and the option to change it', async () => {
    const blocker = createServer().listen(mainstay.port, '127.0.0.1');
    await new Promise((resolve) => blocker.once('listening', resolve));
    try {
      const refused = mainstay.up();
      expect(await refused.ended).toMatchObject({ code: 5 });
      expect(refused.said()).toContain(`Port ${mainstay.port} is taken by process ${process.pid}`);
      expect(refused.said()).toContain('--port');
    } finally {
      blocker.close();
    }
  });
});

async function text(path: string): Promise<string> {
  return (await fetch(mainstay.proxy_url + path)).text();
}

async function json(path: string): Promise<unknown> {
  return (await fetch(mainstay.proxy_url + path)).json();
}

async function servicePids(): Promise<Record<string, number | null>> {
  const { stdout } = await mainstay.cli('services', 'list', '--json');
  const { services } = JSON.parse(stdout) as {
    services: { service: string; observed: { pid: number | null } | null }[];
  };
  return Object.fromEntries(services.map(({ service, observed }) => [service, observed?.pid ?? null]));
}

/** Whether the first start found a Python for the example's clock. */
function hasClock(): boolean {
  return !up.said().includes('Left out');
}
