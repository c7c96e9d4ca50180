/** What the table lets in, tried with real packets. */
import { once } from 'node:events';
import { systemClock } from '@mainstay/runtime/clock';
import { systemExec } from '@mainstay/runtime/exec';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { FirewallRules } from './rules.ts';
import { createTable, type Table, tableDrift } from './table.ts';
import { no_table, tableText } from './table-text.ts';
import { container, createTestNetwork, outside, server, type TestNetwork, whyNoNetwork } from './testing/network.ts';

const missing = whyNoNetwork();
if (missing) console.warn(`skipped: rules tried with real packets: ${missing}`);

const closed: FirewallRules = {
  mode: 'tunnel',
  firewall: 'nftables',
  open_ports: [],
  ssh_ports: [],
  ssh_from: [],
  outer_links: [],
};
const ports = [22, 80, 3000, 8080, 8081];

describe.skipIf(missing !== null)(`rules with real packets${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let network: TestNetwork;
  let table: Table;
  beforeEach(async () => {
    network = createTestNetwork();
    table = createTable({ exec: systemExec, nft: network.nft });
    await network.listen('server', [22, 80, 3000, 8080]);
  });
  afterEach(() => network.remove());

  const seen = async () => {
    const look = ({ v4, v6 }: typeof server) =>
      Promise.all([v4, v6].map((address) => network.reachable('outside', address, ports)));
    const [v4, v6] = await look(server);
    return { v4, v6 };
  };

  test('without rules everything is open, in mode daemon-port the port of the proxy, in mode tunnel nothing', async () => {
    expect(await seen()).toEqual({ v4: [22, 80, 3000, 8080], v6: [22, 80, 3000, 8080] });
    await table.load(tableText({ ...closed, mode: 'daemon-port', open_ports: [80, 8080] }));
    expect(await seen()).toEqual({ v4: [80, 8080], v6: [80, 8080] });
    await table.load(tableText(closed));
    expect(await seen()).toEqual({ v4: [], v6: [] });
    await table.load(no_table);
    expect(await seen()).toEqual({ v4: [22, 80, 3000, 8080], v6: [22, 80, 3000, 8080] });
    expect(network.run('server', ['nft', 'list', 'ruleset'])).toBe('');
  });

  test('SSH is open from the networks that are named, and from no other', async () => {
    const from = (ssh_from: string[]) => table.load(tableText({ ...closed, ssh_ports: [22], ssh_from }));
    await from([`${outside.v4}/32`, '198.51.100.0/25']);
    expect(await seen()).toEqual({ v4: [22], v6: [] });
    await from(['203.0.113.0/24', '2001:db8:1::/48']);
    expect(await seen()).toEqual({ v4: [], v6: [22] });
  });

  test('this server reaches itself and the outside, and its containers reach both', async () => {
    await network.listen('outside', [443]);
    await network.listen('server', [9000], '127.0.0.1');
    await table.load(tableText(closed));
    expect(await network.reachable('server', '127.0.0.1', [9000])).toEqual([9000]);
    expect(await network.reachable('server', server.v4, [3000])).toEqual([3000]);
    expect(await network.reachable('server', outside.v4, [443])).toEqual([443]);
    expect(await network.reachable('server', outside.v6, [443])).toEqual([443]);
    network.run('outside', ['ip', 'route', 'replace', '172.17.0.0/16', 'via', server.v4]);
    expect(await network.reachable('container', outside.v4, [443])).toEqual([443]);
    expect(await network.reachable('container', '172.17.0.1', [3000])).toEqual([3000]);
  });

  test('ports that containers publish are closed, by their published number, and so is the way straight to a container', async () => {
    await network.listen('container', [5000], '0.0.0.0');
    const publish = (port: number) => `tcp dport ${port} dnat ip to ${container}:5000`;
    const rules = `table inet docker { chain pre { type nat hook prerouting priority dstnat;
      iifname "wan0" ${publish(8080)}; iifname "wan0" ${publish(8081)}; iifname "wan0" tcp dport 3000 redirect to :80; }
      chain post { type nat hook postrouting priority srcnat; ip saddr 172.17.0.0/16 oifname "wan0" masquerade; }
    }`;
    await table.load(rules);
    expect((await seen()).v4).toEqual([22, 80, 3000, 8080, 8081]);
    expect(await network.reachable('outside', container, [5000])).toEqual([5000]);
    await table.load(tableText({ ...closed, mode: 'daemon-port', open_ports: [80, 8080] }));
    expect((await seen()).v4, 'a redirect to an open port opens no other').toEqual([80, 8080]);
    expect(await network.reachable('outside', container, [5000])).toEqual([]);
    await table.load(tableText(closed));
    expect((await seen()).v4).toEqual([]);
  });

  test('a link that leads outside is outside, though it is named as those of containers are', async () => {
    await table.load(tableText(closed));
    expect(await network.reachable('container', '172.17.0.1', [3000])).toEqual([3000]);
    await table.load(tableText({ ...closed, outer_links: ['docker0'] }));
    expect(await network.reachable('container', '172.17.0.1', [3000])).toEqual([]);
  });

  test('connections of this server that were made before the rules go on, though nobody tracked them', async () => {
    const pushing = `require('node:net').createServer((socket) => process.stdin.on('data', (chunk) => socket.write(chunk)))
      .listen({ port: 443, host: '0.0.0.0' }, () => console.log('open'));`;
    const client = `require('node:net').connect({ port: 443, host: process.argv[1], localPort: 45678 }, () => console.log('connected'))
      .on('data', (chunk) => console.log(String(chunk)));`;
    const pusher = network.start('outside', pushing, []);
    await once(pusher.stdout, 'data');
    const { stdout } = network.start('server', client, [outside.v4]);
    expect(String(await once(stdout, 'data'))).toBe('connected\n');
    const come: string[] = [];
    stdout.on('data', (chunk) => come.push(String(chunk)));
    await table.load(tableText(closed));
    const listing = await table.listing();
    pusher.stdin.write('pushed');
    await systemClock.sleep(500);
    expect(come, 'this is what would happen').toEqual([]);
    await table.load(
      tableText(closed, [{ local: server.v4, local_port: 45678, remote: outside.v4, remote_port: 443 }]),
    );
    expect(await table.listing(), 'what runs out by itself is not compared').toBe(listing);
    await expect.poll(() => come, { timeout: 20_000 }).toEqual(['pushed\n']);
  });

  test('a listing tells what was changed, and whether all of it is gone', async () => {
    await table.load(tableText({ ...closed, ssh_ports: [22], ssh_from: ['10.0.0.0/8'] }));
    const wanted = (await table.listing()) ?? '';
    expect(tableDrift(wanted, await table.listing())).toBeNull();
    network.run('server', ['nft', 'insert', 'rule', 'inet', 'mainstay', 'input', 'tcp', 'dport', '3000', 'accept']);
    expect(tableDrift(wanted, await table.listing())).toBe(
      'The table inet mainstay was changed: new: tcp dport 3000 accept.',
    );
    await table.load(tableText({ ...closed, ssh_ports: [22], ssh_from: ['10.0.0.0/8'] }));
    network.run('server', ['nft', 'add', 'element', 'inet', 'mainstay', 'ssh_from_v4', '{ 192.0.2.0/24 }']);
    expect(tableDrift(wanted, await table.listing())).toMatch(/192\.0\.2\.0\/24/);
    network.run('server', ['nft', 'flush', 'ruleset']);
    expect(tableDrift(wanted, await table.listing())).toBe('The table inet mainstay was deleted.');
  });

  test('rules that nft does not take change nothing', async () => {
    await table.load(tableText(closed));
    const before = await table.listing();
    await expect(table.load(`${no_table}table inet mainstay { chain x { nonsense } }`)).rejects.toThrow(/did not take/);
    expect(await table.listing()).toBe(before);
  });
});
