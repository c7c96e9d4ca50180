import { createHmac } from 'node:crypto';
import { createSimulatedAgent, type SimulatedAgent, type SimulatedOutcome } from '@mainstay/agent/sim/simulated-agent';
import type { DesiredState } from '@mainstay/contract/desired-state';
import type { OperationView } from '@mainstay/contract/operation';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Fixture, type Repository, startFixture } from '../testing/fixture.ts';
import { refusal } from '../testing/refusal.ts';

const patient = { timeout: 60_000, interval: 50 };
let at: Fixture;
let repository: Repository;
const agents = new Map<string, SimulatedAgent>();
const outcomes = new Map<string, (document: DesiredState) => SimulatedOutcome>();

beforeEach(async () => {
  agents.clear();
  outcomes.clear();
  at = await startFixture();
  repository = at.repository('api');
});
afterEach(async () => {
  await Promise.all([...agents.values()].map((agent) => agent.stop()));
  await at.stop();
});

const specOf = (labels: Record<string, string> | null, service = 'api') => ({
  poll_interval_seconds: 86_400,
  ...(labels ? { targets: { labels } } : {}),
  services: { [service]: { source: { git: repository.url }, run: 'node server.js' } },
});
const enrol = async (server: string, labels: Record<string, string>) => {
  const { result } = await at.client['servers.invite']({ server, labels });
  const agent = createSimulatedAgent({
    url: at.plane.url,
    token: result!.token!,
    heartbeat_interval_ms: 200,
    outcome: (document) => outcomes.get(server)?.(document) ?? { state: 'succeeded' },
  });
  agents.set(server, agent);
  await agent.start();
};
const label = (server: string, set: Record<string, string>, remove: string[] = []) =>
  at.client['servers.label']({ server, set, remove });
const ended = ({ operation }: { operation: OperationView }) => at.ended(operation.id!);
const apply = (labels: Record<string, string> | null, service?: string) =>
  at.client['stacks.apply']({ stack: 'shop', spec: specOf(labels, service) });
const deploy = () => at.client['stacks.deploy']({ stack: 'shop' });
const lines = ({ plan }: OperationView) =>
  plan.changes
    .filter(({ path }) => path.startsWith('targets.'))
    .map(({ action, path, note }) => `${action} ${path}${note ? `: ${note}` : ''}`);
const serverOf = async (server: string) => (await at.client['servers.get']({ server })).server;
const stackOf = async (server: string) => (await serverOf(server)).stack;
const versionsOf = (server: string) => agents.get(server)!.versions;
const eu = { role: 'web', region: 'eu' };

