import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { diagnosisLimits } from '@mainstay/contract/diagnosis';
import { createLogger } from '@mainstay/runtime/log';
import { createRecentLines } from '@mainstay/runtime/recent-lines';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createLab, get, type Lab, serverProgram, until } from '../testing/lab.ts';

let lab: Lab;
beforeEach(async () => {
  lab = await createLab();
});
afterEach(() => lab.close());

const look = { kind: 'diagnose', unit: null, lines: 50 };

async function diagnosisOf(question: Record<string, unknown> = look) {
  const outcome = await lab.control.ask(question);
  if (!outcome.ok) throw new Error(outcome.message);
  return outcome.diagnosis;
}

test('a server that is asked tells its units, ports, disks, clock, checks and logs, and what is secret is masked', async () => {
  const secret = 'correct-horse-battery';
  const commitment = await lab.control.addSecret(secret);
  const program = serverProgram('one', `console.log('the secret is ' + process.env.KEY, 'and more');`);
  const commit = lab.commit('web', { 'server.mjs': program });
  const recent = createRecentLines();
  const log = createLogger({ name: 'agent', recent, file: '/dev/null' });
  const agent = lab.agent({ recent, log });
  await agent.start();
  await lab.deploy(
    agent,
    lab.document(1, {
      web: await lab.service('web', commit, { route: { prefix: '/' } }, { secrets: { KEY: commitment } }),
    }),
  );
  log.warn({}, `somebody logged ${secret}`);

  const stranger = createServer();
  stranger.listen(0, '127.0.0.1');
  await once(stranger, 'listening');
  const found = await until(async () => {
    const diagnosis = await diagnosisOf({ ...look, unit: 'service/web' });
    const is_said = diagnosis.logs[1]?.lines.some(({ text }) => text.startsWith('the secret is'));
    const is_running = diagnosis.units.some(({ name, sub_state }) => name === 'service/web' && sub_state === 'running');
    return is_said && is_running ? diagnosis : null;
  }, 'the service to run, and its line');
  stranger.close();

  const state = await agent.observe();
  const web = found.units.find(({ name }) => name === 'service/web');
  expect(web).toMatchObject({ unit: null, service: 'web', state: 'active', sub_state: 'running', restarts: 0 });
  expect(web?.pid).toBe(state.services['web']?.pid);
  expect(web?.memory_bytes).toBeGreaterThan(1_000_000);
  expect(found.units.map(({ name }) => name)).toEqual(['agent', 'proxy', 'service/web']);
  const proxy = found.units.find(({ name }) => name === 'proxy');
  expect(proxy).toMatchObject({ state: 'active', sub_state: 'running', pid: state.proxy.pid });
  expect(Math.abs(found.at - proxy!.since!)).toBeLessThan(600_000);

  const served = found.ports.find(({ port }) => port === lab.proxy_port);
  expect(served).toMatchObject({
    protocol: 'tcp',
    address: '127.0.0.1',
    unit: 'proxy',
    own: true,
    pid: state.proxy.pid,
  });
  expect(found.ports.find(({ port }) => port === state.services['web']?.port)).toMatchObject({
    unit: 'service/web',
    own: true,
  });
  // The machine itself has many more; of this process are the agent's, as the agent runs in it.
  expect(found.memory?.total_bytes).toBeGreaterThan(0);
  expect(Math.abs(found.clock.offset_ms!)).toBeLessThan(30_000);
  expect(found.failed_units === null).toBe(!existsSync('/run/systemd/system'));
  expect(found.checks.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['git', 'disk', 'name', 'panel', 'security']),
  );
  expect(found.checks.map(({ name }) => name)).not.toContain('unit');
  expect(found.checks.find(({ name }) => name === 'agent')).toMatchObject({ ok: true });

  const [own, chosen] = found.logs;
  expect(own?.lines.map(({ text }) => text)).toContain('warn somebody logged [masked]');
  expect(chosen).toMatchObject({ name: 'service/web', cut: false });
  expect(chosen?.lines.map(({ text }) => text)).toContain('the secret is [masked] and more');
  expect(JSON.stringify(found)).not.toContain(secret);
  expect(Buffer.byteLength(JSON.stringify(found))).toBeLessThan(diagnosisLimits.answer_bytes_max);
});

test('a service that ended tells how, and what it said last', async () => {
  const commit = lab.commit('web', { 'server.mjs': serverProgram('one', `console.log('here I am');`) });
  const agent = lab.agent();
  await agent.start();
  await lab.deploy(agent, lab.document(1, { web: await lab.service('web', commit, { route: { prefix: '/' } }) }));
  const before = (await agent.observe()).services['web']?.pid;
  await get(lab.proxy_port, '/exit');
  const web = await until(async () => {
    const { units } = await diagnosisOf();
    const now = units.find(({ name }) => name === 'service/web');
    return now?.last_exit && now.pid !== null && now.pid !== before ? now : null;
  }, 'the service to be started again');
  expect(web).toMatchObject({ last_exit: { code: 3, signal: null, reason: null }, restarts: 1 });
});

test('a unit that is none of the agent’s own is not read, whatever its name is', async () => {
  const agent = lab.agent();
  await agent.start();
  for (const unit of ['ssh.service', '--output=cat', '../../etc/shadow', 'service/web', '*']) {
    const outcome = await lab.control.ask({ ...look, unit });
    expect(outcome).toMatchObject({ ok: false, code: 'NotFound', field: 'unit', hint: 'It has: agent, proxy' });
  }
});

test('whatever else is asked is refused, and what is asked with it is answered', async () => {
  const agent = lab.agent();
  await agent.start();
  const [run, more, good] = await Promise.all([
    lab.control.ask({ kind: 'run', command: ['touch', `${lab.home}/touched`] }),
    lab.control.ask({ ...look, command: ['true'] }),
    lab.control.ask(look),
  ]);
  expect(run).toMatchObject({ ok: false, code: 'InvalidInput' });
  expect(more).toMatchObject({ ok: false, code: 'InvalidInput' });
  expect(good.ok).toBe(true);
  expect(existsSync(`${lab.home}/touched`)).toBe(false);
  expect((await agent.observe()).answers).toEqual(['diagnose']);
});
