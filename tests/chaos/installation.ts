/**
 * A whole Mainstay to be attacked: control plane, keeper and agent as processes of their own, on one home in the temporary folder, with
 * two people. The owner proposes and confirms with a key of his own; `ada` approves what policy asks approval for.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, createClient } from '@mainstay/contract/client';
import { createPerson, type Person } from '@mainstay/control-plane/testing/person';
import { default_policy_file } from '@mainstay/keeper/policy/default-policies';
import { freePort } from '@mainstay/runtime/testing/free-port';
import { createProgram, type Program, type Victim } from './programs.ts';

export type Installation = {
  folder: string;
  /** `mainstay.db` and `ledger.db`. */
  files: { store: string; ledger: string; mirror: string };
  programs: Record<Victim, Program>;
  client: Client;
  owner: Person;
  approver: Client;
  url: string;
  /** Makes a new commit of the service; gives its id. */
  commit(text: string): string;
  spec(mark: string): Parameters<Client['stacks.apply']>[0]['spec'];
  /** Starts what does not run, and waits until the control plane and the keeper answer. */
  up(): Promise<void>;
  /** Ends everything; its folder goes too unless it is kept. */
  close(keep?: boolean): Promise<void>;
};

/** Every change of the stack `asked` needs another person; everything else goes by the default policies. */
const askedPolicy = `schema: 1
rules:
  - name: asked
    match: { operations: ['stacks.*'], target: { stacks: [asked] } }
    effect: require
    require: { approvals: 1, role: approver }
`;

const service = `
import { createServer } from 'node:http';
createServer((_, response) => response.end(process.env.MARK)).listen(Number(process.env.PORT), '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));
`;

export type InstallationOptions = {
  /** Where the state is; a new temporary folder when left out. */
  home?: string;
  /** Ports for the services of its agent, so that installations beside each other do not meet; below those that the kernel gives out. */
  ports_from?: number;
  /** Without an agent it is up sooner; for faults that need none. */
  agent?: boolean;
};

export async function createInstallation(options: InstallationOptions = {}): Promise<Installation> {
  const folder = mkdtempSync(join(tmpdir(), 'mainstay-chaos-'));
  const { home = join(folder, 'home'), ports_from = 24_000, agent = true } = options;
  const policies = join(folder, 'policies');
  for (const path of [home, policies]) mkdirSync(path, { recursive: true });
  writeFileSync(join(policies, 'default.yaml'), default_policy_file.text);
  writeFileSync(join(policies, 'asked.yaml'), askedPolicy);
  const [port, proxy_port, names_port] = [await freePort(), await freePort(), await freePort()];
  const url = `http://127.0.0.1:${port}`;
  const [socket, keeper] = [join(folder, 'keeper.sock'), join(home, 'keeper')];
  const logOf = (name: string) => join(folder, `${name.replace(' ', '-')}.log`);
  const program = (name: Victim, args: string[]) => createProgram(name, args, logOf(name));
  const programs = {
    'control plane': program('control plane', ['--home', home, '--port', `${port}`, '--keeper-socket', socket]),
    keeper: program('keeper', ['--directory', keeper, '--socket', socket, '--policies', policies]),
    agent: program('agent', [
      ...['--home', join(folder, 'agent'), '--url', url],
      ...['--ports', `${ports_from}-${ports_from + 199}`],
    ]),
  };
  const repository = join(folder, 'repository');
  const { commit } = makeRepository(repository);
  let agent_env: Record<string, string> | null = null;

  const up = async () => {
    for (const each of Object.values(programs)) {
      if (!each.is_running && (each.name !== 'agent' || agent_env)) each.start(agent_env ?? {});
    }
    await until(async () => existsSync(join(home, 'url')) && (await fetch(`${url}/readyz`)).ok, 'the control plane');
  };
  try {
    await up();
  } catch (error) {
    for (const each of Object.values(programs)) await each.kill();
    throw error;
  }
  const client = createClient({ url, token: readFileSync(join(home, 'cli-token'), 'utf8').trim() });
  await until(async () => (await client['policies.get']({})).policies.error === null, 'the keeper');
  const spec: Installation['spec'] = (mark) => ({
    poll_interval_seconds: 86_400,
    auto_deploy: false,
    proxy: { port: proxy_port },
    names: { port: names_port },
    services: {
      web: {
        source: { git: repository },
        run: [process.execPath, 'server.mjs', service_word],
        env: { MARK: mark },
        health: { interval_seconds: 0.1 },
        drain_timeout_seconds: 0,
        stop_timeout_seconds: 2,
      },
    },
  });
  const at: Installation = {
    folder,
    files: { store: join(home, 'mainstay.db'), ledger: join(keeper, 'ledger.db'), mirror: join(home, 'audit-mirror') },
    programs,
    client,
    owner: await createPerson(client),
    approver: await person({ client, url }, 'ada', 'approver'),
    url,
    commit,
    spec,
    up,
    async close(keep = false) {
      await programs.agent.stop('SIGINT');
      await programs['control plane'].stop();
      await programs.keeper.stop();
      if (!keep) rmSync(folder, { recursive: true, force: true });
    },
  };
  if (agent) {
    await client['stacks.apply']({ stack: 'shop', spec: spec('first') });
    const { result } = await client['servers.invite']({ server: 'h1', stack: 'shop' });
    agent_env = { MAINSTAY_ENROL_TOKEN: result!.token! };
    await up();
    await until(async () => (await client['stacks.get']({ stack: 'shop' })).stack.health === 'healthy', 'the stack');
  }
  return at;
}

