/**
 * A control plane in a home of its own, with what the cases need to find in it: three stacks, servers that speak the real
 * agent protocol, secrets, credentials, log lines, people and their keys, operations that wait, runs. Made by the same steps
 * each time, so that homes differ only in what is volatile: ids, times, keys.
 */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSimulatedAgent, type SimulatedAgent } from '@mainstay/agent';
import { createClient } from '@mainstay/contract/client';
import type { OperationView } from '@mainstay/contract/operation';
import type { StackSpecInput } from '@mainstay/contract/stack';
import { agentState, serverFacts } from '@mainstay/contract/testing/agent-state';
import { type ControlPlane, startControlPlane } from '@mainstay/control-plane';
import { createKeeper } from '@mainstay/keeper';
import { silentLogger } from '@mainstay/runtime';
import { type ErrandIds, startErrands } from './errands.ts';
import { makePeople, type PeopleOfFixture, type Waiting, waitingOperations } from './people.ts';

export type Fixture = PeopleOfFixture & {
  plane: ControlPlane;
  home: string;
  token: string;
  /** Ids that differ from home to home. */
  operation_id: string;
  event_operation_id: string;
  /** The run that carried that one out. */
  event_run_id: string;
  waiting: Waiting;
  errands: ErrandIds;
  /** Signing keys of the keeper: the current one, and the one before. */
  kids: [string, string];
  /** Waits until nothing is under way. */
  settled(): Promise<void>;
  spec(env?: Record<string, string>): StackSpecInput;
  stop(): Promise<void>;
};

/** Everything passes, but for what waits so that people can speak on it. */
const policies = `schema: 1
rules:
  - name: all
    effect: allow
  - name: held
    description: More words than the cases say, so that it waits on after each of them.
    match: { operations: [stacks.pause], target: { stacks: [broken] } }
    effect: require
    require: { approvals: 2, confirmation: true }
  - name: confirmed
    match: { operations: [stacks.enable_webhook], target: { stacks: [broken] } }
    effect: require
    require: { confirmation: true }
`;

/** A Git repository with one commit, which is the same at every run. */
export function createRepository(): string {
  const folder = mkdtempSync(join(tmpdir(), 'mainstay-parity-repo-'));
  const git = (...args: string[]) =>
    execFileSync('git', ['-C', folder, ...args], {
      env: {
        ...process.env,
        GIT_CONFIG_GLOBAL: '/dev/null',
        GIT_AUTHOR_NAME: 'Ada',
        GIT_AUTHOR_EMAIL: 'ada@example.org',
        GIT_AUTHOR_DATE: '2025-01-01T00:00:00Z',
        GIT_COMMITTER_NAME: 'Ada',
        GIT_COMMITTER_EMAIL: 'ada@example.org',
        GIT_COMMITTER_DATE: '2025-01-01T00:00:00Z',
      },
    });
  git('init', '-q', '-b', 'main');
  writeFileSync(join(folder, 'server.js'), 'require("node:http").createServer().listen(process.env.PORT)\n');
  git('add', '.');
  git('commit', '-q', '-m', 'One');
  return folder;
}

export function specOf(repository: string, env: Record<string, string> = {}): StackSpecInput {
  return {
    auto_deploy: false,
    services: { web: { source: { git: repository }, run: ['node', 'server.js'], route: { prefix: '/' }, env } },
  };
}

/** What servers would fetch as their agent; nobody does here. */
function createRelease(home: string): string {
  const folder = join(home, 'release');
  mkdirSync(folder);
  const files = [{ name: 'mainstay-agent-9.9.9-linux-x64', arch: 'x64', size: 1, sha256: '0'.repeat(64) }];
  const built_from = { node: '24.0.0', commit: null };
  const release = { version: '9.9.9', built_from, files, release_key: 'A'.repeat(43) };
  writeFileSync(join(folder, 'release.json'), JSON.stringify(release));
  writeFileSync(join(folder, 'install.sh'), 'echo %URL%\n');
  return folder;
}

