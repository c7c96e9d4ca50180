/**
 * A network of its own for the tests, by namespaces: a server, somebody outside, and a container on the server behind a link named as
 * Docker names them. Real packets, real nftables; nothing of it is seen by the machine itself.
 */
import { type ChildProcessWithoutNullStreams, execFile, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import type { Argv } from '../dead-man.ts';

export const outside = { v4: '198.51.100.2', v6: '2001:db8:1::2' } as const;
export const server = { v4: '198.51.100.1', v6: '2001:db8:1::1' } as const;
export const container = '172.17.0.2';

type Place = 'server' | 'outside' | 'container';

export type TestNetwork = {
  /** How nft is called for the server. */
  nft: Argv;
  run(place: Place, argv: readonly string[]): string;
  /** A program in JavaScript that runs until the network goes. */
  start(place: Place, program: string, args: readonly string[]): ChildProcessWithoutNullStreams;
  /** A program that answers at each of these TCP ports, until the network goes. */
  listen(place: Place, ports: readonly number[], address?: string): Promise<void>;
  /** Those of the ports at which a connection can be opened. */
  reachable(from: Place, address: string, ports: readonly number[]): Promise<number[]>;
  remove(): void;
};

/** Why there can be no such network here, or null; to be said by who skips. */
export function whyNoNetwork(): string | null {
  if (process.getuid?.() !== 0) return 'needs root';
  for (const command of [
    ['ip', '-V'],
    ['nft', '--version'],
  ] as const) {
    try {
      execFileSync(command[0], command.slice(1), { stdio: 'ignore' });
    } catch {
      return `needs ${command[0]}`;
    }
  }
  const name = `mst-${randomBytes(3).toString('hex')}`;
  try {
    execFileSync('ip', ['netns', 'add', name], { stdio: 'ignore' });
    execFileSync('ip', ['netns', 'exec', name, 'nft', 'add', 'table', 'inet', 'probe'], { stdio: 'ignore' });
    return null;
  } catch {
    return 'needs network namespaces with nftables';
  } finally {
    execFileSync('sh', ['-c', 'ip netns delete "$1" 2>/dev/null || true', 'sh', name]);
  }
}

const listener = `const [host, ...ports] = process.argv.slice(1);
let open = 0;
const opened = () => ++open === ports.length && console.log('open');
for (const port of ports) require('node:net').createServer((s) => s.on('error', () => {}).pipe(s)).listen({ port, host }, opened);`;

/** What came in meanwhile is looked at before a port is called closed. */
const prober = `const [host, ...ports] = process.argv.slice(1);
const probe = (port) => new Promise((resolve) => {
  const socket = require('node:net').connect({ host, port });
  const end = (is_open) => { socket.destroy(); resolve(is_open ? [Number(port)] : []); };
  socket.once('connect', () => end(true)).once('error', () => end(false));
  setTimeout(() => setImmediate(() => end(false)), 700);
});
Promise.all(ports.map(probe)).then((found) => console.log(JSON.stringify(found.flat())));`;

export function createTestNetwork(): TestNetwork {
  const mark = randomBytes(3).toString('hex');
  const space = (place: Place) => `mst-${mark}-${place}`;
  const inside = (place: Place): Argv => ['ip', 'netns', 'exec', space(place)];
  const ip = (place: Place, ...args: string[]) => execFileSync('ip', ['-n', space(place), ...args], { stdio: 'pipe' });
  const children: number[] = [];

  for (const place of ['server', 'outside', 'container'] as const) {
    execFileSync('ip', ['netns', 'add', space(place)]);
    ip(place, 'link', 'set', 'lo', 'up');
  }
  const link = (place: Place, name: string, here: string[], there: string[]) => {
    ip('server', 'link', 'add', name, 'type', 'veth', 'peer', 'name', 'up0', 'netns', space(place));
    for (const address of here) ip('server', 'address', 'add', address, 'dev', name, 'nodad');
    for (const address of there) ip(place, 'address', 'add', address, 'dev', 'up0', 'nodad');
    ip('server', 'link', 'set', name, 'up');
    ip(place, 'link', 'set', 'up0', 'up');
  };
  link('outside', 'wan0', [`${server.v4}/24`, `${server.v6}/64`], [`${outside.v4}/24`, `${outside.v6}/64`]);
  link('container', 'docker0', ['172.17.0.1/16'], [`${container}/16`]);
  ip('container', 'route', 'add', 'default', 'via', '172.17.0.1');
  // A neighbour may know where containers are.
  ip('outside', 'route', 'add', '172.17.0.0/16', 'via', server.v4);

  const network: TestNetwork = {
    nft: [...inside('server'), 'nft'],
    run: (place, argv) => execFileSync(inside(place)[0], [...inside(place).slice(1), ...argv], { encoding: 'utf8' }),
    start(place, program, args) {
      const argv = [...inside(place).slice(1), process.execPath, '-e', program, ...args];
      const child = spawn('ip', argv, { stdio: 'pipe' });
      children.push(child.pid!);
      return child;
    },
    async listen(place, ports, address = '::') {
      const child = network.start(place, listener, [address, ...ports.map(String)]);
      await new Promise((resolve, reject) => {
        child.stdout.once('data', resolve);
        child.once('exit', () => reject(new Error('the listener ended')));
      });
    },
    async reachable(from, address, ports) {
      const argv = [...inside(from).slice(1), process.execPath, '-e', prober, address, ...ports.map(String)];
      return JSON.parse((await promisify(execFile)('ip', argv)).stdout);
    },
    remove() {
      for (const pid of children) {
        try {
          process.kill(pid, 'SIGKILL');
        } catch {
          // It ended by itself.
        }
      }
      for (const place of ['server', 'outside', 'container'] as const)
        execFileSync('ip', ['netns', 'delete', space(place)]);
    },
  };
  network.run('server', ['sysctl', '-qw', 'net.ipv4.ip_forward=1']);
  return network;
}
