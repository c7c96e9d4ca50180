import type { AgentStateSent } from '@mainstay/contract/agent-api';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Fixture, type Repository, startFixture } from '../testing/fixture.ts';

let at: Fixture;
let repository: Repository;
beforeEach(async () => {
  at = await startFixture();
  repository = at.repository('api');
});
afterEach(() => at.stop());

type Service = Record<string, unknown>;
const spec = (api: Service, more: Record<string, Service> = {}) => ({
  poll_interval_seconds: 86_400,
  services: Object.fromEntries(
    Object.entries({ api, ...more }).map(([name, service]) => [
      name,
      { source: { git: repository.url }, run: 'node server.js', ...service },
    ]),
  ),
});
const rollback = async (input: { version?: number; service?: string } = {}) => {
  const { operation } = await at.client['stacks.rollback']({ stack: 'shop', dry_run: true, ...input });
  return operation.plan;
};

it('its plan tells commits and configuration value by value, and that refs are not followed after it', async () => {
  await at.client['stacks.apply']({
    stack: 'shop',
    spec: spec({ env: { LEVEL: 'info', OLD: 'x' }, route: { prefix: '/' }, limits: { memory_mb: 128 } }),
  });
  const first = repository.git('rev-parse', 'HEAD');
  const second = repository.commit('second');
  await at.client['stacks.apply']({
    stack: 'shop',
    spec: spec({ env: { LEVEL: 'debug', NEW: 'y' }, run: 'node next.js' }, { web: { route: { prefix: '/' } } }),
  });
  const plan = await rollback();
  const held = 'rolled back to version 1';
  expect(plan.changes).toEqual([
    { action: 'update', path: 'services.api.env.LEVEL', from: 'debug', to: 'info' },
    { action: 'delete', path: 'services.api.env.NEW', from: 'y' },
    { action: 'create', path: 'services.api.env.OLD', to: 'x' },
    { action: 'create', path: 'services.api.limits.memory_mb', to: 128 },
    { action: 'create', path: 'services.api.route.prefix', to: '/' },
    { action: 'create', path: 'services.api.route.strip', to: false },
    { action: 'update', path: 'services.api.run', from: 'node next.js', to: 'node server.js' },
    { action: 'update', path: 'services.api.commit', from: second, to: first },
    { action: 'delete', path: 'services.web', note: 'stops; its data folder is kept' },
    { action: 'update', path: 'services.api.follows_ref', from: true, to: held },
  ]);
  const done = await at.client['stacks.rollback']({ stack: 'shop', plan_hash: plan.hash });
  expect(done.operation.plan.changes).toEqual(plan.changes);
  expect((await at.client['stacks.get']({ stack: 'shop' })).stack.held_services).toEqual({ api: held });
  const { versions } = await at.client['stacks.versions']({ stack: 'shop' });
  expect(versions[0]).toMatchObject({
    version: 3,
    operation: 'stacks.rollback',
    actor: 'owner',
    summary: 'Roll stack shop back to version 1',
    commits: { api: first },
  });
});

it('goes back past what was only started once more, and past what is the same', async () => {
  await at.client['stacks.apply']({ stack: 'shop', spec: spec({ env: { LEVEL: 'info' } }) });
  await at.client['stacks.apply']({ stack: 'shop', spec: spec({ env: { LEVEL: 'debug' } }) });
  await at.client['stacks.deploy']({ stack: 'shop', restart: true });
  await at.client['stacks.deploy']({ stack: 'shop', restart: true });
  expect((await rollback()).summary).toBe('Roll stack shop back to version 1');
  expect((await rollback({ service: 'api' })).summary).toBe('Roll api of stack shop back to version 1');
  expect((await rollback({ version: 2 })).changes).toEqual([]);
});

it('warns where a release is no longer kept, by server, and not where its build is', async () => {
  const build = { build: 'make' };
  await at.client['stacks.apply']({ stack: 'shop', spec: { ...spec(build, { web: {} }), rollout: { first: 2 } } });
  const one = await at.enrol('h1', 'shop');
  const two = await at.enrol('h2', 'shop');
  const first = (await one.desired()).offer!;
  repository.commit('second');
  const reports = async (server: typeof one, kept: (typeof first)[]) => {
    const { offer } = await server.desired();
    await server.report(offer!, 'succeeded');
    for (const [name, service] of Object.entries(server.state.services)) {
      service.releases = kept.map(({ document }): AgentStateSent['services'][string]['releases'][number] => {
        const { release_id, source } = document.services[name]!;
        return { release_id, commit: source.commit, state: 'kept', created_at: 1 };
      });
    }
    await server.send('POST', '/heartbeat', { sent_at: 1, state: server.state });
  };
  for (const server of [one, two]) await reports(server, [first]);
  const { operation } = await at.client['stacks.deploy']({ stack: 'shop' });
  const second = (await one.desired()).offer!;
  await reports(one, [first, second]);
  await reports(two, [second]);
  await at.ended(operation.id!);
  expect((await rollback({ version: 1 })).warnings).toEqual([
    'That release of api is no longer kept on h2: it will be built again.',
    'That release of web is no longer kept on h2: its source is fetched again.',
  ]);
  await reports(two, [first, second]);
  expect((await rollback({ version: 1 })).warnings).toEqual([]);
  // A release that failed leaves no build behind.
  two.state.services['api']!.releases[0]!.state = 'failed';
  await two.send('POST', '/heartbeat', { sent_at: 2, state: two.state });
  expect((await rollback({ version: 1, service: 'api' })).warnings).toHaveLength(1);
});
