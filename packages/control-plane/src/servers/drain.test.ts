import type { ServerStateOffer } from '@mainstay/contract/agent-answers';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type Fixture, startFixture } from '../testing/fixture.ts';

const patient = { timeout: 20_000, interval: 30 };

let at: Fixture;
let repository: ReturnType<Fixture['repository']>;
beforeEach(async () => {
  at = await startFixture();
  repository = at.repository('api');
  const services = { api: { source: { git: repository.url }, run: 'node server.js' } };
  await at.client['stacks.apply']({ stack: 'shop', spec: { poll_interval_seconds: 86_400, services } });
});
afterEach(() => at.stop());

type ByHand = Awaited<ReturnType<Fixture['enrol']>>;

/** A server of the stack that runs what it was offered. */
async function serving(name: string): Promise<ByHand> {
  const server = await at.enrol(name, 'shop');
  await server.report((await server.desired()).offer!, 'succeeded');
  return server;
}

async function offered(server: ByHand): Promise<ServerStateOffer> {
  return vi.waitFor(async () => {
    const answer = await server.send('POST', '/heartbeat', { sent_at: Date.now(), state: server.state });
    const { server_state } = (await answer.json()) as { server_state: ServerStateOffer | null };
    if (!server_state) throw new Error('nothing was offered');
    return server_state;
  }, patient);
}

/** The server takes a server state, and says that it is so. */
async function takes(server: ByHand, offer: ServerStateOffer, failure: string | null = null): Promise<void> {
  const { document, sha256 } = offer;
  const { version } = document;
  const drained = failure === null ? document.drained : server.state.drained;
  const state = failure === null ? 'succeeded' : 'failed';
  const receipt = { version, sha256, operation_id: null, message: failure, hint: null, started_at: 1, finished_at: 2 };
  Object.assign(server.state, { server: { ...receipt, state }, drained });
  if (drained) server.state.services = {};
  await server.send('POST', '/heartbeat', { sent_at: Date.now(), state: server.state });
}

async function drain(server: ByHand, name: string) {
  const ending = at.client['servers.drain']({ server: name });
  await takes(server, await offered(server));
  const { operation } = await ending;
  return at.ended(operation.id!);
}

const deploy = async () => {
  repository.commit('more');
  return (await at.client['stacks.deploy']({ stack: 'shop' })).operation;
};

test('draining is signed for its server, ends when that says so, and warns where nothing else serves the stack', async () => {
  const server = await serving('h1');
  const { operation } = await at.client['servers.drain']({ server: 'h1', dry_run: true });
  expect(operation.plan.changes).toMatchObject([{ action: 'update', path: 'drained', from: false, to: true }]);
  expect(operation.plan.warnings).toEqual(['No other server runs stack shop: after this nothing serves it.']);
  expect(await drain(server, 'h1')).toMatchObject({ state: 'succeeded' });
  expect((await at.client['servers.get']({ server: 'h1' })).server.drained).toBe(true);
  expect((await at.client['stacks.get']({ stack: 'shop' })).stack).toMatchObject({
    message: 'All its servers are drained.',
  });
  expect((await at.client['servers.drain']({ server: 'h1' })).operation.message).toBe('Nothing to change.');
});

test('a drained server is not waited for, does not make its stack less healthy, and is offered what was deployed', async () => {
  const [one, two] = [await serving('h1'), await serving('h2')];
  await drain(one, 'h1');
  const operation = await deploy();
  expect(operation.plan.warnings).toEqual(['Server h1 is drained; it will follow when it is undrained.']);
  expect(operation.plan.rollout, 'one server is no rollout').toBeUndefined();
  await two.report((await two.desired()).offer!, 'succeeded');
  expect(await at.ended(operation.id!)).toMatchObject({ state: 'succeeded', targets: [{ server: 'h2' }] });
  expect((await at.client['stacks.get']({ stack: 'shop' })).stack.health).toBe('healthy');
  expect((await one.desired()).offer?.document.version).toBe(2);
});

test('a server that is drained in the middle of a rollout is not waited for either', async () => {
  const [one, two] = [await serving('h1'), await serving('h2')];
  const operation = await deploy();
  await one.report((await one.desired()).offer!, 'succeeded');
  await vi.waitFor(async () => expect((await two.desired()).offer?.document.version).toBe(2), patient);
  await drain(two, 'h2');
  expect(await at.ended(operation.id!)).toMatchObject({ state: 'succeeded' });
});

test('a server that runs services is removed only when it is drained, or when they are to be left running', async () => {
  const [one, two] = [await serving('h1'), await serving('h2')];
  await expect(at.client['servers.remove']({ server: 'h1' })).rejects.toMatchObject({
    code: 'Conflict',
    field: 'server',
    hint: expect.stringContaining('mainstay servers drain h1'),
  });
  await drain(one, 'h1');
  expect(await at.confirmed(at.client['servers.remove']({ server: 'h1' }))).toMatchObject({ state: 'succeeded' });
  expect((await one.desired()).status).toBe(401);
  const removal = at.client['servers.remove']({ server: 'h2', leave_running: true });
  expect(await at.confirmed(removal)).toMatchObject({ state: 'succeeded' });
  expect((await two.desired()).status).toBe(401);
});

test('what did not come into force changes nothing: the server is as it says, and it can be tried again', async () => {
  const server = await serving('h1');
  const failing = at.client['servers.drain']({ server: 'h1' });
  await takes(server, await offered(server), 'the tunnel did not connect');
  expect(await at.ended((await failing).operation.id!)).toMatchObject({ state: 'failed' });
  expect((await at.client['servers.get']({ server: 'h1' })).server.drained).toBe(false);
  expect(await drain(server, 'h1')).toMatchObject({ state: 'succeeded' });

  const undraining = at.client['servers.undrain']({ server: 'h1' });
  await takes(server, await offered(server), 'this did not come up: api');
  expect(await at.ended((await undraining).operation.id!)).toMatchObject({
    state: 'failed',
    message: expect.stringMatching(/api/),
  });
  expect((await at.client['servers.get']({ server: 'h1' })).server.drained).toBe(true);
  const deployed = await deploy();
  expect(deployed, 'it is not waited for').toMatchObject({ state: 'succeeded', targets: [] });
  const { operation } = await at.client['servers.undrain']({ server: 'h1', dry_run: true });
  expect(operation.plan.changes).toMatchObject([{ path: 'drained', to: false }]);
});
