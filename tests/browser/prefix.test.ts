/** The dashboard behind a reverse proxy that gives it a path of its own, whether that proxy keeps the path or strips it. */
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../e2e/installation.ts';
import { type Dashboard, no_browser, startDashboard } from './browser.ts';

let dashboard: Dashboard;
let proxy: Server;
let strips = false;

beforeAll(async () => {
  if (no_browser) return;
  const port = await freePort();
  dashboard = await startDashboard({ up: ['--public-url', `http://127.0.0.1:${port}/panel`, '--no-agent'] });
  proxy = createServer((incoming, outgoing) => {
    const path = incoming.url ?? '/';
    if (!path.startsWith('/panel/')) return void outgoing.writeHead(404).end('not the panel');
    const upstream = request(
      new URL(strips ? path.slice('/panel'.length) : path, dashboard.url),
      { method: incoming.method ?? 'GET', headers: incoming.headers },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      },
    );
    upstream.once('error', () => outgoing.destroy());
    outgoing.once('close', () => upstream.destroy());
    incoming.pipe(upstream);
  });
  await new Promise<void>((resolve) => proxy.listen(port, '127.0.0.1', resolve));
});
afterAll(async () => {
  proxy?.closeAllConnections();
  proxy?.close();
  await dashboard?.close();
});

describe.skipIf(no_browser)('behind a path prefix', () => {
  for (const kind of ['keeps', 'strips'] as const) {
    test(`that the reverse proxy ${kind}, one signs in, goes about and reloads`, async () => {
      strips = kind === 'strips';
      const { page, complaints } = await dashboard.window();
      const { port } = proxy.address() as AddressInfo;
      const base = `http://127.0.0.1:${port}/panel`;
      expect(page.url()).toBe(`${base}/`);
      await page.getByText('Live', { exact: true }).filter({ visible: true }).waitFor();
      await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Servers' }).click();
      await page.waitForURL(`${base}/servers`);
      await page.reload();
      await page.getByRole('heading', { level: 1, name: 'Servers' }).waitFor();
      const [cookie] = (await page.context().cookies(`${base}/`)).filter(({ name }) => name === 'mainstay_session');
      expect(cookie?.path).toBe('/panel');
      expect(complaints).toEqual([]);
    });
  }
});
