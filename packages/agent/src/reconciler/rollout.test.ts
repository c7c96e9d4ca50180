import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Agent } from '../agent.ts';
import { createLab, freePort, get, instancesOf, type Lab, serverProgram, startLoad, until } from '../testing/lab.ts';

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

test('a first deploy ends with the commit that was asked for, seen through the proxy', async () => {
  const commit = lab.commit('web', { 'server.mjs': serverProgram('one') });
  const web = await lab.service('web', commit, route);
  const receipt = await lab.deploy(agent, lab.document(1, { web }));
  expect(receipt).toMatchObject({
    state: 'succeeded',
    services: { web: { state: 'switched', release_id: web.release_id } },
  });
  expect(await get(lab.proxy_port)).toMatchObject({ status: 200, text: 'one' });
  const { services, proxy, accepted_version, facts } = await agent.observe();
  expect(services['web']).toMatchObject({
    state: 'running',
    commit,
    release_id: web.release_id,
    restarts: 0,
    url: `http://127.0.0.1:${lab.proxy_port}/`,
    health: { state: 'healthy' },
    releases: [{ state: 'serving', commit_subject: 'change', commit_author: 'lab', commit_at: expect.any(Number) }],
  });
  expect(proxy.state).toBe('running');
  expect(accepted_version).toBe(1);
  expect(facts.supervisor).toBe('process');
  await until(() => lab.control.state()?.receipt?.state === 'succeeded', 'the control plane to hear of it');
  await until(() => kinds().includes('deployment.succeeded'), 'the event');
  expect(kinds()).toEqual(
    expect.arrayContaining(['agent.started', 'desired_state.accepted', 'candidate.started', 'release.switched']),
  );
});

test('a redeploy under load fails no request, and the old release finishes what was open on it', async () => {
  const one = lab.commit('web', { 'server.mjs': serverProgram('one') });
  const first = await lab.service('web', one, route);
  expect((await lab.deploy(agent, lab.document(1, { web: first }))).state).toBe('succeeded');
  const load = startLoad(lab.proxy_port);
  let version = 1;
  for (const text of ['two', 'three', 'four']) {
    const commit = lab.commit('web', { 'server.mjs': serverProgram(text) });
    const web = await lab.service('web', commit, route);
    expect((await lab.deploy(agent, lab.document(++version, { web }))).state).toBe('succeeded');
    expect((await get(lab.proxy_port)).text).toBe(text);
  }
  const { answers, failed } = await load.stop();
  expect(failed).toEqual([]);
  expect([...answers.keys()].sort()).toEqual(['four', 'one', 'three', 'two']);
  await until(() => instancesOf(lab.home).length === 1, 'the old releases to end');
});

test('a fixed port is switched under load and loses no request', async () => {
  const port = await freePort();
  const spec = { ...route, port };
  const one = await lab.service('web', lab.commit('web', { 'server.mjs': serverProgram('one') }), spec);
  expect((await lab.deploy(agent, lab.document(1, { web: one }))).state).toBe('succeeded');
  const load = startLoad(lab.proxy_port);
  const two = await lab.service('web', lab.commit('web', { 'server.mjs': serverProgram('two') }), spec);
  expect((await lab.deploy(agent, lab.document(2, { web: two }))).state).toBe('succeeded');
  // A release that does not start gives the port back to the old one.
  const bad = await lab.service('web', lab.commit('web', { 'server.mjs': 'process.exit(7);' }), spec);
  const failed_receipt = await lab.deploy(agent, lab.document(3, { web: bad }));
  expect(failed_receipt).toMatchObject({ state: 'failed', services: { web: { state: 'failed' } } });
  expect(failed_receipt.message).toContain('exited with code 7');
  expect((await get(lab.proxy_port)).text).toBe('two');
  const { answers, failed } = await load.stop();
  expect(failed).toEqual([]);
  expect([...answers.keys()].sort()).toEqual(['one', 'two']);
  await until(() => instancesOf(lab.home).length === 1, 'one instance');
  await until(
    async () => (await agent.observe()).services['web']?.state === 'running',
    'the old release to be kept up',
  );
});

