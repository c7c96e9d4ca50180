/**
 * Deployments as they are felt: from the API call to the new release answering through the proxy, first in quiet, then
 * under 500 requests/s with a WebSocket and a stream open all the while.
 *
 * node tests/bench/deploy.bench.ts
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { agentNodeFlags } from '@mainstay/agent/agent-node-flags';
import { freePort } from '@mainstay/runtime/testing/free-port';
import { type Installation, makeRepository, startAgent, startControlPlane, summary, until } from './installation.ts';
import { openSocket, openStream, startLoad } from './load.ts';

const service = join(import.meta.dirname, 'service');
const WS_MODULE = import.meta.resolve('ws');
const quiet_rounds = 20;
const loaded_rounds = 20;
const requests_per_s = 500;

export type DeployBench = {
  total_ms: ReturnType<typeof summary>;
  /** What the service itself takes from its start to its first answer, alone. */
  start_ms: ReturnType<typeof summary>;
  own_ms: number;
  loaded: {
    redeploys: number;
    requests: number;
    failed: number;
    p99_ms: number;
    max_ms: number;
    socket_cuts: number;
    stream_cuts: number;
    socket_echoes: number;
  };
};

export async function benchDeploy(): Promise<DeployBench> {
  const at = await startControlPlane();
  try {
    return await measure(at);
  } finally {
    await at.stop();
  }
}

async function measure(at: Installation): Promise<DeployBench> {
  const repository = makeRepository(join(at.home, 'bench-repository'), service);
  const port = await freePort();
  const spec = {
    poll_interval_seconds: 86_400,
    proxy: { port },
    names: { port: await freePort() },
    services: {
      web: {
        source: { git: repository.url },
        run: [process.execPath, 'server.mjs'],
        route: { prefix: '/' },
        env: { WS_MODULE },
        health: { interval_seconds: 1 },
        drain_timeout_seconds: 600,
      },
    },
  };
  await at.client['stacks.apply']({ stack: 'bench', spec });
  const agent = await startAgent(at, agentNodeFlags, 'bench');
  try {
    const url = `http://127.0.0.1:${port}`;
    await until(async () => (await text(url)) === '0', 'the first release');
    const start_ms = await startTimes(repository.url);
    const total: number[] = [];
    for (let round = 1; round <= quiet_rounds; round++) total.push(await redeploy(at, repository, url, `q${round}`));
    const loaded = await underLoad(at, repository, url);
    const total_ms = summary(total);
    return { total_ms, start_ms, own_ms: total_ms.median - start_ms.median, loaded };
  } finally {
    // SIGINT stops the services and the proxy too.
    await agent.stop('SIGINT');
  }
}

async function text(url: string): Promise<string> {
  const response = await fetch(url);
  return response.text();
}

/** Milliseconds from the call to the first answer of the new release. */
async function redeploy(
  at: Installation,
  repository: { commit(version: string): string },
  url: string,
  version: string,
): Promise<number> {
  repository.commit(version);
  const started = performance.now();
  const { operation } = await at.client['stacks.deploy']({ stack: 'bench' });
  while ((await text(url)) !== version) {
    if (performance.now() - started > 30_000) throw new Error(`version ${version} did not come`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const took = performance.now() - started;
  const ended = await at.client['operations.get']({ id: operation.id!, wait_seconds: 30 });
  if (ended.operation.state !== 'succeeded')
    throw new Error(`deploy ended as ${ended.operation.state}: ${ended.operation.message}`);
  return took;
}

/** How long the service itself takes to its first answer, without Mainstay. */
async function startTimes(directory: string) {
  const times: number[] = [];
  for (let round = 0; round < 10; round++) {
    const port = await freePort();
    const started = performance.now();
    const env = { PATH: process.env['PATH'] ?? '', PORT: String(port), WS_MODULE };
    const child = spawn(process.execPath, ['server.mjs'], { cwd: directory, env, stdio: 'ignore' });
    while (!(await text(`http://127.0.0.1:${port}`).catch(() => '')))
      await new Promise((resolve) => setTimeout(resolve, 2));
    times.push(performance.now() - started);
    child.kill('SIGKILL');
  }
  return summary(times);
}

async function underLoad(
  at: Installation,
  repository: { commit(version: string): string },
  url: string,
): Promise<DeployBench['loaded']> {
  const load = startLoad(url, requests_per_s);
  const socket = await openSocket(url.replace('http', 'ws'));
  const stream = openStream(`${url}/stream`);
  for (let round = 1; round <= loaded_rounds; round++) await redeploy(at, repository, url, `l${round}`);
  const result = await load.stop();
  const loaded = {
    redeploys: loaded_rounds,
    ...result,
    socket_cuts: socket.cuts(),
    socket_echoes: socket.echoes(),
    stream_cuts: stream.cuts(),
  };
  socket.close();
  stream.close();
  return loaded;
}

export function printDeploy({ total_ms, start_ms, own_ms, loaded }: DeployBench): void {
  console.log('\nDeploy without a build: API call → new release answers through the proxy');
  console.log(
    `  median ${total_ms.median.toFixed(0)} ms, p99 ${total_ms.p99.toFixed(0)} ms; the service alone starts in ${start_ms.median.toFixed(0)} ms`,
  );
  console.log(`  Mainstay's own part: ${own_ms.toFixed(0)} ms (goal ≤ 1,000 ms)`);
  console.log(`${loaded.redeploys} redeploys under ${requests_per_s} requests/s, a WebSocket and a stream open`);
  console.log(
    `  ${loaded.requests} requests, ${loaded.failed} failed (goal 0); p99 ${loaded.p99_ms.toFixed(1)} ms, worst ${loaded.max_ms.toFixed(0)} ms`,
  );
  console.log(
    `  WebSocket cuts ${loaded.socket_cuts} (${loaded.socket_echoes} echoes), stream cuts ${loaded.stream_cuts} (goal 0)`,
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) printDeploy(await benchDeploy());
