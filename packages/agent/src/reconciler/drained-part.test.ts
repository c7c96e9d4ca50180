import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type AdapterNeeds, embeddedAdapters } from '../adapters.ts';
import type { Agent } from '../agent.ts';
import { unchanged_server } from '../server/server-part.ts';
import { createLab, get, instancesOf, type Lab, serverProgram, until } from '../testing/lab.ts';

let lab: Lab;
let agent: Agent;
let version: number;
beforeEach(async () => {
  lab = await createLab();
  agent = lab.agent();
  version = 0;
  await agent.start();
});
afterEach(() => lab.close());

const route = { route: { prefix: '/' } };
const web = async () => (await agent.observe()).services['web'];
const program = (text: string) => lab.commit('web', { 'server.mjs': serverProgram(text) });
const serviceOf = async (text: string, spec: object = {}) => lab.service('web', program(text), { ...route, ...spec });
const release = async (number: number, text: string, spec: object = {}) =>
  lab.document(number, { web: await serviceOf(text, spec) });

/** Has the server drained, or undrained, and waits until it says what became of that. */
async function setDrained(drained: boolean) {
  version += 1;
  await lab.control.offerServerState({
    schema: 1,
    server_id: lab.control.server_id,
    version,
    ...unchanged_server,
    drained,
  });
  await until(async () => {
    const { server } = await agent.observe();
    return server?.version === version && server.state !== 'running';
  }, 'the receipt');
  return (await agent.observe()).server!;
}

test('a drained server finishes what is open, stops its services, keeps their data, and has them again when it is undrained', async () => {
  const counting = `import fs from 'node:fs';
fs.appendFileSync(process.env.DATA_DIR + '/starts', 'x');`;
  const slow = "if (request.url === '/slow')";
  const told = `${slow} fs.writeFileSync(process.env.DATA_DIR + '/asked', '');`;
  const program = serverProgram('one', counting).replace(slow, `${told}\n  ${slow}`);
  const commit = lab.commit('web', { 'server.mjs': program });
  await lab.deploy(agent, lab.document(1, { web: await lab.service('web', commit, route) }));
  const env = JSON.parse((await get(lab.proxy_port, '/env')).text) as { DATA_DIR: string };
  const open = get(lab.proxy_port, '/slow');
  await until(async () => existsSync(join(env.DATA_DIR, 'asked')), 'the request to be open');
  expect(await setDrained(true)).toMatchObject({ state: 'succeeded' });
  expect(await open).toMatchObject({ status: 200, text: 'one' });
  expect(instancesOf(lab.home)).toEqual([]);
  expect(await web()).toMatchObject({ state: 'stopped', pid: null });
  expect((await agent.observe()).drained).toBe(true);
  expect((await get(lab.proxy_port)).status).toBe(503);
  expect(await setDrained(false)).toMatchObject({ state: 'succeeded' });
  expect((await get(lab.proxy_port)).text).toBe('one');
  expect(await web()).toMatchObject({ state: 'running', restarts: 0 });
  expect(instancesOf(lab.home)).toHaveLength(1);
  expect(readFileSync(join(env.DATA_DIR, 'starts'), 'utf8'), 'its data, after two starts').toBe('xx');
});

test('it is undrained once requests are led to its services, however long the proxy takes', async () => {
  await agent.stop({ services: false });
  const slowly = (needs: AdapterNeeds) => {
    const all = embeddedAdapters(needs);
    const apply: typeof all.proxy.apply = async (config) => {
      await new Promise((resolve) => setTimeout(resolve, 500));
      await all.proxy.apply(config);
    };
    return { ...all, proxy: { ...all.proxy, apply } };
  };
  agent = lab.agent({ ...lab.options(), adapters: slowly });
  await agent.start();
  await lab.deploy(agent, await release(1, 'one'));
  expect(await setDrained(true)).toMatchObject({ state: 'succeeded' });
  expect(await setDrained(false)).toMatchObject({ state: 'succeeded' });
  expect((await get(lab.proxy_port)).text).toBe('one');
  expect(await web()).toMatchObject({ state: 'running' });
});

test('it stays drained over a restart of the agent, and what was deployed meanwhile is what comes up', async () => {
  await lab.deploy(agent, await release(1, 'one'));
  await setDrained(true);
  await agent.stop({ services: false });
  agent = lab.agent();
  await agent.start();
  await lab.control.offer(await release(2, 'two'));
  await until(async () => (await agent.observe()).accepted_version === 2, 'the acceptance');
  await new Promise((resolve) => setTimeout(resolve, 600));
  expect(instancesOf(lab.home)).toEqual([]);
  expect((await agent.observe()).receipt).toMatchObject({ version: 2, state: 'running' });
  expect(await setDrained(false)).toMatchObject({ state: 'succeeded' });
  expect((await get(lab.proxy_port)).text).toBe('two');
  expect((await agent.observe()).receipt).toMatchObject({ version: 2, state: 'succeeded' });
});

test('a rollout that is under way when the server is drained comes to its end first', async () => {
  await lab.deploy(agent, await release(1, 'one'));
  await lab.control.offer(await release(2, 'two', { build: 'sleep 1' }));
  await until(async () => (await web())?.candidate !== null, 'the rollout');
  expect(await setDrained(true)).toMatchObject({ state: 'succeeded' });
  expect((await agent.observe()).receipt).toMatchObject({ version: 2, state: 'succeeded' });
  expect(instancesOf(lab.home)).toEqual([]);
});