test('a candidate that fails leaves no process, no port and no folder, and the old release serves', async () => {
  const good = await lab.service('web', lab.commit('web', { 'server.mjs': serverProgram('good') }), route);
  expect((await lab.deploy(agent, lab.document(1, { web: good }))).state).toBe('succeeded');
  const crash = lab.commit('web', { 'server.mjs': `console.error('no database'); process.exit(3);` });
  const bad = await lab.service('web', crash, route);
  const receipt = await lab.deploy(agent, lab.document(2, { web: bad }));
  expect(receipt).toMatchObject({ state: 'failed', version: 2, services: { web: { state: 'failed' } } });
  expect(await agent.observe()).toMatchObject({ accepted_version: 2, applied_version: 1 });
  expect(receipt.message).toMatch(/Service "web": It exited with code 3 after .* It printed last:\nno database/);
  const told = await until(() => lab.control.events().find(({ kind }) => kind === 'candidate.failed'), 'the event');
  expect(told.data).toEqual({
    stage: 'health',
    last_lines: [{ at: expect.any(Number), stream: 'stderr', text: 'no database' }],
  });
  expect((await get(lab.proxy_port)).text).toBe('good');
  await until(() => !existsSync(join(lab.home, 'builds', bad.build_id)), 'its folder to be gone');
  expect(readdirSync(join(lab.home, 'builds')).filter((name) => name.includes(bad.build_id))).toEqual([]);
  expect(instancesOf(lab.home)).toHaveLength(1);
  const { services } = await agent.observe();
  expect(services['web']).toMatchObject({
    state: 'running',
    release_id: good.release_id,
    candidate: null,
    last_failure: { release_id: bad.release_id, commit: crash, stage: 'health' },
  });
  expect(services['web']?.releases.map(({ state }) => state).sort()).toEqual(['failed', 'serving']);
  // The version is not tried again, also not by the next agent.
  const started = () => kinds().filter((kind) => kind === 'deployment.started').length;
  await until(() => started() === 2, 'the events');
  await agent.stop({ services: false });
  const next = lab.agent();
  await next.start();
  await until(() => kinds().filter((kind) => kind === 'agent.started').length === 2, 'the next agent');
  await new Promise((resolve) => setTimeout(resolve, 600));
  expect(started()).toBe(2);
  expect((await get(lab.proxy_port)).text).toBe('good');
});

test('what fails to build, to listen or to answer is told in words that help', async () => {
  const expectFailure = async (version: number, text: string, spec: object, message: RegExp, hint: RegExp) => {
    const web = await lab.service('web', lab.commit('web', { 'server.mjs': text, [`v${version}`]: '' }), {
      ...route,
      ...spec,
    });
    const receipt = await lab.deploy(agent, lab.document(version, { web }));
    expect(receipt.state).toBe('failed');
    expect(receipt.message).toMatch(message);
    expect(receipt.hint).toMatch(hint);
  };
  const health = { start_timeout_seconds: 1.5, timeout_seconds: 0.3, interval_seconds: 0.2 };
  const other = await freePort();
  await expectFailure(
    1,
    serverProgram('x', '', String(other)),
    { health },
    new RegExp(`listens on ${other} but was given PORT=\\d+`),
    new RegExp(`port: ${other}`),
  );
  const idle = `console.log('waiting'); setInterval(() => {}, 1000);`;
  await expectFailure(2, idle, { health }, /listens on no port/, /\$PORT/);
  await expectFailure(3, serverProgram('x'), { health, build: 'echo compiling; exit 9' }, /compiling/, /./);
  const lastLines = (kind: string) =>
    lab.control.events().findLast((event) => event.kind === kind)?.data?.['last_lines'];
  await until(() => lastLines('build.failed'), 'the event of the build');
  expect(lastLines('candidate.failed')).toMatchObject([{ stream: 'stdout', text: 'waiting' }]);
  expect(lastLines('build.failed')).toMatchObject([{ stream: 'build', text: 'compiling' }]);
  const silent = `import net from 'node:net'; net.createServer(() => {}).listen(process.env.PORT, '127.0.0.1');`;
  await expectFailure(4, silent, { health }, /gave no answer within 0.3 s/, /health\.path/);
  const missing = serverProgram('x').replace('response.end("x");', 'response.writeHead(404).end();');
  await expectFailure(5, missing, { health }, /answered 404/, /200 to 399/);
  const port = await freePort();
  const squatter = await import('node:http').then((http) =>
    http.createServer((_, r) => r.end()).listen(port, '127.0.0.1'),
  );
  await expectFailure(6, serverProgram('x'), { health, port }, /in use by a program that Mainstay did not start/, /./);
  squatter.close();
  squatter.closeAllConnections();
  expect(instancesOf(lab.home)).toEqual([]);
});

