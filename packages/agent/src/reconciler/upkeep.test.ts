import { readFileSync } from 'node:fs';
import { CrashReport } from '@mainstay/contract/crash-report';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Agent } from '../agent.ts';
import { createLab, get, instancesOf, kill, type Lab, serverProgram, startLoad, until } from '../testing/lab.ts';
import { backoff_ms_max, restartDelay } from './upkeep.ts';

let lab: Lab;
let agent: Agent;
beforeEach(async () => {
  lab = await createLab();
  agent = lab.agent();
  await agent.start();
});
afterEach(() => lab.close());

const route = { route: { prefix: '/' } };
const kinds = () => lab.control.events().map(({ kind }) => kind);
const crashes = () =>
  lab.control
    .events()
    .filter(({ kind }) => kind === 'service.crashed')
    .map(({ data }) => CrashReport.parse(data));
const web = async () => (await agent.observe()).services['web'];

test('the first restart is immediate, later ones wait longer and longer, within a bound', () => {
  expect([1, 2, 3, 4, 5].map(restartDelay)).toEqual([0, 1_000, 2_000, 4_000, 8_000]);
  expect(restartDelay(1_000)).toBe(backoff_ms_max);
});

test('a service that is killed is started again, and counted', async () => {
  const service = await lab.service('web', lab.commit('web', { 'server.mjs': serverProgram('one') }), route);
  expect((await lab.deploy(agent, lab.document(1, { web: service }))).state).toBe('succeeded');
  const [pid] = instancesOf(lab.home);
  kill(pid ?? 0);
  await until(async () => (await web())?.restarts === 1 && (await web())?.state === 'running', 'the restart');
  expect((await get(lab.proxy_port)).text).toBe('one');
  expect(instancesOf(lab.home)).toHaveLength(1);
  await until(() => kinds().includes('service.restarted'), 'the event');
  expect(crashes()).toMatchObject([{ reason: 'exit', exit_code: null, signal: 'SIGKILL', restarts: 0, failures: 1 }]);
});

test('a crash loop is told as such, its restarts counted, and a new release ends it', async () => {
  // It serves until it is asked to crash, and then never again.
  const program = `import fs from 'node:fs';
import http from 'node:http';
const marker = process.env.DATA_DIR + '/crashed';
if (fs.existsSync(marker)) process.exit(4);
http.createServer((request, response) => {
  if (request.url !== '/crash') return response.end('brief');
  fs.writeFileSync(marker, '');
  console.log('asked to crash');
  console.error('falling');
  process.exit(5);
}).listen(process.env.PORT, '127.0.0.1');
`;
  const service = await lab.service('web', lab.commit('web', { 'server.mjs': program }), route);
  expect((await lab.deploy(agent, lab.document(1, { web: service }))).state).toBe('succeeded');
  await get(lab.proxy_port, '/crash');
  await until(async () => (await web())?.state === 'crash_looping', 'the crash loop');
  const [first, second] = await until(() => (crashes().length > 1 ? crashes() : null), 'the reports of two crashes');
  expect(first).toMatchObject({ reason: 'exit', exit_code: 5, signal: null, failures: 1, restarts: 0 });
  expect(first?.last_lines.map(({ stream, text }) => `${stream} ${text}`).sort()).toEqual([
    'stderr falling',
    'stdout asked to crash',
  ]);
  expect(first?.last_lines.every(({ at }) => at > 0)).toBe(true);
  expect(second).toMatchObject({ exit_code: 4, failures: 2, restarts: 1, last_lines: [] });
  expect(second!.next_start_at - first!.next_start_at).toBeGreaterThanOrEqual(1_000);
  expect((await web())?.restarts).toBeGreaterThanOrEqual(2);
  expect((await get(lab.proxy_port)).status).toBe(503);
  const fixed = await lab.service('web', lab.commit('web', { 'server.mjs': serverProgram('fixed') }), route);
  expect((await lab.deploy(agent, lab.document(2, { web: fixed }))).state).toBe('succeeded');
  expect((await get(lab.proxy_port)).text).toBe('fixed');
  expect(await web()).toMatchObject({ state: 'running', restarts: 0 });
  await until(() => instancesOf(lab.home).length === 1, 'one instance');
});

test('a service that hangs is unhealthy first, and restarted only after a multiple of its threshold', async () => {
  const program = `import http from 'node:http';
let hung = false;
const server = http.createServer((request, response) => {
  if (request.url === '/hang') hung = true;
  if (!hung || request.url === '/hang') response.end(String(process.pid));
});
server.listen(process.env.PORT, '127.0.0.1');
`;
  const health = { interval_seconds: 0.1, timeout_seconds: 0.5, unhealthy_threshold: 2 };
  const service = await lab.service('web', lab.commit('web', { 'server.mjs': program }), {
    ...route,
    health,
    stop_timeout_seconds: 1,
  });
  expect((await lab.deploy(agent, lab.document(1, { web: service }))).state).toBe('succeeded');
  const before = (await get(lab.proxy_port)).text;
  await get(lab.proxy_port, '/hang');
  await until(() => kinds().includes('service.unhealthy'), 'it to be unhealthy');
  const after = await until(async () => {
    const answer = await get(lab.proxy_port);
    return answer.status === 200 && answer.text !== before ? answer.text : null;
  }, 'another process');
  expect(after).not.toBe(before);
  await until(() => crashes().length > 0, 'the report');
  expect(crashes()[0]).toMatchObject({ reason: 'hung', exit_code: null, signal: null, failures: 1 });
  await until(async () => (await web())?.state === 'running', 'it to run');
});

test('a proxy that is gone is brought back with its routes', async () => {
  const service = await lab.service('web', lab.commit('web', { 'server.mjs': serverProgram('one') }), route);
  expect((await lab.deploy(agent, lab.document(1, { web: service }))).state).toBe('succeeded');
  const { pid } = (await agent.observe()).proxy;
  kill(pid ?? 0);
  await until(async () => (await get(lab.proxy_port).catch(() => null))?.text === 'one', 'the proxy to be back');
  await until(async () => (await agent.observe()).proxy.pid !== pid, 'the new pid');
  await until(() => kinds().includes('proxy.restarted'), 'the event');
});

test('stopping everything leaves nothing, and the next start brings it back', async () => {
  const service = await lab.service('web', lab.commit('web', { 'server.mjs': serverProgram('one') }), route);
  expect((await lab.deploy(agent, lab.document(1, { web: service }))).state).toBe('succeeded');
  const { pid } = (await agent.observe()).proxy;
  await agent.stop({ services: true });
  expect(instancesOf(lab.home)).toEqual([]);
  expect(() => readFileSync(`/proc/${pid}/stat`)).toThrow(/ENOENT|ESRCH/);
  const next = lab.agent();
  await next.start();
  await until(async () => (await get(lab.proxy_port).catch(() => null))?.text === 'one', 'the service to be back');
});

test('a redeploy while the old release still drains begins its own drain beside it', async () => {
  const deploy = async (version: number, text: string) => {
    const service = await lab.service('web', lab.commit('web', { 'server.mjs': serverProgram(text) }), route);
    expect((await lab.deploy(agent, lab.document(version, { web: service }))).state).toBe('succeeded');
  };
  await deploy(1, 'one');
  const load = startLoad(lab.proxy_port, ['/slow'], 4);
  for (const [index, text] of ['two', 'three', 'four', 'five'].entries()) await deploy(index + 2, text);
  const { failed } = await load.stop();
  expect(failed).toEqual([]);
  await until(() => instancesOf(lab.home).length === 1, 'all drains to end');
});
