/**
 * The bare peer: the least that a reverse proxy over node:http and undici's dispatch API needs to be right for plain
 * requests (hop-by-hop fields, X-Forwarded-For, backpressure, cancelling), and nothing more.
 * Usage: node undici-proxy.ts <port> <backend port>
 */
import { createServer } from 'node:http';
import { type Dispatcher, Pool } from 'undici';

const [port, backendPort] = process.argv.slice(2).map(Number);
const pool = new Pool(`http://127.0.0.1:${backendPort}`, { connections: 256, pipelining: 1 });
const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'expect',
]);

createServer((request, response) => {
  const headers: string[] = [];
  for (let i = 0; i < request.rawHeaders.length; i += 2) {
    const name = request.rawHeaders[i]!;
    if (!hopByHop.has(name.toLowerCase())) headers.push(name, request.rawHeaders[i + 1]!);
  }
  headers.push('x-forwarded-for', request.socket.remoteAddress ?? '');
  const { method } = request;
  const bodyless = method === 'GET' || method === 'HEAD';
  let controller: Dispatcher.DispatchController | null = null;
  response.on('close', () => {
    if (!response.writableFinished) controller?.abort(new Error('client gone'));
  });
  response.on('drain', () => controller?.resume());
  pool.dispatch(
    { path: request.url!, method: method as Dispatcher.HttpMethod, headers, body: bodyless ? null : request },
    {
      onRequestStart(started) {
        controller = started;
      },
      onResponseStart(_controller, status, fields) {
        if (status < 200) return;
        const kept: Record<string, string | string[]> = {};
        for (const name in fields) if (!hopByHop.has(name)) kept[name] = fields[name]!;
        response.writeHead(status, kept);
      },
      onResponseData(current, chunk) {
        if (!response.write(chunk)) current.pause();
      },
      onResponseEnd() {
        response.end();
      },
      onResponseError() {
        if (response.headersSent) response.destroy();
        else response.writeHead(502).end();
      },
    },
  );
}).listen({ host: '127.0.0.1', port, backlog: 1_024 });
