/** Sockets of this server as the kernel lists them in /proc/net/tcp, udp and their like for IPv6 (proc_net_tcp.txt of the kernel). */
import { textOf } from './files.ts';

export type TcpSocket = {
  state: 'established' | 'listening';
  local: string;
  local_port: number;
  remote: string;
  remote_port: number;
  inode: string;
};

type States = Record<string, TcpSocket['state']>;
const states: States = { '01': 'established', '0A': 'listening' };
/** A datagram socket that is bound and not connected; what it answers goes to anybody. */
const udp_states: States = { '07': 'listening' };

/** All that listen or are connected. An IPv4 address within IPv6 is given as the IPv4 address that it is. */
export function tcpSockets(proc = '/proc'): TcpSocket[] {
  return ['tcp', 'tcp6'].flatMap((name) => parseSockets(textOf(`${proc}/net/${name}`), states));
}

/** UDP sockets that take what anybody sends. */
export function udpSockets(proc = '/proc'): TcpSocket[] {
  return ['udp', 'udp6'].flatMap((name) => parseSockets(textOf(`${proc}/net/${name}`), udp_states));
}

function parseSockets(table: string, known: States): TcpSocket[] {
  const found: TcpSocket[] = [];
  for (const line of table.split('\n')) {
    const match = /^\s*\d+: ([0-9A-F]+):([0-9A-F]{4}) ([0-9A-F]+):([0-9A-F]{4}) ([0-9A-F]{2}) (?:\S+\s+){5}(\d+)/.exec(
      line,
    );
    const state = match && known[match[5]!];
    if (!match || !state) continue;
    const [, local, local_port, remote, remote_port, , inode] = match as unknown as string[];
    found.push({
      state,
      local: addressOf(local!),
      local_port: Number.parseInt(local_port!, 16),
      remote: addressOf(remote!),
      remote_port: Number.parseInt(remote_port!, 16),
      inode: inode!,
    });
  }
  return found;
}

/** Each word of four bytes stands in the order of the machine, which is little-endian on x64 and arm64. */
function addressOf(hex: string): string {
  const bytes = Buffer.from(hex, 'hex');
  for (let at = 0; at < bytes.length; at += 4) bytes.subarray(at, at + 4).reverse();
  if (bytes.length === 4) return bytes.join('.');
  if (bytes.subarray(0, 12).equals(mapped)) return bytes.subarray(12).join('.');
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(index * 2).toString(16));
  return new URL(`http://[${groups.join(':')}]/`).hostname.slice(1, -1);
}

const mapped = Buffer.from('00000000000000000000ffff', 'hex');

export function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
}
