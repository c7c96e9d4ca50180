import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '@mainstay/runtime/clock';
import { silentLogger } from '@mainstay/runtime/log';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createAgent } from '../agent.ts';
import { startStandIn } from '../testing/control-plane-stand-in.ts';
import { createLab, get, type Lab, serverProgram, until } from '../testing/lab.ts';
import { createStandInKeeper } from '../testing/stand-in-keeper.ts';
import { createBackoff } from './backoff.ts';

let lab: Lab;
beforeEach(async () => {
  lab = await createLab();
});
afterEach(() => lab.close());

const route = { route: { prefix: '/' } };

test('attempts are spread, grow, and are bounded', () => {
  const backoff = createBackoff({ first_ms: 100, max_ms: 1_000, random: () => 1 });
  expect([1, 2, 3, 4, 5, 6].map(() => backoff.next())).toEqual([100, 200, 400, 800, 1_000, 1_000]);
  backoff.reset();
  expect(backoff.next()).toBe(100);
});

test('an agent enrols once, and needs no token afterwards', async () => {
  const first = lab.agent();
  await first.start();
  await until(() => lab.control.state(), 'a heartbeat');
  await first.stop({ services: false });
  const beats = lab.control.received.heartbeats.length;
  const second = lab.agent({ token: undefined });
  await second.start();
  await until(() => lab.control.received.heartbeats.length > beats, 'a heartbeat of the second');
});

test('an agent whose answer was lost enrols by the same token, also when it was ended meanwhile', async () => {
  lab.control.loseAcknowledgements(Number.POSITIVE_INFINITY);
  const first = lab.agent();
  const starting = first.start().catch(() => {});
  await until(() => lab.control.received.enrolments.length > 0, 'the first attempt');
  await first.stop({ services: false });
  await starting;
  expect(existsSync(join(lab.home, 'identity.json'))).toBe(false);
  lab.control.loseAcknowledgements(0);
  await lab.agent().start();
  await until(() => lab.control.state(), 'a heartbeat');
  const { enrolments } = lab.control.received;
  expect(enrolments.length).toBeGreaterThan(1);
  expect(new Set(enrolments.map(({ credential }) => credential)).size).toBe(1);
  expect(existsSync(join(lab.home, 'enrolment.json'))).toBe(false);
});

test.each([
  ['behind', -600_000, /^The clock of this machine is 600 s behind that of the control plane/],
  ['ahead of', 7_200_000, /^The clock of this machine is 7200 s ahead of that of the control plane/],
])(
  'a clock that is %s that of the control plane is named, and once it is right the same token enrols',
  async (_, off, told) => {
    const clock = { ...systemClock, now: () => Date.now() + off };
    const early = lab.agent({ clock });
    await expect(early.start()).rejects.toMatchObject({
      code: 'Forbidden',
      message: expect.stringMatching(told),
      hint: expect.stringContaining('NTP'),
    });
    expect(existsSync(join(lab.home, 'identity.json'))).toBe(false);
    await lab.agent().start();
    await until(() => lab.control.state(), 'a heartbeat');
  },
);

