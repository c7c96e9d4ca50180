/** A small world for the agent's tests: real Git repositories with real programs, an agent with a home of its own, a load. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import * as http from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DesiredService, type DesiredState, desiredServiceOf } from '@mainstay/contract/desired-state';
import { newId } from '@mainstay/contract/ids';
import { ServiceSpec } from '@mainstay/contract/stack';
import { desiredState } from '@mainstay/contract/testing/desired-state';
import { silentLogger } from '@mainstay/runtime/log';
import { freePort } from '@mainstay/runtime/testing/free-port';
import { type Agent, type AgentOptions, createAgent } from '../agent.ts';
import { type StandIn, type StandInOptions, startStandIn } from './control-plane-stand-in.ts';

export { freePort };

export type Lab = {
  readonly home: string;
  readonly control: StandIn;
  readonly stack_id: string;
  readonly proxy_port: number;
  readonly ports: { first: number; last: number };
  /** Commits these files to the repository of a service; gives the commit. */
  commit(service: string, files: Record<string, string>): string;
  /** A desired service at a commit; `spec` is as in a stack file. */
  service(
    name: string,
    commit: string,
    spec?: object,
    more?: { secrets?: Record<string, string>; restarts_requested?: number },
  ): Promise<DesiredService>;
  document(version: number, services: Record<string, DesiredService>, over?: Partial<DesiredState>): DesiredState;
  agent(over?: Partial<AgentOptions>): Agent;
  options(over?: Partial<AgentOptions>): AgentOptions;
  /** Offers a document and waits for its receipt to be settled. */
  deploy(agent: Agent, document: DesiredState): ReturnType<typeof settled>;
  /** Ends everything, whatever still runs. */
  close(): Promise<void>;
};

/** A service that answers with a text; `extra` runs before it listens. */
export function serverProgram(text: string, extra = '', port = 'process.env.PORT'): string {
  return `import http from 'node:http';
${extra}
const server = http.createServer((request, response) => {
  if (request.url === '/slow') return setTimeout(() => response.end(${JSON.stringify(text)}), 300);
  if (request.url === '/env') return response.end(JSON.stringify(process.env));
  if (request.url === '/exit') { response.end('bye'); return setTimeout(() => process.exit(3), 10); }
  response.end(${JSON.stringify(text)});
});
server.listen(${port}, '127.0.0.1');
process.on('SIGTERM', () => server.close(() => process.exit(0)));
`;
}

export async function createLab(control_options: StandInOptions = {}): Promise<Lab> {
  const root = mkdtempSync(join(tmpdir(), 'ms-agent-'));
  const home = join(root, 'home');
  const control = await startStandIn(control_options);
  const stack_id = newId('stack');
  const agents: Agent[] = [];
  const [proxy_port, names_port] = [await freePort(), await freePort()];
  const stretch = await claimPorts();
  const { ports } = stretch;

  const git = (cwd: string, ...args: string[]) =>
    execFileSync('git', args, {
      cwd,
      encoding: 'utf8',
      env: {
        PATH: process.env['PATH'],
        HOME: root,
        GIT_CONFIG_NOSYSTEM: '1',
        GIT_AUTHOR_NAME: 'lab',
        GIT_AUTHOR_EMAIL: 'lab@localhost',
        GIT_COMMITTER_NAME: 'lab',
        GIT_COMMITTER_EMAIL: 'lab@localhost',
      },
    }).trim();

  const lab: Lab = {
    home,
    control,
    stack_id,
    proxy_port,
    ports,
    commit(service, files) {
      const folder = join(root, 'git', service);
      mkdirSync(folder, { recursive: true });
      if (!existsSync(join(folder, '.git'))) git(folder, 'init', '-q', '-b', 'main');
      for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
      git(folder, 'add', '-A');
      git(folder, 'commit', '-q', '--allow-empty', '-m', 'change');
      return git(folder, 'rev-parse', 'HEAD');
    },
    service: (name, commit, spec = {}, more = {}) =>
      desiredServiceOf({
        name,
        spec: ServiceSpec.parse({
          source: { git: join(root, 'git', name) },
          run: [process.execPath, 'server.mjs'],
          health: { interval_seconds: 0.2, start_timeout_seconds: 20 },
          drain_timeout_seconds: 5,
          stop_timeout_seconds: 3,
          secrets: Object.keys(more.secrets ?? {}),
          ...spec,
        }),
        commit,
        credential_commitment: null,
        secret_commitments: more.secrets ?? {},
        restarts_requested: more.restarts_requested ?? 0,
      }),
    document: (version, services, over = {}) =>
      desiredState({
        stack_id,
        version,
        proxy: { port: proxy_port, bind: 'loopback' },
        names: { domain: 'svc.internal', port: names_port },
        services,
        ...over,
      }),
    options: (over = {}) => ({
      home,
      control_plane_url: control.url,
      token: control.token,
      log: silentLogger(),
      settings: { ports, heal_interval_ms: 200, secrets_wait_ms: 2_000 },
      heartbeat_interval_ms: 500,
      ...over,
    }),
    agent(over) {
      const agent = createAgent(lab.options(over));
      agents.push(agent);
      return agent;
    },
    async deploy(agent, document) {
      await control.offer(document);
      return settled(agent, document.version);
    },
    async close() {
      for (const agent of agents) await agent.stop({ services: true }).catch(() => {});
      await control.close();
      stretch.release();
      for (const pid of processesOf(home)) kill(pid);
      rmSync(root, { recursive: true, force: true, maxRetries: 5 });
    },
  };
  return lab;
}