test('two services change together or not at all', async () => {
  const api = (text: string) =>
    lab.service('api', lab.commit('api', { 'server.mjs': serverProgram(text) }), { route: { prefix: '/api' } });
  const web = (program: string) => lab.service('web', lab.commit('web', { 'server.mjs': program }), route);
  expect(
    (await lab.deploy(agent, lab.document(1, { api: await api('a1'), web: await web(serverProgram('w1')) }))).state,
  ).toBe('succeeded');
  const receipt = await lab.deploy(
    agent,
    lab.document(2, { api: await api('a2'), web: await web('process.exit(1);') }),
  );
  expect(receipt).toMatchObject({ state: 'failed', services: { api: { state: 'waiting' }, web: { state: 'failed' } } });
  expect([(await get(lab.proxy_port, '/api')).text, (await get(lab.proxy_port)).text]).toEqual(['a1', 'w1']);
  await until(() => instancesOf(lab.home).length === 2, 'no candidate to be left');
  const both = await lab.deploy(agent, lab.document(3, { api: await api('a3'), web: await web(serverProgram('w3')) }));
  expect(both.state).toBe('succeeded');
  expect([(await get(lab.proxy_port, '/api')).text, (await get(lab.proxy_port)).text]).toEqual(['a3', 'w3']);
});

test('a rollback is a switch: nothing is built, and code and configuration come back together', async () => {
  const spec = (mode: string) => ({ ...route, build: 'echo built > built.txt', env: { MODE: mode } });
  const one = await lab.service('web', lab.commit('web', { 'server.mjs': serverProgram('one') }), spec('first'));
  expect((await lab.deploy(agent, lab.document(1, { web: one }))).state).toBe('succeeded');
  const two = await lab.service('web', lab.commit('web', { 'server.mjs': serverProgram('two') }), spec('second'));
  expect((await lab.deploy(agent, lab.document(2, { web: two }))).state).toBe('succeeded');
  expect((await lab.deploy(agent, lab.document(3, { web: one }))).state).toBe('succeeded');
  expect((await get(lab.proxy_port)).text).toBe('one');
  expect(JSON.parse((await get(lab.proxy_port, '/env')).text).MODE).toBe('first');
  await until(() => kinds().filter((kind) => kind === 'deployment.succeeded').length === 3, 'the events');
  expect(kinds().filter((kind) => kind === 'build.started')).toHaveLength(2);
});

test('services find each other by variables, and get secrets that fit their commitments', async () => {
  const commitment = await lab.control.addSecret('hunter2');
  const api = await lab.service('api', lab.commit('api', { 'server.mjs': serverProgram('hello from api') }));
  const web = await lab.service('web', lab.commit('web', { 'server.mjs': serverProgram('w') }), route, {
    secrets: { KEY: commitment },
  });
  const receipt = await lab.deploy(agent, lab.document(1, { api: api, web }));
  expect(receipt.message).toBeNull();
  const env = JSON.parse((await get(lab.proxy_port, '/env')).text) as Record<string, string>;
  expect(env).toMatchObject({
    KEY: 'hunter2',
    MAINSTAY_SERVICE: 'web',
    MAINSTAY_RELEASE: web.release_id,
    MAINSTAY_COMMIT: web.source.commit,
  });
  expect(env['DATA_DIR']).toBe(join(lab.home, 'data', 'web'));
  const url = new URL(env['SERVICE_API_URL'] ?? '');
  expect((await get(Number(url.port))).text).toBe('hello from api');
  // A commitment whose value the control plane does not have fails the deployment.
  const stranger = await lab.service('web', web.source.commit, route, { secrets: { KEY: 'f'.repeat(64) } });
  const failed = await lab.deploy(agent, lab.document(2, { api, web: stranger }));
  expect(failed.state).toBe('failed');
  expect(failed.message).toMatch(/does not have a secret/);
});

