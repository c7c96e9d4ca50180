/**
 * Ports that programs of this server listen on, with whose they are. Whose a socket is stands nowhere but in the open files of the processes,
 * which are looked through until all sockets are found or the bound is reached: a busy proxy has many thousands.
 */
import { readdirSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';
import { setImmediate as yieldToLoop } from 'node:timers/promises';
import { diagnosisLimits, type ListeningPort } from '@mainstay/contract/diagnosis';
import { textOf } from '../firewall/files.ts';
import { type TcpSocket, tcpSockets, udpSockets } from '../firewall/sockets.ts';

/** Open files looked at, of one process and of all. */
const files_of_process_max = 4_000;
const files_max = 40_000;

export type PortOwner = {
  /** A unit of the diagnosis by its name, or one of systemd. */
  unit: string | null;
  own: boolean;
};

/** @param ownerOf What a process belongs to. Gives no more than 200, and says what was left out. */
export async function listeningPorts(
  ownerOf: (pid: number) => PortOwner,
  proc = '/proc',
): Promise<{ ports: ListeningPort[]; note: string | null }> {
  const listening = (sockets: TcpSocket[], protocol: 'tcp' | 'udp') =>
    sockets.filter(({ state }) => state === 'listening').map((socket) => ({ ...socket, protocol }));
  const sockets = [...listening(tcpSockets(proc), 'tcp'), ...listening(udpSockets(proc), 'udp')];
  const { owners, is_whole } = await ownersOf(new Set(sockets.map(({ inode }) => inode)), proc);
  const found = new Map<string, ListeningPort>();
  for (const { protocol, local: address, local_port: port, inode } of sockets) {
    const pid = owners.get(inode) ?? null;
    // Several sockets at one port, as a proxy with threads has them, are one port.
    const key = `${protocol} ${address} ${port}`;
    if (found.has(key) && pid === null) continue;
    const owner = pid === null ? { unit: null, own: false } : ownerOf(pid);
    found.set(key, { protocol, address, port, pid, process: pid === null ? null : nameOf(pid, proc), ...owner });
  }
  const all = [...found.values()].sort(
    (a, b) => a.port - b.port || (a.protocol < b.protocol ? -1 : 1) || (a.address < b.address ? -1 : 1),
  );
  const ports = all.slice(0, diagnosisLimits.ports_max);
  const notes = [
    all.length > ports.length ? `${all.length - ports.length} of ${all.length} ports are left out.` : null,
    is_whole ? null : 'Whose some ports are was not found: too many files are open.',
  ];
  return { ports, note: notes.filter((note) => note !== null).join(' ') || null };
}

async function ownersOf(
  inodes: ReadonlySet<string>,
  proc: string,
): Promise<{ owners: Map<string, number>; is_whole: boolean }> {
  const owners = new Map<string, number>();
  let looked = 0;
  let is_whole = true;
  for (const name of namesOf(proc)) {
    if (!/^\d+$/.test(name)) continue;
    if (owners.size === inodes.size) break;
    if (looked >= files_max) return { owners, is_whole: false };
    const files = namesOf(`${proc}/${name}/fd`);
    if (files.length > files_of_process_max) is_whole = false;
    for (const file of files.slice(0, files_of_process_max)) {
      const inode = /^socket:\[(\d+)\]$/.exec(linkOf(`${proc}/${name}/fd/${file}`))?.[1];
      if (inode !== undefined && inodes.has(inode) && !owners.has(inode)) owners.set(inode, Number(name));
    }
    looked += files.length;
    // Heartbeats and the proxy's care go on meanwhile.
    await yieldToLoop();
  }
  return { owners, is_whole: is_whole || owners.size === inodes.size };
}

/** As the kernel calls it, but for Node, which calls all that it runs by its thread. */
function nameOf(pid: number, proc: string): string | null {
  const name = textOf(`${proc}/${pid}/comm`).trim();
  const program = name === 'MainThread' ? basename(linkOf(`${proc}/${pid}/exe`)).replace(/ \(deleted\)$/, '') : '';
  return (program || name).slice(0, 64) || null;
}

function namesOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
