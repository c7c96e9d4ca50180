import { createClient } from '@mainstay/contract/client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Fixture, startFixture } from '../testing/fixture.ts';
import { refusal } from '../testing/refusal.ts';

const policies = {
  'own.yaml': `schema: 1
rules:
  - { name: all, effect: allow }
  - name: production
    match: { target: { labels: { tier: prod* } } }
    effect: require
    require: { approvals: 1 }
  - name: frozen
    match: { target: { environments: [frozen] } }
    effect: deny
    reason: It is frozen.
`,
};

let at: Fixture;
let git: string;
beforeEach(async () => {
  at = await startFixture({ policies });
  git = at.repository('shop').url;
  await at.client['stacks.apply']({ stack: 'shop', spec: spec('1') });
});
afterEach(() => at.stop());

function spec(version: string) {
  return { services: { web: { source: { git }, run: 'node server.js', env: { VERSION: version } } } };
}
const shown = async (server: string) => {
  const { labels, environment } = (await at.client['servers.get']({ server })).server;
  return { labels, environment };
};
const stateOf = async (answer: Promise<{ operation: { state: string } }>) => (await answer).operation.state;

describe('labels of a server', () => {
  it('are set, changed and taken away, shown wherever servers are, and go with the server', async () => {
    await at.client['servers.invite']({ server: 'h1', labels: { zone: 'a' }, environment: 'staging' });
    expect(await shown('h1')).toEqual({ labels: { zone: 'a' }, environment: 'staging' });
    const label = at.client['servers.label'];
    const { operation } = await label({ server: 'h1', set: { zone: 'b', disk: 'ssd' }, environment: '' });
    expect(operation.plan.changes.map(({ action, path }) => `${action} ${path}`)).toEqual([
      'create labels.disk',
      'update labels.zone',
      'delete environment',
    ]);
    await label({ server: 'h1', remove: ['zone', 'never-there'] });
    expect(await shown('h1')).toEqual({ labels: { disk: 'ssd' }, environment: null });
    const { servers } = await at.client['servers.list']({});
    expect(servers.map(({ name, labels }) => [name, labels])).toEqual([['h1', { disk: 'ssd' }]]);
    expect((await label({ server: 'h1', set: { disk: 'ssd' } })).operation.message).toBe('Nothing to change.');
    // A new invitation leaves them as they are.
    await at.client['servers.invite']({ server: 'h1' });
    expect(await shown('h1')).toEqual({ labels: { disk: 'ssd' }, environment: null });
    await at.client['servers.remove']({ server: 'h1' });
    await at.client['servers.invite']({ server: 'h1' });
    expect(await shown('h1')).toEqual({ labels: {}, environment: null });
  });

  it('are bounded, and named in the error', async () => {
    await at.client['servers.invite']({ server: 'h1' });
    const many = (from: number, count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${from + index}`, 'v']));
    await at.client['servers.label']({ server: 'h1', set: many(0, 32) });
    const inputs = [
      { set: many(32, 1) },
      { set: many(0, 33) },
      { set: { '-a': 'b' } },
      { set: { ['k'.repeat(64)]: 'b' } },
      { set: { a: 'v'.repeat(64) } },
      { set: { a: 'b c' } },
      { remove: ['k1'], set: { k1: 'x' } },
      { environment: 'Prod' },
    ];
    for (const input of inputs) {
      const error = await refusal(at.client['servers.label']({ server: 'h1', ...input }));
      expect(error.code, JSON.stringify(input)).toBe('InvalidInput');
      expect(error.field).toMatch(/^(set|remove|environment)/);
    }
    expect(Object.keys((await shown('h1')).labels)).toHaveLength(32);
  });

  it('cannot be set by the server itself', async () => {
    const server = await at.enrol('h1', 'shop');
    await at.client['servers.label']({ server: 'h1', set: { tier: 'test' } });
    const body = { sent_at: Date.now(), state: { ...server.state, labels: { tier: 'x' }, environment: 'x' } };
    await server.send('POST', '/heartbeat', body);
    await server.send('POST', '/heartbeat', { sent_at: Date.now(), state: server.state, labels: { tier: 'x' } });
    expect(await shown('h1')).toEqual({ labels: { tier: 'test' }, environment: null });
    const asServer = createClient({ url: at.plane.url, token: server.credential });
    expect((await refusal(asServer['servers.label']({ server: 'h1', remove: ['tier'] }))).code).toBe('Unauthenticated');
  });
});

describe('policies match the labels and environment', () => {
  it('of every server that a stack runs on: one is enough to ask people, or to deny', async () => {
    const servers = [await at.enrol('h1', 'shop'), await at.enrol('h2', 'shop')];
    const rollout = { first: 2 };
    const apply = (version: string) =>
      at.client['stacks.apply']({ stack: 'shop', spec: { ...spec(version), rollout } });
    await at.client['servers.label']({ server: 'h1', set: { tier: 'test' } });
    const { operation } = await apply('2');
    expect(operation.state).toBe('running');
    for (const server of servers) await server.report((await server.desired()).offer!, 'succeeded');
    await at.ended(operation.id!);
    await setPast('h2', { tier: 'production' });
    expect(await stateOf(apply('3'))).toBe('waiting');
    // To make a server what a policy denies is denied as well.
    expect(await stateOf(at.client['servers.label']({ server: 'h1', environment: 'frozen' }))).toBe('denied');
    expect((await shown('h1')).environment).toBeNull();
  });

  it('of what is no deployment: secrets, pausing, assigning and removing', async () => {
    await at.enrol('h1', 'shop');
    await at.client['secrets.set']({ stack: 'shop', name: 'A', value: 'x' });
    await setPast('h1', { tier: 'production' });
    const calls = [
      at.client['stacks.apply']({ stack: 'shop', spec: spec('2') }),
      at.client['secrets.set']({ stack: 'shop', name: 'A', value: 'y' }),
      at.client['stacks.pause']({ stack: 'shop' }),
      at.client['servers.remove']({ server: 'h1' }),
      at.client['servers.invite']({ server: 'h2', labels: { tier: 'production' } }),
    ];
    expect(await Promise.all(calls.map(stateOf))).toEqual(calls.map(() => 'waiting'));
    expect(await stateOf(at.client['secrets.set']({ stack: 'blog', name: 'A', value: 'x' }))).toBe('succeeded');
  });

  it('as they are and as they are to be, so that no label is taken away to get round its policy', async () => {
    await at.enrol('h1', 'shop');
    await setPast('h1', { tier: 'production' });
    expect(await stateOf(at.client['servers.label']({ server: 'h1', remove: ['tier'] }))).toBe('waiting');
    expect(await stateOf(at.client['servers.label']({ server: 'h1', set: { tier: 'test' } }))).toBe('waiting');
  });

  /** Sets labels whatever the policies say, by an approval of another person. */
  async function setPast(server: string, set: Record<string, string>) {
    const { operation } = await at.client['servers.label']({ server, set });
    const { result } = await at.client['access.create_user']({ name: 'olga', role: 'owner' });
    const key = result!.url!.split('#sign-in=')[1];
    const signed = await at.http('/auth/sign-in', { method: 'POST', token: null, body: JSON.stringify({ key }) });
    const cookie = signed.headers.get('set-cookie')!.split(';')[0]!;
    const body = JSON.stringify({ plan_hash: operation.plan.hash });
    const path = `/api/v1/operations/${operation.id}/approve`;
    await at.http(path, { method: 'POST', token: null, headers: { cookie }, body });
    expect(await at.ended(operation.id!)).toMatchObject({ state: 'succeeded' });
  }
});
