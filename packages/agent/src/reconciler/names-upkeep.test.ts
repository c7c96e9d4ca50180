import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import * as http from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DesiredState } from '@mainstay/contract/desired-state';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { embeddedAdapters } from '../adapters.ts';
import type { Agent, AgentOptions } from '../agent.ts';
import { createHostsNames } from '../dns/hosts.ts';
import { createLab, freePort, type Lab, serverProgram, until } from '../testing/lab.ts';
import { ownInternalPort } from './proxy-config.ts';

const debian = '127.0.0.1 localhost\n';
let lab: Lab;
let folder: string;
let hosts: string;
let own_port: number;
let options: Partial<AgentOptions>;
beforeEach(async () => {
  lab = await createLab();
  folder = mkdtempSync(join(tmpdir(), 'mainstay-upkeep-'));
  hosts = join(folder, 'hosts');
  writeFileSync(hosts, debian);
  own_port = await freePort();
  options = {
    adapters: (needs) => ({ ...embeddedAdapters(needs), names: createHostsNames({ path: hosts }) }),
    settings: { ...lab.options().settings, internal_port: own_port },
  };
});
afterEach(async () => {
  await lab.close();
  rmSync(folder, { recursive: true });
});

const read = () => readFileSync(hosts, 'utf8');
const namesOf = async (agent: Agent) => (await agent.observe()).names;
const problemsOf = async (agent: Agent) => (await agent.observe()).problems.map(({ code }) => code);

async function start(names: string[] = ['api'], over: Partial<DesiredState> = {}): Promise<Agent> {
  const agent = lab.agent(options);
  await agent.start();
  expect(await deploy(agent, 1, names, over)).toBe('succeeded');
  return agent;
}
async function deploy(agent: Agent, version: number, names: string[], over: Partial<DesiredState> = {}) {
  const services: DesiredState['services'] = {};
  for (const name of names)
    services[name] = await lab.service(name, lab.commit(name, { 'server.mjs': serverProgram(name) }));
  return (await lab.deploy(agent, lab.document(version, services, over))).state;
}
function getByName(port: number, host: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = http.get({ host: '127.0.0.1', port, headers: { host }, agent: false }, (response) => {
      let text = '';
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.once('end', () => resolve(text));
    });
    request.once('error', reject);
  });
}

test('names come and go with the services, and lead to them at the port of the server', async () => {
  const agent = await start(['api', 'web']);
  await until(() => read().includes('127.0.0.1 web.svc.internal\n'), 'the names');
  await until(async () => (await namesOf(agent))?.state === 'active', 'the names to be told of');
  expect(await namesOf(agent)).toEqual({ state: 'active', how: 'hosts', address: `127.0.0.1:${own_port}` });
  expect(await getByName(own_port, 'api.svc.internal')).toBe('api');
  expect(await getByName(own_port, 'WEB.svc.internal.:80')).toBe('web');
  expect(await deploy(agent, 2, ['api'])).toBe('succeeded');
  await until(() => !read().includes('web.svc.internal'), 'the removal of a name');
  expect(read()).toContain('127.0.0.1 api.svc.internal\n');
});

test('names that somebody changed are put back, and told as drift', async () => {
  const agent = await start();
  await until(() => read().includes('api.svc.internal'), 'the names');
  writeFileSync(hosts, `${debian}10.0.0.1 of.somebody\n`);
  await until(() => read().includes('127.0.0.1 api.svc.internal\n'), 'the repair');
  expect(read()).toContain('10.0.0.1 of.somebody\n');
  await until(() => lab.control.events().some(({ kind }) => kind === 'drift.repaired'), 'the event');
  const event = lab.control.events().find(({ kind }) => kind === 'drift.repaired');
  expect(event?.message).toMatch(/was deleted.*It was put back\. Who did it is not known/s);
  await until(async () => (await namesOf(agent))?.state === 'active', 'the names to be told of again');
});

test('names outlive the agent, and end when all is ended', async () => {
  const agent = await start();
  await until(() => read().includes('api.svc.internal'), 'the names');
  const before = read();
  await agent.stop({ services: false });
  expect(read()).toBe(before);
  const next = lab.agent(options);
  await next.start();
  await until(async () => (await namesOf(next))?.state === 'active', 'the names of the next agent');
  expect(read()).toBe(before);
  await next.stop({ services: true });
  expect(read()).toBe(debian);
});

test('names that cannot be set are a problem that is told, and stop no deployment', async () => {
  hosts = join(folder, 'missing', 'hosts');
  const agent = await start();
  await until(async () => (await problemsOf(agent)).includes('names'), 'the problem');
  expect((await namesOf(agent))?.state).toBe('down');
});

test('a port that another program has stops no deployment, is told, and is taken when it is free', async () => {
  const holder = createServer().listen(own_port, '127.0.0.1');
  const document = lab.document(1, {});
  const agent = await start();
  expect(await getByName(document.names.port, 'api.svc.internal')).toBe('api');
  expect((await namesOf(agent))?.address).toBe(`127.0.0.1:${document.names.port}`);
  expect(await problemsOf(agent)).toEqual(['internal_port']);
  await new Promise((resolve) => holder.close(resolve));
  await until(async () => (await namesOf(agent))?.address === `127.0.0.1:${own_port}`, 'the port');
  expect(await getByName(own_port, 'api.svc.internal')).toBe('api');
  expect(await problemsOf(agent)).toEqual([]);
});

test('the port of the server gives way to what the stack uses it for', async () => {
  const service = await lab.service('api', lab.commit('api', { 'server.mjs': serverProgram('api') }), { port: 80 });
  const document = lab.document(1, {});
  expect(ownInternalPort(document, 80)).toBe(80);
  expect(ownInternalPort({ ...document, proxy: { port: 80, bind: 'public' } }, 80)).toBe(null);
  expect(ownInternalPort({ ...document, services: { api: service } }, 80)).toBe(null);
  expect(ownInternalPort(document, null)).toBe(null);
});

test('nothing outside of its home is changed by an agent that was not asked to', async () => {
  options = { settings: lab.options().settings };
  const agent = await start();
  const document = lab.document(1, {});
  expect(await namesOf(agent)).toEqual({ state: 'none', how: 'none', address: `127.0.0.1:${document.names.port}` });
  expect(readFileSync('/etc/hosts', 'utf8')).not.toContain('api.svc.internal');
});
