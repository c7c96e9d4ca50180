import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { registrations } from '../registrations.ts';
import { runCli } from '../run.ts';
import { createCapturedTerminal } from '../terminal/captured-terminal.ts';

/** What came in; every request is refused, since only what is asked for is of interest here. */
let asked: { path: string; body: Record<string, unknown> }[];
let server: Server;
let folder: string;
beforeEach(async () => {
  asked = [];
  folder = mkdtempSync(join(tmpdir(), 'mainstay-cli-'));
  server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    request.once('end', () => {
      if (text !== '') asked.push({ path: request.url ?? '', body: JSON.parse(text) });
      response.writeHead(409, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ code: 'Conflict', message: 'Not now.' }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(() => {
  server.close();
  server.closeAllConnections();
  rmSync(folder, { recursive: true, force: true });
});

async function run(...words: string[]) {
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const terminal = createCapturedTerminal({ cwd: folder, env: { MAINSTAY_URL: url, MAINSTAY_TOKEN: 'mtk_x' } });
  const code = await runCli(['servers', ...words, '--dry-run'], terminal, registrations);
  return { code, stderr: terminal.stderr() };
}

const labels = ['--label', 'role=web', '--label', 'region=eu'];

test('labels are given one by one, and a batch as a number or a share', async () => {
  await run('update-agents', ...labels, '--batch', '25%', '--servers', 'a', '--servers', 'b');
  await run('update-agents', '--batch', '3');
  expect(asked.map(({ path }) => path)).toEqual(['/api/v1/agent-updates', '/api/v1/agent-updates']);
  expect(asked[0]?.body).toMatchObject({
    labels: { role: 'web', region: 'eu' },
    batch: '25%',
    servers: ['a', 'b'],
    dry_run: true,
  });
  expect(asked[1]?.body).toMatchObject({ batch: 3 });
  expect(asked[1]?.body).not.toHaveProperty('labels');
});

test('a server is invited with labels in the same words', async () => {
  await run('invite', 'h1', ...labels);
  expect(asked[0]?.body).toMatchObject({ server: 'h1', labels: { role: 'web', region: 'eu' } });
});

test('a word that is no label is refused before anything is asked', async () => {
  for (const word of ['role', 'role-']) {
    const { code, stderr } = await run('update-agents', '--label', word);
    expect(code).not.toBe(0);
    expect(stderr).toContain('label');
  }
  expect(asked).toEqual([]);
});