describe('a stack that chooses its servers by their labels', () => {
  it('comes to those that have all of them, as its plan says, and to no other', async () => {
    await enrol('web1', eu);
    await enrol('web2', { ...eu, disk: 'ssd' });
    await enrol('db1', { role: 'db', region: 'eu' });
    await at.client['servers.invite']({ server: 'later', labels: eu });
    const { operation: shown } = await at.client['stacks.apply']({ stack: 'shop', spec: specOf(eu), dry_run: true });
    expect(lines(shown)).toEqual([
      'create targets.servers.web1: comes in: it has role=web, region=eu',
      'create targets.servers.web2: comes in: it has role=web, region=eu',
    ]);
    expect(shown.plan.warnings.join('\n')).toContain('Server later matches, and is not taken: it is not enrolled yet.');
    expect(shown.plan.rollout?.waves.map(({ servers }) => servers)).toEqual([['web1'], ['web2']]);
    expect(await ended(await apply(eu))).toMatchObject({ state: 'succeeded' });
    expect([await stackOf('web1'), await stackOf('web2'), await stackOf('db1')]).toEqual(['shop', 'shop', null]);
    expect(versionsOf('db1')).toEqual([]);
    expect((await at.client['stacks.get']({ stack: 'shop' })).targets).toEqual({
      labels: eu,
      servers: ['web1', 'web2'],
      joins: [],
      leaves: [],
      passed_over: ['Server later matches, and is not taken: it is not enrolled yet.'],
    });
    expect((await serverOf('web1')).chosen_by).toEqual(eu);
    expect((await at.client['stacks.export']({ stack: 'shop' })).yaml).toContain('targets:\n  labels:\n    role: web');
  });

  it('moves nowhere when labels change: only the next deployment by a person does, and says so before', async () => {
    await enrol('web1', eu);
    await enrol('web2', eu);
    await enrol('web3', { role: 'web' });
    await ended(await apply(eu));
    const { operation } = await label('web3', { region: 'eu' });
    expect(operation.plan.warnings).toEqual([
      'web3 comes into stack shop with its next deployment: it has role=web, region=eu. Until then nothing changes.',
    ]);
    await label('web2', { region: 'us' });
    expect((await serverOf('web2')).next_moves).toEqual([
      { stack: 'shop', move: 'leaves', why: 'its region is us, not eu' },
    ]);
    // Mainstay's own deployments leave the servers as they are.
    repository.commit('second');
    const { result } = await at.client['stacks.enable_webhook']({ stack: 'shop' });
    const body = JSON.stringify({ ref: 'refs/heads/main' });
    const signature = `sha256=${createHmac('sha256', result!.secret!).update(body).digest('hex')}`;
    const headers = { 'x-github-event': 'push', 'x-hub-signature-256': signature };
    expect((await at.http(result!.path, { method: 'POST', body, headers, token: null })).ok).toBe(true);
    await vi.waitFor(() => expect(versionsOf('web2')).toEqual([1, 2]), patient);
    await vi.waitFor(async () => expect((await serverOf('web2')).converged).toBe(true), patient);
    expect([await stackOf('web2'), await stackOf('web3')]).toEqual(['shop', null]);
    expect(versionsOf('web3')).toEqual([]);

    const done = await ended(await deploy());
    expect(lines(done)).toEqual([
      'create targets.servers.web3: comes in: it has role=web, region=eu',
      'delete targets.servers.web2: leaves: its region is us, not eu; its services stop, their data is kept',
    ]);
    expect(done.state).toBe('succeeded');
    // The last wave is of those that leave: the others serve by then.
    expect(done.plan.rollout?.waves.map(({ servers }) => servers)).toEqual([['web1'], ['web3'], ['web2']]);
    await vi.waitFor(async () => expect(await stackOf('web2')).toBeNull(), patient);
    expect((await at.client['servers.get']({ server: 'web2' })).reported?.services).toEqual({});
    expect(await stackOf('web3')).toBe('shop');
    const { events } = await at.client['events.list']({ kind: ['server.left'] });
    expect(events.map(({ server }) => server)).toEqual(['web2']);
  });

  it('comes back to what it had where a new version fails: who came in leaves, who was to leave stays', async () => {
    await enrol('web1', eu);
    await enrol('web2', eu);
    await ended(await apply(eu));
    await enrol('web3', eu);
    await label('web2', {}, ['region']);
    const fails = { state: 'failed' as const, message: 'it does not stop' };
    outcomes.set('web2', ({ version }) => (version === 2 ? fails : { state: 'succeeded' }));
    const done = await ended(await deploy());
    expect(done).toMatchObject({ state: 'compensated', message: expect.stringContaining('it does not stop') });
    await vi.waitFor(async () => expect(await stackOf('web3')).toBeNull(), patient);
    expect([await stackOf('web1'), await stackOf('web2')]).toEqual(['shop', 'shop']);
    expect((await at.client['servers.get']({ server: 'web3' })).reported?.services).toEqual({});
    expect((await at.client['stacks.get']({ stack: 'shop' })).targets).toMatchObject({
      servers: ['web1', 'web2'],
      joins: [{ server: 'web3' }],
      leaves: [{ server: 'web2' }],
    });
  });

  it('is rolled back where it runs now: what is brought back is code and configuration', async () => {
    await enrol('web1', eu);
    await ended(await apply(eu));
    await enrol('web2', eu);
    repository.commit('second');
    await ended(await deploy());
    await label('web1', { region: 'us' });
    const back = await at.client['stacks.rollback']({ stack: 'shop' });
    expect(lines(back.operation)).toEqual([]);
    expect(await ended(back)).toMatchObject({ state: 'succeeded' });
    expect((await at.client['stacks.get']({ stack: 'shop' })).targets?.servers).toEqual(['web1', 'web2']);
  });

  it('takes no server that is drained, runs another stack, or keeps data of one under the same name', async () => {
    await enrol('web1', eu);
    await enrol('web2', eu);
    await enrol('web3', eu);
    await at.client['stacks.apply']({ stack: 'blog', spec: specOf(null, 'api') });
    await ended(await at.client['servers.assign']({ server: 'web2', stack: 'blog' }));
    await at.client['servers.drain']({ server: 'web3' });
    const { operation } = await apply(eu);
    expect(lines(operation)).toEqual(['create targets.servers.web1: comes in: it has role=web, region=eu']);
    expect(operation.plan.warnings).toEqual([
      'Server web2 matches, and is not taken: it runs stack blog. Let that go first, or do without the label.',
      'Server web3 matches, and is not taken: it is drained.',
    ]);
    await ended({ operation });
    await ended(
      await at.confirmed(at.client['stacks.remove']({ stack: 'blog' })).then((gone) => ({ operation: gone })),
    );
    const { operation: next } = await deploy();
    expect(next.plan.warnings.join('\n')).toContain('web2 matches, and is not taken: it keeps data of service "api"');
  });

  it('is refused where no server has the labels, and is given to none by hand', async () => {
    const why = {
      code: 'InvalidInput',
      field: 'spec.targets.labels',
      message: expect.stringContaining('role=web, region=eu'),
    };
    expect(await refusal(apply(eu))).toMatchObject(why);
    await enrol('web1', eu);
    await ended(await apply(eu));
    await enrol('web2', {});
    const given = {
      code: 'Conflict',
      field: 'stack',
      message: expect.stringContaining('chooses its servers by their labels'),
    };
    expect(await refusal(at.client['servers.assign']({ server: 'web2', stack: 'shop' }))).toMatchObject(given);
    expect(await refusal(at.client['servers.invite']({ server: 'web4', stack: 'shop' }))).toMatchObject(given);
    await label('web1', { role: 'db' });
    expect(await refusal(deploy())).toMatchObject(why);
    // Without targets its servers stay, and are given it by hand again.
    expect(await ended(await apply(null))).toMatchObject({ state: 'succeeded' });
    expect(await stackOf('web1')).toBe('shop');
    expect(await ended(await at.client['servers.assign']({ server: 'web2', stack: 'shop' }))).toMatchObject({
      state: 'succeeded',
    });
  });

  it('is not on a server because the database says so: neither the keeper nor the server takes it', async () => {
    await enrol('web1', eu);
    await enrol('db1', { role: 'db' });
    await ended(await apply(eu));
    const enrolment = await at.client['servers.get']({ server: 'db1' });
    const stack = await at.client['stacks.get']({ stack: 'shop' });
    const { DatabaseSync } = await import('node:sqlite');
    const database = new DatabaseSync(`${at.home}/mainstay.db`);
    const read = (sql: string) => database.prepare(sql).get() as Record<string, string>;
    const { grant_jws, document } = read(
      `SELECT grant_jws, document FROM stack_versions WHERE stack_id = '${stack.stack.id}'`,
    );
    const { enrolment_jws } = read(`SELECT enrolment_jws FROM servers WHERE name = 'db1'`);
    const asked = {
      grant: grant_jws!,
      server_id: enrolment.server.id,
      enrolment_grant: enrolment_jws!,
    };
    const honest = JSON.parse(document!) as DesiredState;
    const forged = { ...honest, targets: [...honest.targets!, enrolment.server.id].sort() };
    for (const tried of [honest, forged])
      expect(await at.keeper.enrolTarget({ ...asked, document: tried })).toMatchObject({ decision: 'denied' });
    expect(await at.keeper.reissue(asked)).toMatchObject({ decision: 'denied' });
    database.exec(`UPDATE servers SET stack_id = '${stack.stack.id}' WHERE name = 'db1'`);
    database.close();
    await vi.waitFor(async () => expect(await stackOf('db1')).toBeNull(), patient);
    expect(versionsOf('db1')).toEqual([]);
  });
});