test('an agent that has nothing to send is not connected by that: only an answer connects it', async () => {
  const first = lab.agent();
  await first.start();
  await until(() => first.isConnected(), 'the connection');
  await first.stop({ services: false });
  await lab.control.goAway();
  const second = lab.agent();
  await second.start();
  for (let times = 0; times < 50; times++) {
    expect(second.isConnected()).toBe(false);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await lab.control.comeBack();
  await until(() => second.isConnected(), 'the connection of the second');
});

test('a home has one agent at a time', async () => {
  await lab.agent().start();
  await expect(lab.agent().start()).rejects.toThrow(/Another agent runs/);
});

test('without a token, or with one that pins another key, nothing is enrolled', async () => {
  await expect(lab.agent({ token: undefined }).start()).rejects.toThrow(/no enrolment token/);
  await expect(lab.agent({ token: 'mst_short' }).start()).rejects.toThrow(/not of the form/);
  const other = await createStandInKeeper();
  const [secret] = lab.control.token.split('.');
  // The control plane takes the token by its secret half; the pin is what the agent holds against it.
  const forged = await startStandIn({ token: `${secret}.${other.key.kid}` });
  const agent = lab.agent({ control_plane_url: forged.url, token: forged.token });
  await expect(agent.start()).rejects.toThrow(/another keeper key than the token names/);
  expect(existsSync(join(lab.home, 'identity.json'))).toBe(false);
  await forged.close();
});

test('a control plane that is gone changes nothing, and gets the backlog once when it is back', async () => {
  const agent = lab.agent();
  await agent.start();
  const web = await lab.service(
    'web',
    lab.commit('web', { 'server.mjs': serverProgram('one', `console.log('first line');`) }),
    route,
  );
  expect((await lab.deploy(agent, lab.document(1, { web }))).state).toBe('succeeded');
  await until(() => lab.control.lines().some(({ text }) => text === 'first line'), 'the log line');
  await lab.control.goAway();
  await until(() => !agent.isConnected(), 'the link to notice');
  expect((await get(lab.proxy_port)).text).toBe('one');
  await get(lab.proxy_port, '/exit');
  await until(async () => (await agent.observe()).services['web']?.restarts === 1, 'the restart');
  await until(async () => (await agent.observe()).backlog.log_lines > 0, 'a line to wait');
  expect((await agent.observe()).backlog.events).toBeGreaterThan(0);
  lab.control.loseAcknowledgements(2);
  await lab.control.comeBack();
  await until(() => lab.control.events().some(({ kind }) => kind === 'service.restarted'), 'the backlog');
  await until(async () => (await agent.observe()).backlog.events === 0, 'the acknowledgement');
  const numbers = lab.control.events().map(({ seq }) => seq);
  expect(numbers).toEqual(numbers.map((_, index) => index + 1));
  const sent = lab.control.received.event_batches.flat();
  expect(sent.length).toBeGreaterThan(numbers.length);
  for (const event of sent) expect(lab.control.events()[event.seq - 1]).toEqual(event);
  await until(
    () => lab.control.lines().filter(({ text }) => text === 'first line').length === 2,
    'the second line, once',
  );
});

test('a credential that is refused is a problem that says so', async () => {
  const agent = lab.agent();
  await agent.start();
  await until(() => lab.control.state(), 'a heartbeat');
  lab.control.revokeCredential();
  await until(
    async () => (await agent.observe()).problems.some(({ code }) => code === 'credential_refused'),
    'the problem',
  );
});

test('a clock that is off is a problem that names the offset', async () => {
  const control = await startStandIn({ time_offset_ms: 3_600_000 });
  const agent = lab.agent({ control_plane_url: control.url, token: control.token });
  await agent.start();
  const problem = await until(
    async () => (await agent.observe()).problems.find(({ code }) => code === 'clock_skew'),
    'the problem',
  );
  expect(problem.message).toMatch(/(3599|3600|3601) s behind/);
  await control.close();
});

test('a refused desired state is told and changes nothing', async () => {
  const agent = lab.agent();
  await agent.start();
  const web = await lab.service('web', lab.commit('web', { 'server.mjs': serverProgram('one') }), route);
  expect((await lab.deploy(agent, lab.document(1, { web }))).state).toBe('succeeded');
  const { document, ...signed } = await lab.control.sign(lab.document(2, { web }));
  lab.control.offerRaw({ ...signed, document: { ...document, services: {} } });
  const { refusal, accepted_version } = await until(async () => {
    const state = await agent.observe();
    return state.refusal?.reason === 'tampered' ? state : null;
  }, 'the refusal');
  expect(refusal?.version).toBe(2);
  expect(accepted_version).toBe(1);
  expect((await get(lab.proxy_port)).text).toBe('one');
  await until(() => lab.control.events().some(({ kind }) => kind === 'desired_state.refused'), 'the event');
});

test('an agent whose journal is damaged touches nothing, and asks for help', async () => {
  const first = lab.agent();
  await first.start();
  const web = await lab.service('web', lab.commit('web', { 'server.mjs': serverProgram('one') }), route);
  expect((await lab.deploy(first, lab.document(1, { web }))).state).toBe('succeeded');
  await first.stop({ services: false });
  writeFileSync(join(lab.home, 'journal.sqlite'), Buffer.alloc(20_000, 0x5a));
  const second = createAgent({ ...lab.options(), log: silentLogger() });
  await second.start();
  await until(
    () => lab.control.state()?.problems.some(({ code }) => code === 'journal'),
    'the control plane to be told',
  );
  expect(second.isReady()).toBe(false);
  expect((await get(lab.proxy_port)).text).toBe('one');
  await second.stop({ services: false });
});
