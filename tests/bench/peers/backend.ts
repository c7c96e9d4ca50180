/**
 * Backend for the proxy bench: answers every request with the same 200, as cheaply as Node can, so that the proxies are what
 * is measured. Usage: node backend.ts <port>
 */
import { createServer } from 'node:net';

const body = JSON.stringify({ message: 'hello', items: Array.from({ length: 40 }, (_, index) => index) });
const answer = Buffer.from(
  `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nConnection: keep-alive\r\nKeep-Alive: timeout=65\r\n\r\n${body}`,
);
const headEnd = Buffer.from('\r\n\r\n');

createServer({ noDelay: true }, (socket) => {
  let rest = '';
  socket.on('error', () => {});
  socket.on('data', (chunk) => {
    // Requests of the bench have no body, and nearly always come whole.
    if (rest === '' && chunk.subarray(-4).equals(headEnd) && chunk.indexOf(headEnd) === chunk.length - 4) {
      socket.write(answer);
      return;
    }
    rest += chunk.toString('latin1');
    for (let end = rest.indexOf('\r\n\r\n'); end >= 0; end = rest.indexOf('\r\n\r\n')) {
      rest = rest.slice(end + 4);
      socket.write(answer);
    }
  });
}).listen({ host: '127.0.0.1', port: Number(process.argv[2]), backlog: 1_024 });