test('routes and health checks change without a restart', async () => {
  const commit = lab.commit('web', { 'server.mjs': serverProgram('w') });
  expect((await lab.deploy(agent, lab.document(1, { web: await lab.service('web', commit, route) }))).state).toBe(
    'succeeded',
  );
  const [pid] = instancesOf(lab.home);
  const moved = await lab.service('web', commit, { route: { prefix: '/shop', strip: true }, health: { path: '/env' } });
  const receipt = await lab.deploy(agent, lab.document(2, { web: moved }));
  expect(receipt).toMatchObject({ state: 'succeeded', services: { web: { state: 'unchanged' } } });
  expect((await get(lab.proxy_port, '/shop')).text).toBe('w');
  expect((await get(lab.proxy_port, '/')).status).toBe(404);
  expect(instancesOf(lab.home)).toEqual([pid]);
});

test('a service that is no longer desired is stopped and forgotten, its data kept until the stack goes with it', async () => {
  const api = await lab.service('api', lab.commit('api', { 'server.mjs': serverProgram('a') }), {
    route: { prefix: '/api' },
  });
  const web = await lab.service('web', lab.commit('web', { 'server.mjs': serverProgram('w') }), route);
  expect((await lab.deploy(agent, lab.document(1, { api, web }))).state).toBe('succeeded');
  const receipt = await lab.deploy(agent, lab.document(2, { web }));
  expect(receipt).toMatchObject({
    state: 'succeeded',
    services: { api: { state: 'removed' }, web: { state: 'unchanged' } },
  });
  expect((await get(lab.proxy_port, '/api')).text).toBe('w');
  await until(() => instancesOf(lab.home).length === 1, 'the instance to end');
  await until(() => !existsSync(join(lab.home, 'builds', api.build_id)), 'its build to go');
  expect(existsSync(join(lab.home, 'data', 'api'))).toBe(true);
  const gone = await lab.deploy(agent, lab.document(3, { web }, { removed: { delete_data: true } }));
  expect(gone.state).toBe('succeeded');
  await until(() => !existsSync(join(lab.home, 'data', 'web')), 'the data to go');
  await until(() => instancesOf(lab.home).length === 0, 'all to end');
  await expect(get(lab.proxy_port)).rejects.toThrow(/ECONNREFUSED/);
});

test('a newer version supersedes one that is still being built', async () => {
  const slow = await lab.service('web', lab.commit('web', { 'server.mjs': serverProgram('slow') }), {
    ...route,
    build: 'sleep 60',
  });
  await lab.control.offer(lab.document(1, { web: slow }));
  await until(async () => (await agent.observe()).services['web']?.candidate?.stage === 'build', 'the build to begin');
  const web = await lab.service('web', lab.commit('web', { 'server.mjs': serverProgram('fast') }), route);
  expect((await lab.deploy(agent, lab.document(2, { web }))).state).toBe('succeeded');
  expect((await get(lab.proxy_port)).text).toBe('fast');
  await until(
    () => lab.control.events().some(({ message }) => message.includes('Superseded by version 2')),
    'the event',
  );
  expect(readdirSync(join(lab.home, 'builds')).filter((name) => name.includes(slow.build_id))).toEqual([]);
});

test('five releases are kept for a rollback, and their builds with them', async () => {
  const releases: string[] = [];
  for (let version = 1; version <= 7; version++) {
    const web = await lab.service('web', lab.commit('web', { 'server.mjs': serverProgram(`v${version}`) }), route);
    expect((await lab.deploy(agent, lab.document(version, { web }))).state).toBe('succeeded');
    releases.unshift(web.release_id);
  }
  const kept = await until(async () => {
    const observed = (await agent.observe()).services['web']?.releases ?? [];
    return observed.length === 5 && observed.every(({ state }) => state !== 'draining') ? observed : null;
  }, 'five releases');
  expect(kept.map(({ release_id }) => release_id)).toEqual(releases.slice(0, 5));
  await until(
    () => readdirSync(join(lab.home, 'builds')).filter((name) => /^bld_[0-9a-f]+$/.test(name)).length === 5,
    'five builds',
  );
});
