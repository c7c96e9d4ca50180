/**
 * The network of a group: one bridge with the machine on it as gateway, a port for each host, and a table that lets hosts
 * reach the outside over IPv4. Hosts see each other as on one wire. IPv6 goes between hosts and the machine only: to forward
 * it, the machine would stop believing its own router.
 *
 * All names start with `mlh<index>`: that is how what belongs to a group is found again, and nothing else is touched.
 */
import { readdirSync } from 'node:fs';
import { AppError } from '@mainstay/contract/app-error';
import { attempt, run } from './run.ts';

/** Groups at the same time on one machine, and hosts in one of them. */
export const groups_max = 200;
export const hosts_max = 200;

export type GroupNetwork = {
  index: number;
  bridge: string;
  table: string;
  gateway: string;
  gateway6: string;
  /** The machine and all hosts, such as 10.87.3.0/24. */
  range: string;
  range6: string;
};

export type HostAddress = { ip: string; ip6: string; port: string; mac: string; prefixed: string; prefixed6: string };

export function networkOf(index: number): GroupNetwork {
  const six = `fd6d:6c68:${(index + 1).toString(16)}`;
  return {
    index,
    bridge: `mlh${index}`,
    table: `mlh${index}`,
    gateway: `10.87.${index}.1`,
    gateway6: `${six}::1`,
    range: `10.87.${index}.0/24`,
    range6: `${six}::/64`,
  };
}

/** Addresses of the host with this number (1 to 200). */
export function addressOf(index: number, number: number): HostAddress {
  const last = number + 10;
  const ip = `10.87.${index}.${last}`;
  const ip6 = `fd6d:6c68:${(index + 1).toString(16)}::${last.toString(16)}`;
  const bytes = [0x02, 0x6d, 0x6c, 0x68, index, last].map((byte) => byte.toString(16).padStart(2, '0'));
  return { ip, ip6, port: `mlh${index}p${number}`, mac: bytes.join(':'), prefixed: `${ip}/24`, prefixed6: `${ip6}/64` };
}

/** The first index that neither another group nor a route of the machine uses. */
export async function freeIndex(taken: ReadonlySet<number>): Promise<number> {
  const routes = await run(['ip', '-4', 'route', 'show', 'table', 'all']);
  for (let index = 0; index < groups_max; index++) {
    if (!taken.has(index) && !routes.includes(`10.87.${index}.`)) return index;
  }
  throw new AppError('Unavailable', `All ${groups_max} networks for groups of hosts are in use.`, {
    hint: 'Remove groups that are no longer needed: lab list, lab down --name NAME.',
  });
}

/** Makes bridge and table, or makes them whole again. */
export async function makeNetwork(network: GroupNetwork): Promise<void> {
  const { bridge, table, gateway, gateway6, range } = network;
  if (!(await attempt(['ip', 'link', 'show', 'dev', bridge]))) {
    await run(['ip', 'link', 'add', bridge, 'type', 'bridge', 'forward_delay', '0', 'stp_state', '0']);
  }
  await run(['ip', 'addr', 'replace', `${gateway}/24`, 'dev', bridge]);
  await attempt(['ip', 'addr', 'replace', `${gateway6}/64`, 'dev', bridge, 'nodad']);
  await run(['ip', 'link', 'set', bridge, 'up']);
  const rules = [
    `table inet ${table}`,
    `delete table inet ${table}`,
    `table inet ${table} {`,
    `  chain outside { type nat hook postrouting priority srcnat;`,
    `    ip saddr ${range} ip daddr != ${range} masquerade`,
    '  }',
    '}',
  ];
  await run(['nft', '-f', '-'], { stdin: `${rules.join('\n')}\n` });
}

/** Removes all that carries the names of this network; what is not there any more does not matter. */
export async function removeNetwork(network: GroupNetwork): Promise<void> {
  const own = ofGroup(network.index);
  for (const name of namespaces().filter(own)) await run(['ip', 'netns', 'delete', name]);
  for (const name of readdirSync('/sys/class/net').filter(own)) await attempt(['ip', 'link', 'delete', name]);
  await attempt(['nft', 'delete', 'table', 'inet', network.table]);
  await attempt(['nft', 'delete', 'table', 'bridge', network.table]);
}

/** Whether a name is of this group: `mlh1` and `mlh1p2`, `mlh1-h1`, but not `mlh12`. */
export function ofGroup(index: number): (name: string) => boolean {
  const pattern = new RegExp(`^mlh${index}(?![0-9])`);
  return (name) => pattern.test(name);
}

function namespaces(): string[] {
  try {
    return readdirSync('/run/netns');
  } catch {
    return [];
  }
}
