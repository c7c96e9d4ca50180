/**
 * A control plane with much in it, put there as it would come: stacks applied over the API, servers as simulated agents that
 * enrol and report, their events and log lines sent in numbered batches over the agent API.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { createSimulatedAgent, type SimulatedAgent } from '@mainstay/agent/sim/simulated-agent';
import { agentApiLimits } from '@mainstay/contract/agent-answers';
import type { Client } from '@mainstay/contract/client';
import { serverFacts } from '@mainstay/contract/testing/agent-state';
import { type Installation, startControlPlane, until } from '../bench/installation.ts';
import { makeRepository } from './repository.ts';

export type Sizes = { stacks: number; services: number; servers: number; events: number; log_lines: number };

export const large: Sizes = { stacks: 5, services: 500, servers: 100, events: 100_000, log_lines: 100_000 };

export type LargeInstallation = Installation & { stack: string; service: string; stop(): Promise<void> };

export async function startLargeInstallation(sizes: Sizes): Promise<LargeInstallation> {
  const at = await startControlPlane();
  const { client } = at;
  const repository = makeRepository(join(at.home, 'repository'));
  repository.commit('A service', { 'server.mjs': '' });
  for (let index = 0; index < sizes.stacks; index++) {
    await client['stacks.apply']({
      stack: stackName(index),
      spec: specOf(repository.path, sizes.services / sizes.stacks),
    });
  }
  const agents: SimulatedAgent[] = [];
  for (let index = 0; index < sizes.servers; index++) {
    const invited = await invite(client, `server-${index}`, stackName(index % sizes.stacks));
    const agent = createSimulatedAgent({ url: at.url, token: invited });
    await agent.start();
    agents.push(agent);
  }
  await until(
    async () => (await client['servers.list']({})).servers.every((server) => server.converged),
    'all servers to run their stacks',
    120_000,
    1_000,
  );
  const teller = await enrolTeller(at, 'teller', stackName(0));
  await teller.events(sizes.events);
  await teller.lines(sizes.log_lines);
  return {
    ...at,
    stack: stackName(0),
    service: 'service-0',
    async stop() {
      await Promise.all(agents.map((agent) => agent.stop()));
      await at.stop();
    },
  };
}

function stackName(index: number): string {
  return `stack-${index}`;
}

function specOf(git: string, count: number) {
  const names = Array.from({ length: count }, (_, index) => `service-${index}`);
  const service = (name: string) => ({
    source: { git },
    run: 'node server.mjs',
    route: { prefix: `/${name}` },
  });
  return { poll_interval_seconds: 86_400, services: Object.fromEntries(names.map((name) => [name, service(name)])) };
}

async function invite(client: Client, server: string, stack: string): Promise<string> {
  return (await client['servers.invite']({ server, stack })).result!.token!;
}

/** A server that only tells: of events and log lines, as an agent would send what had gathered while it was cut off. */
async function enrolTeller(at: Installation, server: string, stack: string) {
  const facts = serverFacts({ hostname: server });
  const post = async (path: string, body: unknown, credential?: string) => {
    const response = await fetch(`${at.url}/agent/v1${path}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(credential === undefined ? {} : { authorization: `Bearer ${credential}` }),
      },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response.json() as Promise<Record<string, unknown>>;
  };
  const token = await invite(at.client, server, stack);
  const credential = `mag_${randomBytes(32).toString('base64url')}`;
  await post('/enrol', { token, credential, agent_version: '0.0.0', facts });
  const now = Date.now();
  const release_id = `rel_${'0'.repeat(24)}`;

  const send = async (path: string, field: string, count: number, batch: number, row: (seq: number) => object) => {
    for (let first = 1; first <= count; first += batch) {
      const length = Math.min(batch, count - first + 1);
      await post(path, { [field]: Array.from({ length }, (_, index) => row(first + index)) }, credential);
    }
  };
  return {
    events: (count: number) =>
      send('/events', 'events', count, agentApiLimits.events_per_batch_max, (seq) => ({
        seq,
        at: now - (count - seq) * 1_000,
        kind: (['service.healthy', 'service.unhealthy', 'service.crashed', 'deployment.succeeded'] as const)[seq % 4],
        severity: (['info', 'warning', 'error', 'info'] as const)[seq % 4],
        message: `Event ${seq} of service-${seq % 100}, as an agent would tell it in a sentence or two.`,
        service: `service-${seq % 100}`,
        release_id: null,
        operation_id: null,
        data: null,
      })),
    lines: (count: number) =>
      send('/logs', 'lines', count, agentApiLimits.log_lines_per_batch_max, (seq) => ({
        seq,
        at: now - (count - seq) * 10,
        service: 'service-0',
        release_id,
        stream: seq % 10 === 0 ? 'stderr' : 'stdout',
        text: `${seq % 10 === 0 ? '\u001b[31mERROR\u001b[0m' : 'INFO'} request ${seq} GET /things/${seq % 977}?page=2 200 ${seq % 90} ms`,
      })),
  };
}
