/** Refused requests: each kind is on record at once, and no flood of them fills the trail. */
import { createClient } from '@mainstay/contract/client';
import { silentLogger, systemClock } from '@mainstay/runtime';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTrail, owner, type Trail } from '../audit/testing/trail.ts';
import { type Fixture, startFixture } from '../testing/fixture.ts';
import { createRefusals, limitsOfRefusals, type Refusal, type Refusals, sourceOf } from './refusals.ts';

const start = 1_800_000_000_000;
const minute = 60_000;

describe('refusals', () => {
  let trail: Trail;
  let now: number;
  let refusals: Refusals;
  beforeEach(async () => {
    trail = await createTrail();
    now = start;
    refusals = createRefusals({ store: trail.store, clock: { ...systemClock, now: () => now }, log: silentLogger() });
  });
  afterEach(() => trail.end());

  const refused = (more: Partial<Refusal> = {}) =>
    refusals.note({
      ...{ source: '203.0.113.9', reason: 'token', operation: 'stacks.list', route: '/api/v1/stacks', actor: null },
      ...more,
    });
  const counts = async () => {
    const rows = await trail.store.db.selectFrom('audit_entries').select('body').orderBy('position').execute();
    return rows.map(({ body }) => (JSON.parse(body) as { data: { count: number } }).data.count);
  };

  it('of one kind are one entry at once, and one sum for ever longer times', async () => {
    for (let tries = 0; tries < 1_000; tries += 1) await refused();
    expect(await counts()).toEqual([1]);
    await refusals.sweep();
    expect(await counts()).toEqual([1]);
    now += minute;
    await refusals.sweep();
    expect(await counts()).toEqual([1, 999]);
    await refused();
    now += minute;
    await refusals.sweep();
    expect(await counts()).toEqual([1, 999]);
    now += minute;
    await refusals.sweep();
    expect(await counts()).toEqual([1, 999, 1]);
    // Once they have ended, the next one is on record at once again.
    now += 4 * minute;
    await refusals.sweep();
    await refused();
    expect(await counts()).toEqual([1, 999, 1, 1]);
  });

  it('of different kinds are told apart by address, reason, operation and actor', async () => {
    const kinds: Partial<Refusal>[] = [
      {},
      { source: '203.0.113.10' },
      { reason: 'session' },
      { operation: 'stacks.get' },
      { reason: 'forbidden', actor: owner },
    ];
    for (const kind of [...kinds, ...kinds]) await refused(kind);
    expect(await counts()).toEqual([1, 1, 1, 1, 1]);
  });

  it('of ten thousand kinds leave a bounded number of entries, and none is left uncounted', async () => {
    for (let at = 0; at < 10_000; at += 1) await refused({ source: `198.51.${at >> 8}.${at & 255}` });
    expect(await counts()).toHaveLength(limitsOfRefusals.entries_per_minute_max);
    now += minute;
    await refusals.sweep();
    const all = await counts();
    expect(all).toHaveLength(limitsOfRefusals.entries_per_minute_max + 1);
    expect(all.reduce((sum, count) => sum + count, 0)).toBe(10_000);
  });

  it('that cannot be written are counted on until they can', async () => {
    const { store } = trail;
    let isLocked = true;
    const batch: typeof store.batch = (statements) =>
      isLocked ? Promise.reject(new Error('locked')) : store.batch(statements);
    const clock = { ...systemClock, now: () => now };
    refusals = createRefusals({ store: { ...store, batch }, clock, log: silentLogger() });
    await refused();
    await refused();
    now += minute;
    await refusals.sweep();
    expect(await counts()).toEqual([]);
    isLocked = false;
    await refusals.sweep();
    expect(await counts()).toEqual([2]);
  });

  it('are counted to the last at an orderly end', async () => {
    for (let tries = 0; tries < 5; tries += 1) await refused();
    await refusals.stop();
    expect(await counts()).toEqual([1, 4]);
  });

  it.each([
    ['::ffff:203.0.113.9', '203.0.113.9'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:DB8:0:0:9::1', '2001:db8:0:0::/64'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '::1'],
    ['127.0.0.1', '127.0.0.1'],
    [null, null],
  ])('from %s are from %s', (address, source) => expect(sourceOf(address)).toBe(source));
});

describe('a running control plane has on record who was refused', () => {
  let now: number;
  let at: Fixture;
  beforeEach(async () => {
    now = start;
    at = await startFixture({ clock: { ...systemClock, now: () => now } });
  });
  afterEach(() => at.stop());

  const refusedEntries = async () => {
    const { entries } = await at.client['audit.list']({ kind: ['access.refused'], limit: 100 });
    return entries.map(({ actor, operation, outcome, data }) => {
      const { reason, route, count, source } = data;
      return { actor: actor?.name ?? null, operation, outcome, reason, route, count, source };
    });
  };
  const from = { outcome: 'refused', count: 1, source: '127.0.0.1' };

  it('for an unknown, an expired and a revoked token, a session that ended, and a server that is not known', async () => {
    const { result } = await at.client['access.create_token']({ name: 'short', expires_seconds: 60 });
    now += 61_000;
    await at.http('/api/v1/stacks', { token: result!.token! });
    await at.http('/api/v1/servers', { token: 'mtk_not-a-token' });
    await at.http('/api/v1/servers', { token: 'mtk_another-one' });
    await at.http('/api/v1/whoami', { token: null, headers: { cookie: 'mainstay_session=mss_gone' } });
    await at.http('/mcp', { token: 'mtk_not-a-token', method: 'POST', body: '{}' });
    await at.http('/agent/v1/heartbeat', { token: 'mag_unknown', method: 'POST', body: '{}' });
    await at.http('/agent/v1/logs', { token: 'mag_unknown', method: 'POST', body: '{}' });
    await at.http('/webhooks/a-secret-address', { method: 'POST', body: '{}', token: null });
    // Who shows nothing is asked to sign in, and nothing more.
    await at.http('/api/v1/stacks', { token: null });
    const nobody = { ...from, actor: null, operation: null };
    expect(await refusedEntries()).toEqual([
      { ...nobody, operation: 'stacks.list', reason: 'token', route: '/api/v1/stacks' },
      { ...nobody, operation: 'servers.list', reason: 'token', route: '/api/v1/servers' },
      { ...nobody, operation: 'system.whoami', reason: 'session', route: '/api/v1/whoami' },
      { ...nobody, reason: 'token', route: '/mcp' },
      { ...nobody, reason: 'server_credential', route: '/agent/v1/*' },
      { ...nobody, reason: 'webhook', route: '/webhooks/:id' },
    ]);
    const { entries } = await at.client['audit.list']({ kind: ['access.refused'], limit: 100 });
    expect(entries[0]?.data).toMatchObject({ ended_key: result!.id, key_of: 'owner' });
    expect(JSON.stringify(entries)).not.toMatch(/mtk_|mss_|mag_|a-secret-address/);
    await at.restart();
    const sum = (await refusedEntries()).filter(({ operation }) => operation === 'servers.list');
    expect(sum.map(({ count }) => count)).toEqual([1, 1]);
  });

  it('for what a role may not do, over HTTP and MCP, with the name of who tried', async () => {
    const { result } = await at.client['access.create_token']({ name: 'reads', role: 'viewer' });
    const token = result!.token!;
    const viewer = createClient({ url: at.plane.url, token });
    const work = viewer['secrets.set']({ stack: 'shop', name: 'A', value: 'a-very-secret-value' });
    await expect(work).rejects.toMatchObject({ code: 'Forbidden' });
    const params = { name: 'servers_remove', arguments: { server: 'main', dry_run: true } };
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params });
    const headers = { accept: 'application/json, text/event-stream' };
    const answer = await at.http('/mcp?changes=1', { method: 'POST', token, headers, body });
    expect(await answer.text()).toContain('Forbidden');
    const byViewer = { ...from, actor: 'owner', reason: 'forbidden' };
    expect(await refusedEntries()).toEqual([
      { ...byViewer, operation: 'secrets.set', route: '/api/v1/stacks/:stack/secrets/:name' },
      { ...byViewer, operation: 'servers.remove', route: '/mcp' },
    ]);
    const { entries: whole } = await at.client['audit.list']({ kind: ['access.refused'] });
    expect(whole[0]?.actor).toMatchObject({ role: 'viewer', proof: 'token' });
    expect(JSON.stringify(whole)).not.toContain('a-very-secret-value');
  });
});
