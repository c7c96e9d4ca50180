import { mkdirSync, mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Fixture, type FixtureOptions, startFixture } from '../testing/fixture.ts';

const script = `console.log('${'x'.repeat(3_000)}')`;
const page = '<base href="%BASE%"><style nonce="%NONCE%"></style><meta content="%NONCE%">the dashboard';
let public_dir: string;
let open: Fixture[] = [];

beforeAll(() => {
  public_dir = mkdtempSync(join(tmpdir(), 'mainstay-public-'));
  mkdirSync(join(public_dir, 'assets'));
  writeFileSync(join(public_dir, 'index.html'), page);
  writeFileSync(join(public_dir, 'api-docs.html'), '<base href="%BASE%">the reference');
  writeFileSync(join(public_dir, 'boot.js'), 'boot()');
  writeFileSync(join(public_dir, 'assets', 'main-DEADBEEF.js'), script);
  writeFileSync(join(public_dir, 'assets', 'main-DEADBEEF.js.br'), brotliCompressSync(script));
  writeFileSync(join(public_dir, 'assets', 'main-DEADBEEF.js.gz'), gzipSync(script));
  writeFileSync(join(public_dir, '..', 'mainstay-outside.txt'), 'outside');
});
afterEach(async () => {
  for (const fixture of open) await fixture.stop();
  open = [];
});
afterAll(() => {
  rmSync(public_dir, { recursive: true, force: true });
  rmSync(join(tmpdir(), 'mainstay-outside.txt'), { force: true });
});

async function start(options: FixtureOptions = {}): Promise<Fixture> {
  const fixture = await startFixture({ public_dir, ...options });
  open.push(fixture);
  return fixture;
}

const html = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };
const policyOf = (response: Response) => response.headers.get('content-security-policy') ?? '';

