/** What others change on a server is found, put back and told, by an agent with real services, files and a real proxy. */
import { appendFileSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Agent } from '../agent.ts';
import { createLab, get, instancesOf, kill, type Lab, serverProgram, until } from '../testing/lab.ts';

let lab: Lab;
let agent: Agent;
beforeEach(async () => {
  lab = await createLab();
  const { settings } = lab.options();
  agent = lab.agent({ settings: { ...settings, drift_interval_ms: 200 } });
  await agent.start();
  // A file of the checkout is read at each request, so that it is seen whether it is there.
  const extra = `import fs from 'node:fs';\nprocess.on('message', () => {});`;
  const program = serverProgram('x', extra).replace(
    `response.end("x");`,
    `response.end(fs.readFileSync('text.txt', 'utf8'));`,
  );
  const commit = lab.commit('web', { 'server.mjs': program, 'text.txt': 'one' });
  const web = await lab.service('web', commit, { route: { prefix: '/' } });
  expect((await lab.deploy(agent, lab.document(1, { web }))).state).toBe('succeeded');
});
afterEach(() => lab.close());

const drift = async () => (await agent.observe()).drift;
const putBack = (what: RegExp) =>
  until(
    async () => (await drift()).some((one) => what.test(one.what) && one.put_back_at !== null),
    `${what} to be put back`,
  );
const told = (kind: string, what: RegExp) =>
  until(
    () => lab.control.events().some((event) => event.kind === kind && what.test(event.message)),
    `${kind} of ${what} to be told`,
  );

test('a service that was killed is told as drift until it runs again', async () => {
  kill(instancesOf(lab.home)[0] ?? 0);
  await putBack(/^service web$/);
  expect(await drift()).toMatchObject([{ expected: 'it runs', found: 'it was ended by SIGKILL' }]);
  await told('drift.found', /service web: it was ended by SIGKILL/);
  expect((await get(lab.proxy_port)).text).toBe('one');
});

test('a build that was deleted under a service is built again, and the service has its files', async () => {
  const builds = join(lab.home, 'builds');
  const [build] = readdirSync(builds).filter((name) => statSync(join(builds, name)).isDirectory());
  const [pid] = instancesOf(lab.home);
  rmSync(join(builds, build!), { recursive: true });
  await until(async () => (await get(lab.proxy_port)).text === 'one' && instancesOf(lab.home)[0] !== pid, 'the files');
  await putBack(new RegExp(`^build ${build} of service web$`));
  await told('drift.found', /it is not whole on disk/);
  expect(existsSync(join(builds, build!, 'text.txt'))).toBe(true);
});

test('files of the agent and of the proxy are put back as they were, with what is known of the change', async () => {
  const identity = join(lab.home, 'identity.json');
  const config = join(lab.home, 'proxy', 'config.json');
  // One round has seen them.
  appendFileSync(config, ' ');
  await putBack(/config\.json$/);
  const before = [identity, config].map((path) => readFileSync(path, 'utf8'));
  rmSync(identity);
  writeFileSync(config, '{}');
  await putBack(/identity\.json$/);
  await until(() => readFileSync(config, 'utf8') === before[1], 'the configuration');
  expect([identity, config].map((path) => readFileSync(path, 'utf8'))).toEqual(before);
  expect(statSync(identity).mode & 0o077).toBe(0);
  const [changed] = (await drift()).filter(({ what }) => what === config);
  expect(changed).toMatchObject({ found: 'another text' });
  expect(changed!.changed_at).toBeGreaterThan(Date.now() - 60_000);
  await told('drift.repaired', /identity\.json: it is not there/);
  expect(JSON.stringify(await drift())).not.toContain(JSON.parse(before[0]!).credential);
});

test('nothing is told of what nobody changed', async () => {
  await new Promise((done) => setTimeout(done, 1_000));
  expect(await drift()).toEqual([]);
});
