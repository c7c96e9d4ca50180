import { createSimulatedAgent, type SimulatedAgent } from '@mainstay/agent';
import { inquiry_header } from '@mainstay/contract/agent-answers';
import { diagnosisLimits } from '@mainstay/contract/diagnosis';
import { fakeClock, systemClock } from '@mainstay/runtime';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createSignals } from '../signals.ts';
import { type Fixture, startFixture } from '../testing/fixture.ts';
import { createInquiries } from './inquiries.ts';

const patient = { timeout: 20_000, interval: 30 };
const agents: SimulatedAgent[] = [];
let at: Fixture;
beforeEach(async () => {
  at = await startFixture();
});
afterEach(async () => {
  await Promise.all(agents.splice(0).map((agent) => agent.stop()));
  await at.stop();
});

async function simulated(server: string): Promise<void> {
  const { result } = await at.client['servers.invite']({ server });
  const agent = createSimulatedAgent({ url: at.plane.url, token: result!.token!, heartbeat_interval_ms: 200 });
  await agent.start();
  agents.push(agent);
  const reported = async () => (await at.client['servers.get']({ server })).reported;
  await vi.waitFor(async () => expect(await reported()).not.toBeNull(), patient);
}

const heartbeat = (server: Awaited<ReturnType<Fixture['enrol']>>) =>
  server.send('POST', '/heartbeat', { sent_at: Date.now(), state: server.state });

test('a server that waits in its poll is asked at once, and its answer goes to who asked, several at a time', async () => {
  await simulated('h1');
  await simulated('h2');
  const answers = await Promise.all(
    ['h1', 'h2', 'h1'].map((server) => at.client['servers.diagnose']({ server, lines: 1 })),
  );
  expect(answers.map(({ server, diagnosis }) => [server, diagnosis.agent_version])).toEqual([
    ['h1', 'simulated'],
    ['h2', 'simulated'],
    ['h1', 'simulated'],
  ]);
  const { events } = await at.client['events.list']({});
  expect(
    events.some(({ kind }) => kind.includes('diagnos')),
    'a read leaves no event',
  ).toBe(false);
  expect((await at.client['operations.list']({})).operations.map(({ operation }) => operation)).not.toContain(
    'servers.diagnose',
  );
});

test('why a server cannot be asked is said: not enrolled, not reported, too old', async () => {
  await at.client['servers.invite']({ server: 'h1' });
  const conflict = (message: string, hint: string) => ({
    code: 'Conflict',
    field: 'server',
    message: expect.stringContaining(message),
    hint: expect.stringContaining(hint),
  });
  await expect(at.client['servers.diagnose']({ server: 'h1' })).rejects.toMatchObject(
    conflict('has not reported yet', 'servers invite'),
  );
  const old = await at.enrol('h2');
  await heartbeat(old);
  await expect(at.client['servers.diagnose']({ server: 'h2' })).rejects.toMatchObject(
    conflict('is too old', 'servers update-agent h2'),
  );
  await expect(at.client['servers.diagnose']({ server: 'h3' })).rejects.toMatchObject({ code: 'NotFound' });
});

test('a server that is offline is named with when it was seen last', async () => {
  const clock = fakeClock(Date.now());
  const other = await startFixture({ clock });
  try {
    const server = await other.enrol('h1');
    server.state.answers = ['diagnose'];
    await heartbeat(server);
    for (let round = 0; round < 20; round += 1) await clock.advance(5_000);
    const offline = async () => (await other.client['servers.get']({ server: 'h1' })).server.state;
    await vi.waitFor(async () => {
      await clock.advance(5_000);
      expect(await offline()).toBe('offline');
    }, patient);
    await expect(other.client['servers.diagnose']({ server: 'h1' })).rejects.toMatchObject({
      code: 'Unavailable',
      message: expect.stringMatching(/^Server "h1" is offline: last seen .* ago, at \d{4}-\d\d-\d\dT/),
      hint: expect.stringContaining('mainstay-agent doctor'),
    });
  } finally {
    await other.stop();
  }
});

