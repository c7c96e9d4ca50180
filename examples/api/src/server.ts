/** The example's API: JSON, a streamed response, a WebSocket echo. It listens on $PORT and ends in order on SIGTERM. */
import { createServer, type ServerResponse } from 'node:http';
import { WebSocketServer } from 'ws';

const port = Number(process.env['PORT'] ?? 3000);
const greeting = process.env['GREETING'] ?? 'Hello';
const streamLines = 10;

const server = createServer((request, response) => {
  const url = new URL(request.url ?? '/', 'http://localhost');
  if (url.pathname === '/healthz') return json(response, 200, { status: 'ok' });
  if (url.pathname === '/hello') {
    const name = (url.searchParams.get('name') ?? '').slice(0, 100);
    log('greeted', { name });
    return json(response, 200, {
      message: name ? `${greeting}, ${name}` : greeting,
      pid: process.pid,
      node: process.version,
    });
  }
  if (url.pathname === '/stream') return stream(response);
  json(response, 404, { error: `There is nothing at ${url.pathname}; try /hello, /stream or /echo (WebSocket).` });
});

const sockets = new WebSocketServer({ server, path: '/echo', maxPayload: 64 * 1024 });
sockets.on('connection', (socket) => {
  log('echo opened');
  socket.on('message', (message, isBinary) => socket.send(message, { binary: isBinary }));
  socket.on('close', () => log('echo closed'));
  socket.on('error', (error) => log('echo failed', { error: error.message }));
});

server.listen(port, '127.0.0.1', () => log('listening', { port }));

process.once('SIGTERM', () => {
  log('stopping');
  server.close(() => process.exit(0));
  for (const socket of sockets.clients) socket.close(1001, 'going away');
});

/** One line every 300 ms, flushed as it is written. */
function stream(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' });
  let line = 0;
  const timer = setInterval(() => {
    line++;
    response.write(`line ${line} of ${streamLines}, at ${new Date().toISOString()}\n`);
    if (line === streamLines) response.end();
  }, 300);
  response.once('close', () => clearInterval(timer));
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function log(message: string, fields: Record<string, unknown> = {}): void {
  console.log(JSON.stringify({ time: new Date().toISOString(), message, ...fields }));
}
