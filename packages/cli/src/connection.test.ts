import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { connect } from './connection.ts';

let home = '';
let server: Server;
let url = '';
let authorizations: (string | undefined)[] = [];

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'mainstay-connection-'));
  authorizations = [];
  server = createServer((request, response) => {
    authorizations.push(request.headers.authorization);
    response.writeHead(401, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ code: 'Unauthenticated', message: 'Nobody is signed in.', correlation_id: 'cor-1' }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(home, { recursive: true, force: true });
});

function install(address: string): void {
  writeFileSync(join(home, 'url'), `${address}\n`);
  writeFileSync(join(home, 'cli-token'), 'mtk_secret\n', { mode: 0o600 });
}

async function ask(options: { url?: string }, env: Record<string, string> = {}) {
  return connect({ ...options, home }, env)
    .call('system.whoami', {})
    .catch((error: unknown) => error);
}

it('the installation of this machine is found, and its token used, by the files in its home', async () => {
  install(url);
  await ask({});
  await ask({ url: url.replace('127.0.0.1', 'localhost') });
  expect(authorizations).toEqual(['Bearer mtk_secret', 'Bearer mtk_secret']);
});

it('the token of this machine is never sent to another address', async () => {
  install('http://127.0.0.1:1');
  const error = await ask({ url });
  await ask({}, { MAINSTAY_URL: url });
  expect(authorizations).toEqual([undefined, undefined]);
  expect(error).toMatchObject({ code: 'Unauthenticated', hint: expect.stringContaining('MAINSTAY_TOKEN') });
});

it('a token of the environment goes where it is told to, and stands in no error', async () => {
  const error = await ask({ url }, { MAINSTAY_TOKEN: 'mtk_other' });
  expect(authorizations).toEqual(['Bearer mtk_other']);
  expect(error).toMatchObject({ correlation_id: 'cor-1' });
  expect(JSON.stringify(error)).not.toContain('mtk_other');
});

it.each(['ftp://x', 'nonsense', 'http://user:pass@127.0.0.1'])('%s is no address of a control plane', (given) => {
  expect(() => connect({ url: given, home }, {})).toThrow(
    expect.objectContaining({ code: 'InvalidInput', field: 'url' }),
  );
});
