/**
 * A stand-in for cloudflared, which cannot be had where the tests run: a program with its command line, its token from the environment
 * and its /ready. What the token says is what it does: `good…` connects after a moment, `stuck…` never does, anything else ends as a
 * refused token does. A file beside it named `down` cuts its connections.
 */
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const program = `
import { createServer } from 'node:http';
import { appendFileSync, existsSync } from 'node:fs';
const folder = new URL('.', import.meta.url).pathname;
const token = process.env.TUNNEL_TOKEN ?? '';
appendFileSync(folder + 'started', JSON.stringify({ argv: process.argv.slice(2), token }) + '\\n');
const [tunnel, no_update, metrics, address, run] = process.argv.slice(2);
if (tunnel !== 'tunnel' || no_update !== '--no-autoupdate' || metrics !== '--metrics' || run !== 'run') {
  console.error('Incorrect Usage');
  process.exit(2);
}
if (!/^(good|stuck)/.test(token)) {
  console.error('ERR Provided Tunnel token is not valid.');
  process.exit(1);
}
const began = Date.now();
const [host, port] = address.split(':');
createServer((request, response) => {
  const up = token.startsWith('good') && Date.now() - began > 200 && !existsSync(folder + 'down');
  response.writeHead(request.url === '/ready' ? (up ? 200 : 503) : 404, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ status: up ? 200 : 503, readyConnections: up ? 4 : 0, connectorId: 'stand-in' }));
}).listen(Number(port), host);
process.on('SIGTERM', () => process.exit(0));
`;

/** Puts the stand-in into a folder; gives its path. */
export function installStandIn(folder: string): string {
  const path = join(folder, 'cloudflared.mjs');
  writeFileSync(path, `#!${process.execPath}\n${program}`);
  chmodSync(path, 0o755);
  return path;
}
