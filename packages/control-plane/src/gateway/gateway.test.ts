import { existsSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createKeeper } from '@mainstay/keeper';
import { silentLogger } from '@mainstay/runtime';
import { openSqlite } from '@mainstay/runtime/sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startControlPlane } from '../control-plane.ts';
import { type Fixture, startFixture } from '../testing/fixture.ts';

let at: Fixture;
beforeEach(async () => {
  at = await startFixture();
});
afterEach(() => at.stop());

const bodyOf = async (response: Response) => [response.status, await response.json()];

describe('the gateway', () => {
  it('refuses who is not signed in, before it looks at anything else', async () => {
    expect(await bodyOf(await at.http('/api/v1/stacks', { token: null }))).toMatchObject([
      401,
      { code: 'Unauthenticated' },
    ]);
    expect(await bodyOf(await at.http('/api/v1/stacks', { token: 'mtk_wrong' }))).toMatchObject([
      401,
      { code: 'Unauthenticated' },
    ]);
    expect((await at.http('/api/v1/live', { token: null })).status).toBe(401);
    expect((await at.http('/mcp', { token: null, method: 'POST', body: '{}' })).status).toBe(401);
  });

  it('keeps an idle connection for longer than the reverse proxies before it do', async () => {
    expect((await at.http('/livez')).headers.get('keep-alive')).toBe('timeout=75');
  });

  it('refuses a body that is too large, with or without a stated length', async () => {
    const large = JSON.stringify({ spec: 'x'.repeat(10 * 1024 * 1024) });
    expect(await bodyOf(await at.http('/api/v1/stacks/shop', { method: 'PUT', body: large }))).toMatchObject([
      413,
      { code: 'TooLarge' },
    ]);
    const stream = new Blob([large]).stream();
    const request = { method: 'PUT', body: stream, duplex: 'half' } as RequestInit;
    expect(await bodyOf(await at.http('/api/v1/stacks/shop', request))).toMatchObject([413, { code: 'TooLarge' }]);
  });

  it.each([
    ['not JSON', '{'],
    ['a list', '[]'],
    ['unknown fields', '{"services":[],"unknown":1}'],
    ['wrong types', '{"services":"all"}'],
    ['a foreign prototype', '{"__proto__":{"admin":true}}'],
  ])('refuses a body that is %s', async (_, body) => {
    expect(await bodyOf(await at.http('/api/v1/stacks/shop/deploy', { method: 'POST', body }))).toMatchObject([
      400,
      { code: 'InvalidInput' },
    ]);
  });

  it('refuses an unknown query field, and a value of the wrong type', async () => {
    expect(await bodyOf(await at.http('/api/v1/events?limti=3'))).toMatchObject([
      400,
      { code: 'InvalidInput', field: 'limti' },
    ]);
    expect(await bodyOf(await at.http('/api/v1/events?limit=many'))).toMatchObject([
      400,
      { code: 'InvalidInput', field: 'limit' },
    ]);
    expect(await bodyOf(await at.http('/api/v1/events?limit=3&limit=4'))).toMatchObject([
      400,
      { code: 'InvalidInput', field: 'limit' },
    ]);
  });

  it('exchanges a sign-in link for a session, once, and lets no other site use it', async () => {
    const { result } = await at.client['access.create_sign_in_link']({});
    const key = result!.url!.split('#sign-in=')[1];
    const signIn = (headers = {}) =>
      at.http('/auth/sign-in', { method: 'POST', token: null, body: JSON.stringify({ key }), headers });
    expect((await signIn({ origin: 'http://evil.example' })).status).toBe(403);
    const first = await signIn();
    expect(first.status).toBe(200);
    const cookie = first.headers.get('set-cookie')!;
    expect(cookie).toMatch(/HttpOnly; SameSite=Lax/);
    expect((await signIn()).status).toBe(401);
    const session = { cookie: cookie.split(';')[0]! };
    const ask = (init: RequestInit, path = '/api/v1/access/sign-in-links') =>
      at.http(path, { ...init, token: null, headers: { ...session, ...(init.headers as Record<string, string>) } });
    expect((await ask({ method: 'GET' }, '/api/v1/whoami')).status).toBe(200);
    expect((await ask({ method: 'POST', body: '{}' })).status).toBe(200);
    expect((await ask({ method: 'POST', body: '{}', headers: { origin: 'http://evil.example' } })).status).toBe(403);
    expect((await ask({ method: 'POST', body: '{}', headers: { 'sec-fetch-site': 'cross-site' } })).status).toBe(403);
    expect((await ask({ method: 'POST' }, '/auth/sign-out')).status).toBe(200);
    expect((await ask({ method: 'GET' }, '/api/v1/whoami')).status).toBe(401);
  });

  it('gives every answer a correlation id, the caller’s own where it sent one', async () => {
    const answer = await at.http('/api/v1/stacks/none', { headers: { 'x-request-id': 'my-request-1' } });
    expect(answer.headers.get('x-request-id')).toBe('my-request-1');
    expect(await answer.json()).toMatchObject({ code: 'NotFound', correlation_id: 'my-request-1' });
  });

  it('describes itself, and answers probes and scrapes', async () => {
    const description = await (await at.http('/api/v1/openapi.json', { token: null })).json();
    expect(description).toMatchObject({ openapi: '3.1.0' });
    expect((await at.http('/livez', { token: null })).status).toBe(200);
    expect((await at.http('/readyz', { token: null })).status).toBe(200);
    expect(await (await at.http('/metrics', { token: null })).text()).toMatch(/mainstay_servers\{state="online"\} 0/);
    expect(await bodyOf(await at.http('/no/such/thing'))).toMatchObject([404, { code: 'NotFound' }]);
  });
});

describe('the state file', () => {
  const start = async () =>
    startControlPlane({
      home: at.home,
      port: 0,
      keeper: await createKeeper({ directory: join(at.home, 'keeper') }),
      log: silentLogger(),
    });

  it('that is damaged is told as such, and is left as it is', async () => {
    await at.plane.stop();
    const path = join(at.home, 'mainstay.db');
    writeFileSync(path, Buffer.alloc(8192, 7));
    await expect(start()).rejects.toMatchObject({ code: 'Unavailable', message: expect.stringContaining('damaged') });
    expect(statSync(path).size).toBe(8192);
    truncateSync(path, 0);
    await at.restart().catch(() => {});
  });

  it('that another process has locked makes changes wait, then fail with a clear error, and changes nothing', {
    timeout: 60_000,
  }, async () => {
    const other = openSqlite(join(at.home, 'mainstay.db'));
    other.exec('BEGIN IMMEDIATE');
    const answer = await at.http('/api/v1/stacks/shop/secrets/KEY', { method: 'PUT', body: '{"value":"x"}' });
    expect(await bodyOf(answer)).toMatchObject([
      503,
      { code: 'Unavailable', message: expect.stringContaining('locked') },
    ]);
    expect((await at.http('/api/v1/stacks')).status).toBe(200);
    other.exec('ROLLBACK');
    other.close();
    expect((await at.client['secrets.list']({ stack: 'shop' })).secrets).toEqual([]);
    expect(existsSync(join(at.home, 'mainstay.db'))).toBe(true);
  });

  it('is readable by its owner only, like every key beside it', () => {
    for (const name of ['mainstay.db', 'secrets.key', 'keeper/ledger.db']) {
      expect(statSync(join(at.home, name)).mode & 0o077, name).toBe(0);
    }
  });
});