/** Found in the command lines of the services that an agent started. */
export const service_word = 'chaos-test-service';

/** A Git repository with a service that answers with its mark. */
export function makeRepository(path: string): { path: string; commit(text: string): string } {
  mkdirSync(path);
  const git = (...args: string[]) =>
    execFileSync('git', ['-C', path, '-c', 'user.name=test', '-c', 'user.email=test@example.com', ...args], {
      encoding: 'utf8',
    }).trim();
  git('init', '--quiet', '-b', 'main');
  writeFileSync(join(path, 'server.mjs'), service);
  const commit = (text: string) => {
    writeFileSync(join(path, 'text.txt'), text);
    git('add', '-A');
    git('commit', '--quiet', '-m', text);
    return git('rev-parse', 'HEAD');
  };
  commit('first');
  return { path, commit };
}

/** Another person, with a token of their own. */
export async function person(
  { client, url }: Pick<Installation, 'client' | 'url'>,
  name: string,
  role: 'admin' | 'approver',
): Promise<Client> {
  const { result } = await client['access.create_user']({ name, role });
  const key = new URL(result!.url!).hash.slice('#sign-in='.length);
  const headers = { 'content-type': 'application/json' };
  const signedIn = await fetch(`${url}/auth/sign-in`, { method: 'POST', headers, body: JSON.stringify({ key }) });
  const made = await fetch(`${url}/api/v1/access/tokens`, {
    method: 'POST',
    headers: {
      ...headers,
      'sec-fetch-site': 'same-origin',
      Cookie: signedIn.headers.get('set-cookie')!.split(';')[0]!,
    },
    body: JSON.stringify({ name: 'chaos' }),
  });
  const answer = (await made.json()) as { result: { token: string } };
  return createClient({ url, token: answer.result.token });
}

/** Waits for a condition; what goes wrong while it is looked at counts as not yet. @throws Error after `timeout_ms` */
export async function until(holds: () => Promise<boolean>, what: string, timeout_ms = 60_000): Promise<void> {
  const end = Date.now() + timeout_ms;
  let last: unknown = null;
  while (Date.now() < end) {
    try {
      if (await holds()) return;
      last = null;
    } catch (error) {
      last = error;
    }
    await pause(50);
  }
  throw new Error(`not within ${timeout_ms / 1000} s: ${what}${last === null ? '' : ` (${last})`}`, { cause: last });
}

export const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