describe('the dashboard', () => {
  it('answers at every address that may be one of its own, and nowhere else', async () => {
    const at = await start();
    const get = async (path: string, headers: Record<string, string> = {}) => {
      const response = await at.http(path, { token: null, headers });
      return [response.status, (await response.text()).includes('the dashboard')];
    };
    for (const path of ['/', '/index.html', '//', '/stacks/shop', '/stacks/shop/services/web?tab=logs']) {
      expect(await get(path), path).toEqual([200, true]);
    }
    expect(await get('/servers/web.example.com', html)).toEqual([200, true]);
    expect(await get('/servers/web.example.com')).toEqual([404, false]);
    for (const path of [
      '/api',
      '/api/v1/nothing',
      '/auth/x',
      '/agent/v1/x',
      '/webhooks/x',
      '/assets/x.js',
      '/assets/',
    ]) {
      expect(await get(path, html), path).toEqual([404, false]);
    }
    expect(await get('/mcp', html)).toEqual([401, false]);
    expect((await at.http('/stacks', { method: 'POST', body: '{}', headers: html })).status).toBe(404);
    const head = await at.http('/stacks', { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
  });

  it('gets a nonce of its own at every answer, which the policy names and nothing else allows', async () => {
    const at = await start();
    const nonces = new Set<string>();
    for (const path of ['/', '/', '/stacks']) {
      const response = await at.http(path, { token: null });
      const text = await response.text();
      const nonce = /nonce="([A-Za-z0-9+/=]+)"/.exec(text)?.[1] ?? '';
      expect(Buffer.from(nonce, 'base64').byteLength).toBeGreaterThanOrEqual(16);
      expect(text).toContain(`content="${nonce}"`);
      const policy = policyOf(response).split('; ');
      expect(policy).toContain(`style-src 'self' 'nonce-${nonce}'`);
      expect(policy).toEqual(expect.arrayContaining(["default-src 'none'", "script-src 'self'", "base-uri 'self'"]));
      expect(policyOf(response)).not.toMatch(/unsafe|\*/);
      expect(response.headers.get('cache-control')).toBe('no-cache');
      nonces.add(nonce);
    }
    expect(nonces.size).toBe(3);
    const answer = policyOf(await at.http('/api/v1/health', { token: null }));
    expect(answer).toContain("style-src 'self';");
    expect(answer).toContain("base-uri 'none'");
  });

  it('is read again when its file changed', async () => {
    const at = await start();
    const path = join(public_dir, 'index.html');
    const before = statSync(path);
    writeFileSync(path, `${page} of tomorrow`);
    utimesSync(path, before.atime, new Date(before.mtimeMs + 5_000));
    expect(await (await at.http('/')).text()).toContain('the dashboard of tomorrow');
    writeFileSync(path, page);
  });

  it('never gives a file from outside its folder', async () => {
    const at = await start();
    for (const path of [
      '/..%2fmainstay-outside.txt',
      '/%2e%2e/mainstay-outside.txt',
      '/assets/..%2f..%2fmainstay-outside.txt',
    ]) {
      const response = await at.http(path);
      expect(await response.text(), path).not.toBe('outside');
      expect(response.status, path).toBe(404);
    }
    expect((await at.http('/boot.js%00.txt')).status).toBe(404);
  });
});

describe('static files', () => {
  it.each([
    ['br, gzip', 'br'],
    ['gzip', 'gzip'],
    ['br;q=0, gzip;q=0.5', 'gzip'],
    ['*', 'br'],
    ['identity', null],
    ['gzip;q=0', null],
  ])('for a client that accepts "%s" come encoded as %s', async (accepted, encoding) => {
    const at = await start();
    const response = await at.http('/assets/main-DEADBEEF.js', { headers: { 'accept-encoding': accepted } });
    expect(response.headers.get('content-encoding')).toBe(encoding);
    expect(response.headers.get('vary')).toBe('accept-encoding');
    expect(response.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
    const extension = encoding === 'br' ? '.br' : encoding === 'gzip' ? '.gz' : '';
    const { size } = statSync(join(public_dir, 'assets', `main-DEADBEEF.js${extension}`));
    expect(response.headers.get('content-length')).toBe(String(size));
    expect(await response.text()).toBe(script);
  });

  it('with a hash in their name may be kept for ever, others are asked for again', async () => {
    const at = await start();
    const kept = async (path: string) => (await at.http(path)).headers.get('cache-control');
    expect(await kept('/assets/main-DEADBEEF.js')).toContain('immutable');
    expect(await kept('/boot.js')).toBe('no-cache');
  });
});

describe('answers of JSON', () => {
  it('are compressed when they are long and the client takes it', async () => {
    const at = await start();
    const encodingOf = async (path: string, accepted: string) => {
      const response = await at.http(path, { headers: { 'accept-encoding': accepted } });
      await response.json();
      return response.headers.get('content-encoding');
    };
    expect(await encodingOf('/api/v1/openapi.json', 'gzip')).toBe('gzip');
    expect(await encodingOf('/api/v1/openapi.json', 'identity')).toBeNull();
    expect(await encodingOf('/api/v1/stacks', 'gzip')).toBeNull();
    for (let index = 0; index < 80; index += 1) {
      await at.client['secrets.set']({ stack: 'shop', name: `KEY_${index}`, value: 'x' });
    }
    expect(await encodingOf('/api/v1/events?limit=1000', 'gzip')).toBe('gzip');
  });
});

describe.each([
  ['takes it off', ''],
  ['keeps it', '/panel'],
])('behind a path prefix and a reverse proxy that %s', (_, sent) => {
  it('pages, files, API, sign-in and the reference are found', async () => {
    const at = await start({ public_url: 'https://example.com/panel/' });
    const get = (path: string, headers: Record<string, string> = {}) =>
      at.http(`${sent}${path}`, { token: null, headers });
    for (const path of ['/', '/stacks/shop']) {
      expect(await (await get(path)).text()).toContain('<base href="/panel/">');
    }
    expect(await (await get('/api/docs')).text()).toContain('<base href="/panel/">the reference');
    expect(await (await get('/assets/main-DEADBEEF.js')).text()).toBe(script);
    expect(await (await get('/api/v1/openapi.json')).json()).toMatchObject({ servers: [{ url: '/panel' }] });
    expect((await get('/api/v1/nothing')).status).toBe(404);
    expect((await get('/livez')).status).toBe(200);

    const { result } = await at.client['access.create_sign_in_link']({});
    expect(result?.url).toMatch(/^https:\/\/example\.com\/panel\/#sign-in=msl_/);
    const signIn = (origin: string) =>
      at.http(`${sent}/auth/sign-in`, {
        method: 'POST',
        token: null,
        headers: { origin },
        body: JSON.stringify({ key: result!.url!.split('#sign-in=')[1] }),
      });
    expect((await signIn('https://other.example')).status).toBe(403);
    // The proxy passes a host of its own; the page names the public address.
    const signedIn = await signIn('https://example.com');
    expect(signedIn.status).toBe(200);
    const cookie = signedIn.headers.get('set-cookie') ?? '';
    expect(cookie).toMatch(/; Path=\/panel; HttpOnly; SameSite=Lax; .*Secure$/);
    expect((await get('/api/v1/whoami', { cookie: cookie.split(';')[0]! })).status).toBe(200);
  });

  it('webhooks and agents are found', async () => {
    const at = await start({ public_url: 'https://example.com/panel' });
    expect((await at.http(`${sent}/webhooks/none`, { method: 'POST', body: '{}' })).status).toBe(404);
    const unknown = await at.http(`${sent}/agent/v1/heartbeat`, { method: 'POST', body: '{}' });
    expect(await unknown.json()).toMatchObject({ message: 'The credential of this server is not known.' });
  });
});

it('without a path prefix the base is / and the cookie holds everywhere', async () => {
  const at = await start();
  expect(await (await at.http('/panel/stacks')).text()).toContain('<base href="/">');
  const { result } = await at.client['access.create_sign_in_link']({});
  const body = JSON.stringify({ key: result!.url!.split('#sign-in=')[1] });
  const signedIn = await at.http('/auth/sign-in', { method: 'POST', token: null, body });
  expect(signedIn.headers.get('set-cookie')).toContain('; Path=/; HttpOnly');
});

it('a public address that cannot be served is refused at the start', async () => {
  await expect(start({ public_url: 'https://example.com/api' })).rejects.toMatchObject({ field: 'public_url' });
});
