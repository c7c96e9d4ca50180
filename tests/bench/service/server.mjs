/** The service that the benches deploy: says its version, echoes over a WebSocket, streams without an end. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

const version = readFileSync(new URL('version.txt', import.meta.url), 'utf8');
const { WebSocketServer } = await import(process.env.WS_MODULE);

const server = createServer((request, response) => {
  if (request.url === '/stream') {
    response.writeHead(200, { 'content-type': 'text/plain' });
    const timer = setInterval(() => response.write(`${version}\n`), 100);
    response.once('close', () => clearInterval(timer));
    return;
  }
  response.writeHead(200, { 'content-type': 'text/plain' });
  response.end(version);
});
const sockets = new WebSocketServer({ server });
sockets.on('connection', (socket) => socket.on('message', (data) => socket.send(data)));
server.listen(Number(process.env.PORT), '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));
