/** Where SSH listens on this server, and who has a session now. */
import { readlinkSync } from 'node:fs';
import { BlockList, isIPv6 } from 'node:net';
import type { Exec } from '@mainstay/runtime/exec';
import { namesIn, textOf } from './files.ts';
import { isLoopback, type TcpSocket } from './sockets.ts';

export const ssh_peers_max = 64;

/**
 * Ports on which an SSH server listens for the outside; empty where none does now. What a session forwards is not one of them: the
 * process of a session calls itself `sshd: user@pts/0`.
 */
export function sshPorts(sockets: readonly TcpSocket[], proc = '/proc'): number[] {
  const listening = sockets.filter(({ state, local }) => state === 'listening' && !isLoopback(local));
  if (listening.length === 0) return [];
  const inodes = new Set(sshServers(proc).flatMap((pid) => socketsOf(`${proc}/${pid}/fd`)));
  return [...new Set(listening.filter(({ inode }) => inodes.has(inode)).map(({ local_port }) => local_port))];
}

/** Ports that systemd holds for an SSH server which is started by the first connection, as on Ubuntu since 22.10. */
export async function activatedSshPorts(exec: Exec): Promise<number[]> {
  const { code, stdout } = await exec(
    ['systemctl', 'show', 'ssh.socket', 'sshd.socket', '--property=ActiveState,Listen'],
    {
      timeout_ms: 10_000,
    },
  );
  if (code !== 0) return [];
  const active = stdout.split('\n\n').filter((unit) => /^ActiveState=active$/m.test(unit));
  return active.flatMap((unit) =>
    [...unit.matchAll(/^Listen=.*:(\d{1,5}) \(Stream\)$/gm)].map((match) => Number(match[1])),
  );
}

/** Addresses with an SSH session now, but those of this server itself. */
export function sshPeers(sockets: readonly TcpSocket[], ports: readonly number[]): string[] {
  const sessions = sockets.filter(
    ({ state, local_port, remote }) => state === 'established' && ports.includes(local_port) && !isLoopback(remote),
  );
  return [...new Set(sessions.map(({ remote }) => remote))].sort().slice(0, ssh_peers_max);
}

/** The addresses that none of the networks holds. */
export function outsideOf(networks: readonly string[], addresses: readonly string[]): string[] {
  const inside = new BlockList();
  for (const network of networks) {
    const [address = '', bits] = network.split('/');
    inside.addSubnet(address, Number(bits), isIPv6(address) ? 'ipv6' : 'ipv4');
  }
  return addresses.filter((address) => !inside.check(address, isIPv6(address) ? 'ipv6' : 'ipv4'));
}

function sshServers(proc: string): string[] {
  return namesIn(proc).filter((pid) => {
    if (!/^\d+$/.test(pid) || !/^(sshd|dropbear)\n$/.test(textOf(`${proc}/${pid}/comm`))) return false;
    const command = textOf(`${proc}/${pid}/cmdline`);
    return !command.startsWith('sshd: ') || command.includes('[listener]');
  });
}

function socketsOf(folder: string): string[] {
  return namesIn(folder).flatMap((name) => {
    try {
      return /^socket:\[(\d+)\]$/.exec(readlinkSync(`${folder}/${name}`))?.[1] ?? [];
    } catch {
      return [];
    }
  });
}
