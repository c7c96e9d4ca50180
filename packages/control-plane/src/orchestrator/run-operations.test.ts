import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Fixture, startFixture } from '../testing/fixture.ts';

let fixture: Fixture;
let run_id: string;
beforeAll(async () => {
  fixture = await startFixture();
  const { operation } = await fixture.client['secrets.set']({ stack: 'shop', name: 'API_KEY', value: 'x' });
  run_id = operation.run_id!;
  await fixture.client['runs.get']({ id: run_id, wait_seconds: 20 });
});
afterAll(() => fixture.stop());

describe('the run of a change', () => {
  it('is shown as a graph with times', async () => {
    const { run, nodes, edges, counts, truncated } = await fixture.client['runs.get']({ id: run_id });
    expect(run).toMatchObject({ workflow: 'change', state: 'succeeded', steps_total: 2, steps_left: 0 });
    expect(nodes.map(({ key, state }) => `${key} ${state}`)).toEqual(['carry_out succeeded', 'observe succeeded']);
    expect(nodes[0]!.started_at).toBeLessThanOrEqual(nodes[0]!.finished_at!);
    expect(edges).toEqual([{ from: 'carry_out', to: 'observe' }]);
    expect([counts, truncated]).toEqual([{ succeeded: 2 }, false]);
    expect((await fixture.client['runs.get']({ id: run_id, limit: 1 })).truncated).toBe(true);
    const { runs } = await fixture.client['runs.list']({ operation_id: run.operation_id! });
    expect(runs.map(({ id }) => id)).toEqual([run_id]);
  });

  it('tells what happened in it, as a list and as a stream that ends with it', async () => {
    const { events, ended } = await fixture.client['runs.events']({ id: run_id });
    expect([events.map(({ kind }) => kind), ended]).toEqual([['run.started', 'run.succeeded'], true]);
    const headers = { accept: 'text/event-stream' };
    const answer = await fixture.http(`/api/v1/runs/${run_id}/events`, { headers });
    expect(answer.headers.get('content-type')).toBe('text/event-stream');
    const told = (await answer.text()).match(/^event: .*$/gm);
    expect(told).toEqual(['event: run', 'event: steps', 'event: event', 'event: event']);
    expect((await fixture.http(`/api/v1/runs/${run_id}/events`, { headers, token: null })).status).toBe(401);
  });

  it('is told to nobody any more whose token was revoked, though it goes on', async () => {
    const { url } = fixture.repository('api');
    const spec = { services: { api: { source: { git: url }, run: 'node server.js' } } };
    await fixture.client['stacks.apply']({ stack: 'shop', spec });
    const server = await fixture.enrol('silent', 'shop');
    const { operation } = await fixture.client['stacks.deploy']({ stack: 'shop', restart: true });
    const { result } = await fixture.client['access.create_token']({ name: 'watcher' });
    // Sooner than the next beat, at which anybody is asked for.
    const signal = AbortSignal.timeout(10_000);
    const headers = { accept: 'text/event-stream' };
    const path = `/api/v1/runs/${operation.run_id}/events`;
    const stream = await fixture.http(path, { headers, token: result!.token, signal });
    expect(stream.status).toBe(200);
    await fixture.client['access.revoke_token']({ id: result!.id });
    expect(await stream.text()).toContain('event: run');
    expect((await fixture.client['runs.get']({ id: operation.run_id! })).run.state).toBe('running');
    await server.report((await server.desired()).offer!, 'succeeded');
    const { run } = await fixture.client['runs.get']({ id: operation.run_id!, wait_seconds: 20 });
    expect(run.state).toBe('succeeded');
  });

  it('that has ended cannot be cancelled, paused, resumed or retried, and one that is not there neither', async () => {
    for (const id of ['runs.cancel', 'runs.pause', 'runs.resume', 'runs.retry'] as const) {
      await expect(fixture.client[id]({ id: run_id })).rejects.toMatchObject({ code: 'Conflict', field: 'id' });
      const nowhere = `run_${'0'.repeat(32)}`;
      await expect(fixture.client[id]({ id: nowhere })).rejects.toMatchObject({ code: 'NotFound', field: 'id' });
    }
  });
});

it('health and tasks are also where users of that interface look for them', async () => {
  expect(await (await fixture.http('/health', { token: null })).json()).toMatchObject({ state: 'ok' });
  expect(await (await fixture.http('/tasks?limit=5')).json()).toEqual({ tasks: [], more: false });
  expect((await fixture.http('/tasks', { token: null })).status).toBe(401);
  expect(await fixture.client['schedules.list']({})).toEqual({ schedules: [] });
});

it('an app is not put on a server as long as there are no apps, and the answer says so', async () => {
  const answer = await fixture.http('/workflows/taskserv/create', { method: 'POST', body: '{}' });
  expect([answer.status, await answer.json()]).toMatchObject([409, { code: 'Conflict' }]);
});

it('a server is made by a run, whose id is what the workflow gives', async () => {
  const body = JSON.stringify({ server: 'made' });
  const answer = await fixture.http('/workflows/servers/create', { method: 'POST', body });
  expect(answer.status).toBe(202);
  const made = (await answer.json()) as { success: boolean; data: string; result: { token: string } };
  expect(made).toMatchObject({ success: true, error: null, result: { token: expect.stringMatching(/^mst_/) } });
  const { run } = await fixture.client['runs.get']({ id: made.data, wait_seconds: 10 });
  expect(run.state).toBe('succeeded');
  const wrong = await fixture.http('/workflows/servers/create', { method: 'POST', body: '{"server":"-"}' });
  expect([wrong.status, await wrong.json()]).toMatchObject([400, { code: 'InvalidInput', field: 'server' }]);
});