/** `vanishing` is a repository that is there while the fixture is made, and gone when the cases run. */
export async function createFixture(repository: string, vanishing: string): Promise<Fixture> {
  const home = mkdtempSync(join(tmpdir(), 'mainstay-parity-'));
  const errands = await startErrands(home);
  const folder = join(home, 'policies');
  mkdirSync(folder);
  writeFileSync(join(folder, 'parity.yaml'), policies);
  const keeper = await createKeeper({ directory: join(home, 'keeper'), policies: folder });
  const agent_dir = createRelease(home);
  const plane = await startControlPlane({ home, port: 0, keeper, log: silentLogger(), agent_dir });
  const token = await plane.createToken();
  const client = createClient({ url: plane.url, token });
  const spec = (env?: Record<string, string>) => specOf(repository, env);
  const agents: SimulatedAgent[] = [];
  const settled = async () => {
    const { operations } = await client['operations.list']({ limit: 200 });
    const open = operations.filter(({ state }) => ['proposed', 'approved', 'running'].includes(state));
    for (const { id } of open) await ended(id!);
  };
  const ended = async (id: string): Promise<OperationView> => {
    for (let round = 0; round < 20; round += 1) {
      const { operation } = await client['operations.get']({ id, wait_seconds: 5 });
      if (operation.finished_at !== null) return operation;
    }
    throw new Error(`operation ${id} has not ended`);
  };

  await client['secrets.set']({ stack: 'shop', name: 'API_KEY', value: 'first' });
  const unused = await client['secrets.set']({ stack: 'shop', name: 'UNUSED', value: 'x' });
  await client['secrets.set']({ stack: 'shop', name: 'OLD', value: 'x' });
  await client['credentials.create_deploy_key']({ name: 'used-key' });
  await client['credentials.set_token']({ name: 'spare', token: 'x' });
  const first = spec();
  first.services['web']!.secrets = ['API_KEY'];
  await client['stacks.apply']({ stack: 'shop', spec: first });
  // Its service has a name of its own: no stack may take over another's data on a server.
  const old = spec();
  await client['stacks.apply']({ stack: 'old', spec: { ...old, services: { former: old.services['web']! } } });
  await client['stacks.apply']({ stack: 'broken', spec: specOf(vanishing) });
  const blog = spec();
  blog.services['web']!.source.credential = 'used-key';
  await client['stacks.apply']({ stack: 'blog', spec: blog });

  for (const [server, stack] of [
    ['main', 'shop'],
    ['idle', 'old'],
    ['leaving', undefined],
  ] as const) {
    const invited = await client['servers.invite']({ server, stack });
    const agent = createSimulatedAgent({
      url: plane.url,
      token: invited.result!.token!,
      heartbeat_interval_ms: 500,
      idle_services: 1,
    });
    await agent.start();
    agents.push(agent);
  }
  const second = await client['stacks.apply']({ stack: 'shop', spec: { ...first, poll_interval_seconds: 30 } });
  await ended(second.operation.id!);
  await reportLogs(plane.url, (await client['servers.invite']({ server: 'logs', stack: 'blog' })).result!.token!);
  await client['servers.invite']({ server: 'invited' });
  await client['servers.tunnel_set']({ server: 'idle', token: 'x' });
  const people = await makePeople(plane.url, client);
  const waiting = await waitingOperations(client, people.dora);
  await client['keeper.rotate_key']({});
  const { keys } = await client['keeper.keys']({});
  await converged(client);

  return {
    plane,
    home,
    token,
    operation_id: second.operation.id!,
    event_operation_id: unused.operation.id!,
    event_run_id: unused.operation.run_id!,
    ...people,
    waiting,
    errands,
    kids: [keys[0]!.kid, keys[1]!.kid],
    settled,
    spec,
    async stop() {
      await Promise.all(agents.map((agent) => agent.stop()));
      await plane.stop();
      keeper.close();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/** Every simulated server has reported what it runs. */
async function converged(client: ReturnType<typeof createClient>): Promise<void> {
  for (let round = 0; round < 100; round += 1) {
    const { servers } = await client['servers.list']({});
    const open = servers.filter((server) => ['main', 'idle', 'leaving'].includes(server.name));
    const done = open.every(
      ({ stack, converged, last_seen_at }) => last_seen_at !== null && (stack === null || converged),
    );
    if (done) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('the servers have not reported');
}

const facts = serverFacts({ hostname: 'logs', supervisor: 'process' });

/** A server that enrols by hand, reports once, and sends three lines. */
async function reportLogs(url: string, token: string): Promise<void> {
  const post = async (path: string, body: unknown, credential?: string) => {
    const response = await fetch(`${url}/agent/v1/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(credential ? { authorization: `Bearer ${credential}` } : {}) },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response.json();
  };
  const credential = `mag_${randomBytes(32).toString('base64url')}`;
  await post('enrol', { token, credential, agent_version: '1', facts });
  await post('heartbeat', { sent_at: Date.now(), state: agentState({ facts }) }, credential);
  const release_id = `rel_${'a'.repeat(24)}`;
  const texts = ['hello', 'Grüße \u001b[31mred\u001b[0m\ttab', 'ERROR an error happened'];
  const lines = texts.map((text, at) => ({
    seq: at + 1,
    at: at + 1,
    service: 'web',
    release_id,
    stream: 'stdout',
    text,
  }));
  await post('logs', { lines }, credential);
}
