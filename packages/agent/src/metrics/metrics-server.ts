/** /metrics, /livez, /readyz and /status (JSON) of the agent, on a port of 127.0.0.1 or a Unix socket; never on another address. */
import { rmSync } from 'node:fs';
import { http } from '@mainstay/runtime/node-http';
import type { Agent } from '../agent.ts';
import { renderAgentMetrics } from './agent-metrics.ts';

export type MetricsServer = { close(): Promise<void> };

/** @param where Port (0 for any) or path of the socket. Rejects when it cannot be opened. */
export function serveMetrics(agent: Agent, where: number | string): Promise<MetricsServer> {
  const server = http.createServer({ requestTimeout: 10_000 }, async (request, response) => {
    const send = (status: number, body: string) =>
      response.writeHead(status, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }).end(body);
    try {
      if (request.method !== 'GET') return send(405, 'Only GET is answered here.\n');
      if (request.url === '/livez') return send(200, 'ok\n');
      if (request.url === '/readyz') return agent.isReady() ? send(200, 'ok\n') : send(503, 'not ready\n');
      if (request.url === '/status') {
        const told = { ready: agent.isReady(), connected: agent.isConnected(), state: await agent.observe() };
        return send(200, JSON.stringify(told));
      }
      if (request.url !== '/metrics') return send(404, 'There are /metrics, /livez, /readyz and /status.\n');
      const [own, proxy] = await Promise.all([agent.observe(), agent.proxyMetrics().catch(() => '')]);
      return send(200, renderAgentMetrics(own, agent.isConnected()) + proxy);
    } catch (error) {
      return send(503, `${(error as Error).message}\n`);
    }
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    const ready = () =>
      resolve({
        close: () =>
          new Promise((done) => {
            server.close(() => done());
            server.closeAllConnections();
          }),
      });
    if (typeof where === 'number') server.listen(where, '127.0.0.1', ready);
    else {
      rmSync(where, { force: true });
      server.listen(where, ready);
    }
  });
}