/** The receipt of a version, once it is settled. */
export async function settled(agent: Agent, version: number) {
  return until(async () => {
    const { receipt } = await agent.observe();
    return receipt?.version === version && receipt.state !== 'running' ? receipt : null;
  }, `version ${version} to be settled`);
}

/** Waits for a condition, half a minute at most. */
export async function until<T>(
  probe: () => Promise<T | null | false | undefined> | T | null | false | undefined,
  what: string,
): Promise<T> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const found = await probe();
    if (found) return found as T;
    if (Date.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

export type Answer = { status: number; text: string; release: string | undefined };

export function get(port: number, path = '/'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = http.get({ host: '127.0.0.1', port, path, agent: false, timeout: 30_000 }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          text: Buffer.concat(chunks).toString('utf8'),
          release: response.headers['x-mainstay-release'] as string | undefined,
        }),
      );
    });
    request.once('error', reject);
    request.once('timeout', () => request.destroy(new Error('no answer within 30 s')));
  });
}

export type Load = { stop(): Promise<{ answers: Map<string, number>; failed: string[] }> };

/** Requests, several at a time, one after the other, until it is stopped. */
export function startLoad(port: number, paths: string[] = ['/', '/slow'], at_once = 8): Load {
  const answers = new Map<string, number>();
  const failed: string[] = [];
  let running = true;
  const worker = async (index: number) => {
    while (running) {
      const path = paths[index % paths.length] ?? '/';
      try {
        const { status, text } = await get(port, path);
        if (status === 200) answers.set(text, (answers.get(text) ?? 0) + 1);
        else failed.push(`${status} ${text}`);
      } catch (error) {
        failed.push((error as Error).message);
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  const workers = Array.from({ length: at_once }, (_, index) => worker(index));
  return {
    async stop() {
      running = false;
      await Promise.all(workers);
      return { answers, failed };
    },
  };
}

/** A hundred ports above the kernel's ephemeral ones, for one lab at a time: its first port, held open, is the claim. */
async function claimPorts(): Promise<{ ports: { first: number; last: number }; release: () => void }> {
  for (;;) {
    const claim = 61_000 + Math.floor(Math.random() * 45) * 100;
    const server = createServer();
    const taken = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen({ port: claim, host: '127.0.0.1', exclusive: true }, () => resolve(true));
    });
    if (!taken) continue;
    server.unref();
    return { ports: { first: claim + 1, last: claim + 99 }, release: () => server.close() };
  }
}

/** Pids of all processes that run in a home: services by their folder, the proxy by its state. */
export function processesOf(home: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      if (pid === process.pid) return false;
      try {
        const environment = readFileSync(`/proc/${pid}/environ`, 'utf8');
        const argv = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
        return environment.includes(`${home}/`) || argv.includes(`${home}/`) || argv.includes(`${home}\0`);
      } catch {
        return false;
      }
    });
}

/** Pids of the instances of a home: their DATA_DIR lies in it. */
export function instancesOf(home: string): number[] {
  return processesOf(home).filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/environ`, 'utf8').includes('MAINSTAY_INSTANCE=');
    } catch {
      return false;
    }
  });
}

export function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Gone already.
  }
}
