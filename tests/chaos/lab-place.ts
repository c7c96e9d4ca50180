/** Where the faults of real servers happen: three hosts of the lab that run one stack, the panel above them, and how both are seen. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createRepository,
  type GitServer,
  type Repository,
  serveGit,
} from '@mainstay/agent/workspace/git-server.fixtures';
import type { DeployStage } from '@mainstay/contract/agent-api';
import { terminalOperationStates } from '@mainstay/contract/operation';
import { installNode } from '../lab/host-node.ts';
import { type Lab, type LabHost, openLab } from '../lab/open-lab.ts';
import { openPanel, type Panel } from '../lab/panel.ts';
import { pause, until } from './installation.ts';

const port = 31_310;
const settled_within_ms = 120_000;
export const servers_of_stack = 3;

const server_program = `
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
const version = readFileSync(new URL('version.txt', import.meta.url), 'utf8');
const server = createServer((_, response) => response.end(version));
setTimeout(() => server.listen(Number(process.env.PORT), '127.0.0.1'), 300);
process.on('SIGTERM', () => process.exit(0));
`;

export type Place = {
  lab: Lab;
  panel: Panel;
  git: GitServer;
  repository: Repository;
  folder: string;
  /** The version that was deployed last. */
  version: string;
};

export async function openPlace(atEnd: (close: () => Promise<unknown>) => void): Promise<Place> {
  const folder = mkdtempSync(join(tmpdir(), 'mainstay-chaos-lab-'));
  atEnd(async () => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, 'web'));
  const repository = createRepository(join(folder, 'web'));
  repository.commit({ 'server.mjs': server_program, 'version.txt': 'first' });
  const lab = await openLab({
    hosts: servers_of_stack,
    name: 'chaos',
    packages: ['sudo', 'haproxy', 'git', 'nftables'],
  });
  atEnd(lab.down);
  const git = await serveGit(folder, { address: lab.network.gateway });
  atEnd(git.close);
  const panel = await openPanel(lab, { port });
  atEnd(panel.close);
  const place: Place = { lab, panel, git, repository, folder, version: 'first' };
  await Promise.all(
    lab.hosts().map(async (host) => {
      await installNode(host);
      await enrol(panel, host);
    }),
  );
  const { operation } = await panel.client['stacks.apply']({ stack: 'shop', spec: specOf(git, 'sleep 1') });
  await ended(place, operation.id!);
  for (const { name } of lab.hosts())
    await ended(place, (await panel.client['servers.assign']({ server: name, stack: 'shop' })).operation.id!);
  await settled(place);
  return place;
}

export function specOf(git: GitServer, build: string, limits: { build_disk_mb?: number } = {}) {
  return {
    poll_interval_seconds: 86_400,
    proxy: { port: 80, bind: 'public' as const },
    services: {
      web: {
        source: { git: `${git.url}/web` },
        build,
        run: ['node', 'server.mjs'],
        route: { prefix: '/' },
        health: { interval_seconds: 1 },
        drain_timeout_seconds: 5,
        limits: { build_timeout_seconds: 120, ...limits },
      },
    },
  };
}

export async function enrol(panel: Panel, host: LabHost): Promise<void> {
  const { result } = await panel.client['servers.invite']({ server: host.name });
  await host.run(['bash', '-c', `${result!.install!} --with-haproxy`], { timeout_ms: 300_000 });
}

export async function ended({ panel }: Place, id: string) {
  for (const end = Date.now() + settled_within_ms; ; ) {
    const { operation } = await panel.client['operations.get']({ id, wait_seconds: 20 });
    if (terminalOperationStates.includes(operation.state as never)) return operation;
    if (Date.now() > end) throw new Error(`${operation.operation} is ${operation.state}: ${operation.message}`);
  }
}

/** Asks for a deploy of a new version; resolves with how the operation ends. */
export async function deploy(place: Place, version: string) {
  place.repository.commit({ 'version.txt': version });
  place.version = version;
  const { operation } = await place.panel.client['stacks.deploy']({ stack: 'shop' });
  return ended(place, operation.id!);
}

/** The stage that a server told of last. */
export async function stageOf({ panel }: Place, server: string): Promise<DeployStage | null> {
  const { reported } = await panel.client['servers.get']({ server });
  return reported?.services['web']?.candidate?.stage ?? null;
}

export async function answer(host: LabHost): Promise<string | null> {
  try {
    const response = await fetch(`http://${host.ip}/`, { signal: AbortSignal.timeout(2_000) });
    return response.ok ? await response.text() : null;
  } catch {
    return null;
  }
}

/**
 * Asks a server all the while; `wrong` is what it said that is neither of the versions, or null where it said nothing. `p99_ms` is the
 * 99th percentile of the times to an answer.
 */
export function watchAnswers(host: LabHost, versions: readonly string[], every_ms = 20) {
  const wrong: (string | null)[] = [];
  const times: number[] = [];
  let isOver = false;
  const loop = (async () => {
    while (!isOver) {
      const began = performance.now();
      const said = await answer(host);
      times.push(performance.now() - began);
      if (said === null || !versions.includes(said)) wrong.push(said);
      await pause(every_ms);
    }
  })();
  return async () => {
    isOver = true;
    await loop;
    times.sort((a, b) => a - b);
    return { asked: times.length, wrong, p99_ms: times[Math.floor(times.length * 0.99)] ?? 0 };
  };
}

/** Waits until all servers run the version that was deployed last and nothing else; gives how long that took. */
export async function settled(place: Place): Promise<number> {
  const { panel, version } = place;
  const hosts = place.lab.hosts().slice(0, servers_of_stack);
  const began = performance.now();
  let left = '';
  await until(
    async () => {
      const { servers } = await panel.client['servers.list']({});
      const own = servers.filter(({ name }) => hosts.some((host) => host.name === name));
      const slow = own.filter(({ state, converged }) => !(state === 'online' && converged));
      left = slow.map(({ name, state, version: at }) => `${name} is ${state} at ${at}`).join('; ');
      if (slow.length > 0) return false;
      for (const host of hosts) {
        const said = await answer(host);
        left = `${host.name} answers ${said} and not ${version}`;
        if (said !== version) return false;
        const units = await instancesOn(host);
        left = `${host.name} runs ${units.join(', ')}`;
        if (units.length !== 1) return false;
      }
      return true;
    },
    'all servers to settle',
    settled_within_ms,
  ).catch((error: Error) => {
    throw new Error(`${error.message}: ${left}`, { cause: error });
  });
  return performance.now() - began;
}

/** Processes of the service that run on a host, by pid. */
async function instancesOn(host: LabHost): Promise<string[]> {
  const { stdout } = await host.exec(['pgrep', '-x', '-f', 'node server.mjs']);
  return stdout.split('\n').filter(Boolean);
}

export function succeeds({ state, message }: { state: string; message: string | null }, before = ''): void {
  if (state !== 'succeeded') throw new Error(`the deploy ended as ${state}: ${message} ${before}`.trim());
}
