/**
 * A small load client for machines without wrk: keep-alive connections, one request at a time on each.
 * Usage: node load-client.ts <port> <connections> <seconds>; prints {"requests_per_s":…,"p99_ms":…,"failed":…}
 */
import { connect } from 'node:net';

const [port, connections, seconds] = process.argv.slice(2).map(Number) as [number, number, number];
const request = Buffer.from(`GET /bench HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
const latencies: number[] = [];
let failed = 0;
let ending = false;

for (let i = 0; i < connections; i++) {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true });
  let sentAt = 0;
  let text = '';
  const send = () => {
    sentAt = performance.now();
    socket.write(request);
  };
  socket.on('connect', send);
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1');
    const end = text.indexOf('\r\n\r\n');
    if (end < 0) return;
    const length = Number(/content-length: (\d+)/i.exec(text)?.[1]);
    if (text.length < end + 4 + length) return;
    if (!text.startsWith('HTTP/1.1 200')) failed++;
    text = '';
    latencies.push(performance.now() - sentAt);
    if (ending) socket.destroy();
    else send();
  });
  socket.on('error', () => {
    failed++;
  });
}
setTimeout(() => {
  ending = true;
  latencies.sort((a, b) => a - b);
  const p99_ms = latencies[Math.floor(latencies.length * 0.99)] ?? 0;
  console.log(JSON.stringify({ requests_per_s: latencies.length / seconds, p99_ms, failed }));
  process.exit(0);
}, seconds * 1_000);
