/** What the laws of the Proxy port are tried with: real backends on loopback ports, raw sockets, and one proxy a suite. */
import { mkdtempSync, rmSync } from 'node:fs';
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  request,
  type Server,
  type ServerResponse,
} from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '@mainstay/runtime/testing/free-port';
import type { Backend, ProxyConfig, Proxy as ProxyPort } from '../proxy.ts';

export { freePort };

export type MakeProxy = (home: string) => ProxyPort;

export type TestBackend = {
  id: string;
  release_id: string;
  port: number;
  server: Server;
  /** Requests that reached it, as `METHOD target`. */
  seen: string[];
  close(): Promise<void>;
};

export type Harness = {
  proxy: ProxyPort;
  home: string;
  external: number;
  internal: number;
  /** Internal ports by service. */
  ports: Record<string, number>;
  backend(id: string, listener: RequestListener, port?: number): Promise<TestBackend>;
  /** Applies services by backend (null: none) and routes; what is left out keeps its value of the last call. */
  apply(change: Change): Promise<void>;
  config(change: Change): ProxyConfig;
  end(): Promise<void>;
};
export type Change = {
  services?: Record<string, { active: Backend | null; held?: boolean }>;
  routes?: ProxyConfig['routes'];
};

/** Starts a backend in this process. */
export async function startBackend(id: string, listener: RequestListener, port = 0): Promise<TestBackend> {
  const seen: string[] = [];
  const server = createServer((incoming, response) => {
    seen.push(`${incoming.method} ${incoming.url}`);
    incoming.on('error', () => {});
    listener(incoming, response);
  });
  await new Promise<void>((done, fail) => server.once('error', fail).listen(port, '127.0.0.1', done));
  return {
    id: `ins_${id}`,
    release_id: `rel_${id}`,
    port: (server.address() as AddressInfo).port,
    server,
    seen,
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}

/** A running proxy with ports of its own. */
export async function createHarness(makeProxy: MakeProxy): Promise<Harness> {
  const home = mkdtempSync(join(tmpdir(), 'mst-proxy-'));
  const proxy = makeProxy(home);
  await proxy.ensure();
  const external = await freePort();
  const internal = await freePort();
  const ports: Record<string, number> = {};
  const backends: TestBackend[] = [];
  let services: Required<Change>['services'] = {};
  let routes: ProxyConfig['routes'] = [];
  const config = (change: Change): ProxyConfig => {
    services = change.services ?? services;
    routes = change.routes ?? routes;
    const wanted: ProxyConfig['services'] = {};
    for (const [name, { active, held }] of Object.entries(services)) {
      const backend = active && { id: active.id, release_id: active.release_id, port: active.port };
      wanted[name] = { active: backend, held: held ?? false, internal_port: ports[name]! };
    }
    return {
      external: { host: '127.0.0.1', port: external },
      internal: { port: internal, domain: 'svc.internal' },
      routes,
      services: wanted,
    };
  };
  return {
    proxy,
    home,
    external,
    internal,
    ports,
    config,
    async backend(id, listener, port) {
      const backend = await startBackend(id, listener, port);
      backends.push(backend);
      return backend;
    },
    async apply(change) {
      for (const name of Object.keys(change.services ?? {})) ports[name] ??= await freePort();
      await proxy.apply(config(change));
    },
    async end() {
      await proxy.stop(0);
      await Promise.all(backends.map((backend) => backend.close()));
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/** Runs with a harness of its own, and ends it. */
export async function withHarness(makeProxy: MakeProxy, run: (h: Harness) => Promise<void>): Promise<void> {
  const h = await createHarness(makeProxy);
  try {
    await run(h);
  } finally {
    await h.end();
  }
}

/** Waits until a condition holds; rejects after twenty seconds. */
export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`waited in vain until ${what}`);
    await new Promise((done) => setTimeout(done, 10));
  }
}

export type Answer = {
  status: number;
  headers: IncomingMessage['headers'];
  body: string;
  trailers: NodeJS.Dict<string>;
};
export type Ask = {
  method?: string;
  path?: string;
  headers?: Record<string, string>;
  body?: string | Buffer;
  agent?: import('node:http').Agent;
};

/** One request by node:http; rejects when the answer is cut. */
export function ask(port: number, options: Ask = {}): Promise<Answer> {
  return new Promise((done, fail) => {
    const { body, agent, ...rest } = options;
    const outgoing = request({ host: '127.0.0.1', port, agent: agent ?? false, ...rest }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', fail);
      response.on('end', () => {
        const { statusCode, headers, trailers } = response;
        done({ status: statusCode!, headers, body: Buffer.concat(chunks).toString('latin1'), trailers });
      });
    });
    outgoing.on('error', fail);
    outgoing.end(body);
  });
}

export type RawConnection = {
  socket: Socket;
  text(): string;
  /** Whether the other side has ended or broken the connection. */
  closed(): boolean;
};

/** A bare socket that has sent the text and collects what comes. */
export function raw(port: number, text: string, options: { allowHalfOpen?: boolean } = {}): RawConnection {
  const socket = connect({ host: '127.0.0.1', port, ...options });
  let received = '';
  let closed = false;
  socket.on('data', (chunk) => {
    received += chunk.toString('latin1');
  });
  socket.on('error', () => {
    closed = true;
  });
  socket.on('end', () => {
    closed = true;
  });
  socket.on('close', () => {
    closed = true;
  });
  socket.write(text, 'latin1');
  return { socket, text: () => received, closed: () => closed };
}

/** Answers with the raw headers that came, names in lower case. */
export function tellHeaders(incoming: IncomingMessage, response: ServerResponse): void {
  const body = JSON.stringify({ url: incoming.url, headers: incoming.headers });
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }).end(body);
}

export type Load = { stop(): Promise<{ sent: number; failed: string[]; bodies: Set<string> }> };

/** Continuous requests over several keep-alive connections, each checked; GET and POST in turns. */
export function startLoad(port: number, workers: number): Load {
  let going = true;
  let sent = 0;
  const failed: string[] = [];
  const bodies = new Set<string>();
  const work = async (worker: number) => {
    const { Agent } = await import('node:http');
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (let turn = 0; going; turn++) {
      sent++;
      const post = (turn + worker) % 4 === 0;
      try {
        const answer = await ask(port, {
          agent,
          method: post ? 'POST' : 'GET',
          path: '/load',
          body: post ? 'data' : undefined,
        });
        if (answer.status === 200) bodies.add(answer.body);
        else failed.push(`${answer.status} ${answer.body}`);
      } catch (error) {
        failed.push((error as Error).message);
      }
      await new Promise((done) => setTimeout(done, 2));
    }
    agent.destroy();
  };
  const all = Promise.all(Array.from({ length: workers }, (_, worker) => work(worker)));
  return {
    async stop() {
      going = false;
      await all;
      return { sent, failed, bodies };
    },
  };
}