test('the poll tells of a question until it is fetched, which gives it once, and only its own server may answer it', async () => {
  const [server, stranger] = [await at.enrol('h1'), await at.enrol('h2')];
  server.state.answers = ['diagnose'];
  await heartbeat(server);
  const polling = server.send('GET', '/desired-state?wait_seconds=20', undefined, { 'if-none-match': '"none"' });
  const asking = at.client['servers.diagnose']({ server: 'h1', unit: 'proxy' });
  expect((await polling).headers.get(inquiry_header)).toBe('1');
  const fetched = async (of: typeof server) =>
    ((await (await of.send('POST', '/inquiries', {})).json()) as { inquiries: { id: string }[] }).inquiries;
  expect(await fetched(stranger)).toEqual([]);
  const [question] = await fetched(server);
  expect(question).toEqual({ id: question!.id, kind: 'diagnose', unit: 'proxy', lines: 50 });
  expect(await fetched(server)).toEqual([]);
  expect((await server.send('GET', '/desired-state?wait_seconds=0')).headers.get(inquiry_header)).toBeNull();

  const refused = { ok: false, code: 'NotFound', message: 'There is none.', hint: 'It has: agent', field: 'unit' };
  const answer = async (from: typeof server, outcome: unknown) => {
    const response = await from.send('POST', '/answers', { id: question!.id, outcome });
    return { status: response.status, body: (await response.json()) as unknown };
  };
  expect(await answer(stranger, refused)).toEqual({ status: 200, body: { taken: false } });
  expect((await answer(server, { ok: true, diagnosis: { at: 1 } })).status).toBe(400);
  const large = { ...refused, message: 'x'.repeat(diagnosisLimits.answer_bytes_max + 2_000) };
  expect((await answer(server, large)).status).toBe(413);
  expect(await answer(server, refused)).toEqual({ status: 200, body: { taken: true } });
  await expect(asking).rejects.toMatchObject({ code: 'NotFound', field: 'unit', hint: 'It has: agent' });
  expect(await answer(server, refused), 'nobody waits any more').toEqual({ status: 200, body: { taken: false } });
});

test('a server cannot speak for the control plane: what it says of itself is NotFound or Unavailable', async () => {
  const server = await at.enrol('h1');
  server.state.answers = ['diagnose'];
  await heartbeat(server);
  const asking = at.client['servers.diagnose']({ server: 'h1' });
  const said = expect(asking).rejects.toMatchObject({ code: 'Unavailable', message: 'Sign in again.' });
  await vi.waitFor(async () => {
    const { inquiries } = (await (await server.send('POST', '/inquiries', {})).json()) as {
      inquiries: { id: string }[];
    };
    const outcome = { ok: false, code: 'Unauthenticated', message: 'Sign in again.', hint: null, field: null };
    await server.send('POST', '/answers', { id: inquiries[0]!.id, outcome });
  }, patient);
  await said;
});

test('who no longer waits is not answered, and no server is asked more than four things at once', async () => {
  const signals = createSignals();
  const inquiries = createInquiries({ clock: systemClock, signals });
  const question = { kind: 'diagnose', unit: null, lines: 1 } as const;
  const gone = new AbortController();
  const asked = Array.from({ length: 4 }, () => inquiries.ask('srv_1', question, gone.signal));
  await expect(inquiries.ask('srv_1', question, gone.signal)).rejects.toMatchObject({ code: 'RateLimited' });
  expect(inquiries.areWaiting('srv_1')).toBe(true);
  expect(inquiries.areWaiting('srv_2')).toBe(false);
  gone.abort();
  expect(await Promise.all(asked)).toEqual([null, null, null, null]);
  expect(inquiries.areWaiting('srv_1')).toBe(false);
  expect(inquiries.fetch('srv_1')).toEqual([]);
  const last = inquiries.ask('srv_1', question, new AbortController().signal);
  signals.close();
  expect(await last, 'the control plane ends').toBeNull();
});
