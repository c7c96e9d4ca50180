/** Sockets, SSH servers and links of a machine, from its own files as they look on Debian 12. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { outerLinks } from './links.ts';
import { tcpSockets } from './sockets.ts';
import { outsideOf, sshPeers, sshPorts } from './ssh.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mainstay-proc-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function put(path: string, text: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
}

function process(pid: number, name: string, command: string, inode: string): void {
  put(`${pid}/comm`, `${name}\n`);
  put(`${pid}/cmdline`, command);
  mkdirSync(join(folder, `${pid}/fd`));
  symlinkSync(`socket:[${inode}]`, join(folder, `${pid}/fd/3`));
}

const head = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';
const row = (local: string, remote: string, state: string, inode: string) =>
  `   0: ${local} ${remote} ${state} 00000000:00000000 00:00000000 00000000     0        0 ${inode} 1 0000000000000000 100 0 0 10 0\n`;

test('sockets are read with their addresses, IPv4 within IPv6 as what it is', () => {
  put(
    'net/tcp',
    `${head}${row('0100007F:0016', '00000000:0000', '0A', '11')}${row('016433C6:0016', '077100CB:C350', '01', '12')}`,
  );
  put(
    'net/tcp6',
    `${head}${row('0000000000000000FFFF0000016433C6:08AE', '0000000000000000FFFF0000077100CB:C351', '01', '13')}${row('B80D0120000001000000000001000000:0016', 'B80D0120000000000000000007000000:C352', '01', '14')}${row('00000000000000000000000000000000:0016', '00000000000000000000000000000000:0000', '06', '15')}`,
  );
  expect(tcpSockets(folder)).toEqual([
    { state: 'listening', local: '127.0.0.1', local_port: 22, remote: '0.0.0.0', remote_port: 0, inode: '11' },
    {
      state: 'established',
      local: '198.51.100.1',
      local_port: 22,
      remote: '203.0.113.7',
      remote_port: 50_000,
      inode: '12',
    },
    {
      state: 'established',
      local: '198.51.100.1',
      local_port: 2222,
      remote: '203.0.113.7',
      remote_port: 50_001,
      inode: '13',
    },
    {
      state: 'established',
      local: '2001:db8:1::1',
      local_port: 22,
      remote: '2001:db8::7',
      remote_port: 50_002,
      inode: '14',
    },
  ]);
});

test('the sockets of this very machine are read as what they are', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '::1', resolve));
  const { port } = server.address() as { port: number };
  const socket = connect(port, '::1');
  await new Promise((resolve) => socket.once('connect', resolve));
  const found = tcpSockets().filter(({ local_port }) => local_port === port);
  expect(found.map(({ state, local }) => `${state} ${local}`).sort()).toEqual(['established ::1', 'listening ::1']);
  socket.destroy();
  server.close();
});

test('SSH is where an SSH server listens for the outside, not where a session forwards, nor where others listen', () => {
  const listening = [22, 2222, 8022, 80].map((port, index) => ({
    ...({ state: 'listening', local: index === 2 ? '127.0.0.1' : '::', local_port: port } as const),
    ...{ remote: '::', remote_port: 0, inode: `${100 + index}` },
  }));
  process(1, 'systemd', '/sbin/init', '999');
  process(10, 'sshd', 'sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups', '100');
  process(11, 'sshd', 'sshd: ann@pts/0', '101');
  process(12, 'sshd', '/usr/sbin/sshd\0-D\0', '102');
  process(13, 'nginx', 'nginx: master process', '103');
  expect(sshPorts(listening, folder)).toEqual([22]);
});

test('peers are who has a session, each once, and not this server itself', () => {
  const from = (remote: string, local_port = 22) =>
    ({ state: 'established', local: '198.51.100.1', local_port, remote, remote_port: 1, inode: '1' }) as const;
  const sockets = [
    from('203.0.113.7'),
    from('203.0.113.7'),
    from('2001:db8::7'),
    from('127.0.0.1'),
    from('203.0.113.9', 443),
  ];
  expect(sshPeers(sockets, [22])).toEqual(['2001:db8::7', '203.0.113.7']);
});

test.each([
  [['203.0.113.0/24'], ['203.0.113.7', '203.0.114.7'], ['203.0.114.7']],
  [['203.0.113.7/32', '::/0'], ['203.0.113.7', '2001:db8::7'], []],
  [[], ['203.0.113.7'], ['203.0.113.7']],
  [['0.0.0.0/0'], ['2001:db8::7'], ['2001:db8::7']],
])('networks %j leave outside of %j: %j', (networks, addresses, left) => {
  expect(outsideOf(networks, addresses)).toEqual(left);
});

test('a link that is named as those of containers are is outside when it has a default route or bridges a device', () => {
  const routes = `Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
br-wan\t00000000\t0102A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
eth0\t00000000\t0102A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n`;
  put('net/route', routes);
  const zero = '0'.repeat(32);
  put('net/ipv6_route', `${zero} 00 ${zero} 00 ${zero} 00000400 00000001 00000000 00000003   veth6\n`);
  put('sys/br-lan/brif/eth1', '');
  put('sys/eth1/device', '');
  put('sys/br-0123456789ab/brif/veth7', '');
  put('sys/veth7/mtu', '');
  expect(outerLinks({ proc: folder, sys: join(folder, 'sys') }).sort()).toEqual(['br-lan', 'br-wan', 'veth6']);
});
