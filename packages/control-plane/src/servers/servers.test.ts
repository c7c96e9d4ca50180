import { verifyGrant } from '@mainstay/contract/grant';
import { serverFacts } from '@mainstay/contract/testing/agent-state';
import { fakeClock } from '@mainstay/runtime';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Fixture, newCredential, type Repository, startFixture } from '../testing/fixture.ts';

let at: Fixture;
let repository: Repository;
beforeEach(async () => {
  at = await startFixture();
  repository = at.repository('api');
});
afterEach(() => at.stop());

const spec = () => ({ services: { api: { source: { git: repository.url }, run: 'node server.js' } } });
const enrolWith = (token: string, credential = newCredential()) =>
  at.http('/agent/v1/enrol', {
    method: 'POST',
    token: null,
    body: JSON.stringify({ token, credential, agent_version: '0', facts: serverFacts() }),
  });

describe('an enrolment token', () => {
  it('enrols one server, once', async () => {
    const { token } = await at.enrol('h1');
    const again = await enrolWith(token);
    expect(again.status).toBe(401);
    expect(await again.json()).toMatchObject({
      code: 'Unauthenticated',
      field: 'token',
      message: 'The enrolment token was used already.',
    });
  });

  it('enrols one server when it is used by several at one moment', async () => {
    const { result } = await at.client['servers.invite']({ server: 'h1' });
    const answers = await Promise.all(Array.from({ length: 5 }, () => enrolWith(result!.token!)));
    expect(answers.filter((answer) => answer.status === 200)).toHaveLength(1);
  });

  it('that was used gives the machine that used it the same answer again, after it has expired too', async () => {
    const clock = fakeClock(Date.now());
    const other = await startFixture({ clock });
    try {
      const { result } = await other.client['servers.invite']({ server: 'h1', expires_seconds: 60 });
      const asked = { token: result!.token, credential: newCredential(), agent_version: '0', facts: serverFacts() };
      const ask = async () => {
        const answer = await other.http('/agent/v1/enrol', {
          method: 'POST',
          token: null,
          body: JSON.stringify(asked),
        });
        return (await answer.json()) as Record<string, unknown>;
      };
      const first = await ask();
      expect(first).toMatchObject({ server: 'h1', enrolment_grant: expect.stringContaining('.') });
      await clock.advance(61_000);
      expect(await ask()).toEqual({ ...first, time_ms: clock.now() });
      const events = (await other.client['events.list']({})).events.filter(({ kind }) => kind === 'server.enrolled');
      expect(events).toHaveLength(1);
    } finally {
      await other.stop();
    }
  });

  it('gives one answer to a machine that sends it several times at one moment', async () => {
    const { result } = await at.client['servers.invite']({ server: 'h1' });
    const credential = newCredential();
    const asked = Array.from({ length: 5 }, () => enrolWith(result!.token!, credential));
    const grants = (await Promise.all(asked)).map(
      async (answer) => ((await answer.json()) as { enrolment_grant: string }).enrolment_grant,
    );
    expect(new Set(await Promise.all(grants)).size).toBe(1);
  });

  it('does not make two servers of one machine', async () => {
    const [first, second] = [
      await at.client['servers.invite']({ server: 'h1' }),
      await at.client['servers.invite']({ server: 'h2' }),
    ];
    const credential = newCredential();
    expect((await enrolWith(first.result!.token!, credential)).status).toBe(200);
    const answer = await enrolWith(second.result!.token!, credential);
    expect([answer.status, await answer.json()]).toMatchObject([409, { code: 'Conflict', field: 'credential' }]);
    expect((await at.client['servers.get']({ server: 'h2' })).server.state).toBe('invited');
  });

  it('that is forged or malformed enrols nobody', async () => {
    const { result } = await at.client['servers.invite']({ server: 'h1' });
    const forged = result!.token!.replace(/^mst_..../, 'mst_AAAA');
    expect((await enrolWith(forged)).status).toBe(401);
    const malformed = await enrolWith('mst_short');
    expect([malformed.status, ((await malformed.json()) as { field: string }).field]).toEqual([400, 'token']);
    expect((await at.client['servers.list']({})).servers[0]!.state).toBe('invited');
  });

  it('that has expired enrols nobody', async () => {
    const clock = fakeClock(Date.now());
    const other = await startFixture({ clock });
    try {
      const { result } = await other.client['servers.invite']({ server: 'h1', expires_seconds: 60 });
      await clock.advance(61_000);
      const credential = newCredential();
      const body = JSON.stringify({ token: result!.token, credential, agent_version: '0', facts: serverFacts() });
      const answer = await other.http('/agent/v1/enrol', { method: 'POST', token: null, body });
      expect(await answer.json()).toMatchObject({ message: 'The enrolment token has expired.' });
    } finally {
      await other.stop();
    }
  });
});

