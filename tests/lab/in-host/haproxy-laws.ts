/**
 * A program for hosts of the lab, where it is root and systemd runs: the laws of the proxy over HAProxy as a unit, and what a test
 * outside of the host asks for.
 *
 *   (nothing, or a part of a title)            the laws
 *   --service <port>                           a service that tells its pid, and echoes over WebSockets
 *   --apply <home> <external> <port> [<held>]  makes HAProxy the unit of the server, with one service at `port`; then `--apply` ends
 */
import { createServer } from 'node:http';
import { basename } from 'node:path';
import { haproxyDifferences } from '@mainstay/agent/proxy/conformance/haproxy-differences';
import { createHaproxyProxy } from '@mainstay/agent/proxy/haproxy/haproxy-proxy';
import { createUnitProcess } from '@mainstay/agent/proxy/haproxy/unit';
import { proxyConformance } from '@mainstay/agent/proxy/proxy.conformance';
import { silentLogger } from '@mainstay/runtime/log';
import { WebSocketServer } from 'ws';
import { runAll } from './runner.ts';

const log = silentLogger();
const [what = '', ...given] = process.argv.slice(2);

if (what === '--service') {
  const server = createServer((incoming, response) => {
    if (incoming.url !== '/stream') return void incoming.resume().on('end', () => response.end(`${given[0]}`));
    const timer = setInterval(() => response.write('.'), 50);
    response.on('close', () => clearInterval(timer));
  });
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket) => socket.on('message', (data) => socket.send(data)));
  server.listen(Number(given[0]), '127.0.0.1');
} else if (what === '--apply') {
  const [home, external, port, held] = given;
  const proxy = createHaproxyProxy({ home: home!, log, process: createUnitProcess() });
  await proxy.ensure();
  const active = { id: `ins_${port}`, release_id: `rel_${port}`, port: Number(port) };
  await proxy.apply({
    external: { host: '0.0.0.0', port: Number(external) },
    internal: null,
    routes: [{ prefix: '/', strip: false, service: 'api' }],
    services: { api: { active, held: held === 'held', internal_port: 18_080 } },
  });
  process.exit(0);
} else {
  proxyConformance(
    'haproxy as a unit',
    (home) =>
      createHaproxyProxy({
        home,
        log,
        process: createUnitProcess({ unit: `mainstay-haproxy-${basename(home)}.service` }),
      }),
    haproxyDifferences,
  );
  await runAll(what);
  process.exit(0);
}