describe('a server', () => {
  it('is given a grant that names it when it comes to a stack that was deployed before', async () => {
    await at.client['stacks.apply']({ stack: 'shop', spec: spec() });
    const first = await at.enrol('h1', 'shop');
    const second = await at.enrol('h2');
    expect((await second.desired()).status).toBe(204);
    const waiting = second.desired(undefined, 20);
    const { operation } = await at.client['servers.assign']({ server: 'h2', stack: 'shop' });
    expect(operation).toMatchObject({ state: 'running', targets: [{ server: 'h2', state: 'waiting' }] });
    for (const [server, offer] of [
      [first, (await first.desired()).offer],
      [second, (await waiting).offer],
    ] as const) {
      const options = { keys: server.keeper_keys, audience: server.server_id, now_ms: Date.now() };
      expect(await verifyGrant(offer!.grant, options)).toMatchObject({ ok: true });
    }
  });

  it('that moves to another stack is given a grant for what that one runs, though both are at the same version', async () => {
    await at.client['stacks.apply']({ stack: 'shop', spec: spec() });
    await at.client['stacks.apply']({ stack: 'blog', spec: { services: { web: spec().services.api } } });
    const server = await at.enrol('h1');
    for (const stack of ['shop', 'blog']) {
      await at.client['servers.assign']({ server: 'h1', stack });
      const { offer } = await server.desired();
      const options = { keys: server.keeper_keys, audience: server.server_id, now_ms: Date.now() };
      expect(await verifyGrant(offer!.grant, options)).toMatchObject({
        grant: { action: { kind: 'desired_state', version: 1, sha256: offer!.sha256 } },
      });
    }
  });

  it('has been given a stack when it reports that it runs it, not before', async () => {
    await at.client['stacks.apply']({ stack: 'shop', spec: spec() });
    for (const outcome of ['succeeded', 'failed'] as const) {
      const server = await at.enrol(outcome);
      const { operation } = await at.client['servers.assign']({ server: outcome, stack: 'shop' });
      const { offer } = await server.desired();
      await server.report(offer!, 'running');
      expect((await at.client['operations.get']({ id: operation.id! })).operation.state).toBe('running');
      await server.report(offer!, outcome, outcome === 'failed' ? 'it crashed' : null);
      expect(await at.ended(operation.id!)).toMatchObject({ state: outcome });
    }
    const { stack } = await at.client['stacks.get']({ stack: 'shop' });
    expect(stack.version, 'an assignment makes no version').toBe(1);
  });

  it('that is not known, or was removed, is given nothing', async () => {
    const server = await at.enrol('h1');
    expect((await at.http('/agent/v1/desired-state', { token: 'mag_unknown' })).status).toBe(401);
    await at.confirmed(at.client['servers.remove']({ server: 'h1' }));
    expect((await server.desired()).status).toBe(401);
  });

  it('stores a batch of events once, however often it is sent', async () => {
    const server = await at.enrol('h1');
    const event = {
      at: 1,
      kind: 'agent.started',
      severity: 'info',
      message: 'began',
      service: null,
      release_id: null,
      operation_id: null,
      data: null,
    };
    const send = async (...numbers: number[]) =>
      (await server.send('POST', '/events', { events: numbers.map((seq) => ({ ...event, seq })) })).json();
    expect(await send(1, 2)).toEqual({ acked_seq: 2 });
    expect(await send(1, 2)).toEqual({ acked_seq: 2 });
    expect(await send(2, 3)).toEqual({ acked_seq: 3 });
    const { events } = await at.client['events.list']({ server: 'h1', limit: 1000 });
    expect(events.filter((entry) => entry.kind === 'agent.started')).toHaveLength(3);
  });

  it('stores log lines once, and they can be searched and followed', async () => {
    await at.client['stacks.apply']({ stack: 'shop', spec: spec() });
    const server = await at.enrol('h1', 'shop');
    const line = (seq: number, text: string) => ({
      seq,
      at: seq,
      service: 'api',
      release_id: `rel_${'0'.repeat(24)}`,
      stream: 'stdout',
      text,
    });
    const body = { lines: [line(1, 'GET /a 100%'), line(2, 'get /b')] };
    await server.send('POST', '/logs', body);
    await server.send('POST', '/logs', body);
    const all = await at.client['logs.list']({ stack: 'shop' });
    expect(all.lines.map((entry) => entry.text)).toEqual(['GET /a 100%', 'get /b']);
    expect((await at.client['logs.list']({ stack: 'shop', search: '0%' })).lines).toHaveLength(1);
    const following = at.client['logs.list']({ stack: 'shop', after: all.next, wait_seconds: 20 });
    await server.send('POST', '/logs', { lines: [line(3, 'later')] });
    expect((await following).lines.map((entry) => entry.text)).toEqual(['later']);
  });

  it('that goes silent is told as offline, and as online when it is back', async () => {
    const clock = fakeClock(Date.now());
    const other = await startFixture({ clock });
    try {
      const made = other.repository('x');
      await other.client['stacks.apply']({
        stack: 'shop',
        spec: { services: { api: { source: { git: made.url }, run: 'x' } } },
      });
      const server = await other.enrol('h1', 'shop');
      const { offer } = await server.desired();
      await server.report(offer!, 'succeeded');
      expect((await other.client['stacks.get']({ stack: 'shop' })).stack.health).toBe('healthy');
      await clock.advance(40_000);
      const healthOf = async () => (await other.client['stacks.get']({ stack: 'shop' })).stack.health;
      await vi.waitFor(async () => expect(await healthOf()).toBe('offline'), { timeout: 15_000, interval: 200 });
      await server.report(offer!, 'succeeded');
      expect(await healthOf()).toBe('healthy');
      const kinds = (await other.client['events.list']({ server: 'h1' })).events.map((event) => event.kind);
      expect(kinds).toEqual(expect.arrayContaining(['server.offline', 'server.online']));
    } finally {
      await other.stop();
    }
  });
});
