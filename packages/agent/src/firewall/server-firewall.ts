/** The firewall of this very server: what it is made of, and what is so here. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { systemExec } from '@mainstay/runtime/exec';
import { hasSystemd } from '../supervisor/systemd/units.ts';
import { createBootUnit } from './boot-unit.ts';
import { type Argv, createProcessDeadMan, createTimerDeadMan } from './dead-man.ts';
import { createFirewall, type Firewall } from './firewall.ts';
import { outerLinks } from './links.ts';
import type { ServerFacts } from './rules.ts';
import type { TcpSocket } from './sockets.ts';
import { activatedSshPorts, sshPorts } from './ssh.ts';
import { createTable } from './table.ts';
import { createUfw, type Ufw } from './ufw.ts';

/** Rules that were not confirmed go back after so many seconds. */
export const dead_man_seconds = 45;

const folders = ['/usr/sbin', '/sbin', '/usr/local/sbin', '/usr/bin'];
const command_ms = 60_000;

/** The firewall that keeps its things under this home of an agent. */
export function serverFirewall(home: string): { firewall: Firewall; ufw: Ufw } {
  const folder = join(home, 'firewall');
  const exec = systemExec;
  const has_systemd = hasSystemd();
  const nft = folders.map((each) => join(each, 'nft')).find((path) => existsSync(path)) ?? 'nft';
  const outside: Argv = ['systemd-run', '--quiet', '--collect', '--wait', '--pipe', '--'];
  const run = (argv: Argv) => exec(has_systemd ? [...outside, ...argv] : argv, { timeout_ms: command_ms });
  const ufw = createUfw({ run });
  const firewall = createFirewall({
    folder,
    nft: [nft],
    table: createTable({ exec, nft: [nft] }),
    ufw,
    dead_man: has_systemd
      ? createTimerDeadMan({ exec, seconds: dead_man_seconds })
      : createProcessDeadMan({ file: join(folder, 'dead-man.pid'), seconds: dead_man_seconds }),
    boot_unit: has_systemd ? createBootUnit({ exec, nft }) : null,
    run,
  });
  return { firewall, ufw };
}

/** How long systemd is not asked again for the ports that it holds for SSH while the same sockets listen, milliseconds: it takes a program. */
const ask_again_ms = 600_000;

/** Looks at this server. What has not changed since the last look is not looked for again, so that a look every few seconds costs nothing. */
export function createServerLook(ufw: Pick<Ufw, 'isActive'>, proxyPorts: () => readonly number[]) {
  let ssh = { listening: '', ports: [] as number[], asked_at: Number.NEGATIVE_INFINITY };
  const lookForSsh = async (sockets: readonly TcpSocket[]) => {
    const listening = JSON.stringify(sockets.filter(({ state }) => state === 'listening').map(({ inode }) => inode));
    const now = performance.now();
    const is_known = listening === ssh.listening && (ssh.ports.length > 0 || now - ssh.asked_at < ask_again_ms);
    if (is_known) return ssh.ports;
    const found = sshPorts(sockets);
    const ports = found.length > 0 ? found : await activatedSshPorts(systemExec);
    ssh = { listening, ports, asked_at: now };
    return ports;
  };
  return async (sockets: readonly TcpSocket[]): Promise<ServerFacts> => ({
    ufw_active: ufw.isActive(),
    proxy_ports: proxyPorts(),
    ssh_ports: await lookForSsh(sockets),
    outer_links: outerLinks(),
  });
}

/** Takes back all rules and files of a firewall that an agent of this home set; needs no agent that runs. */
export async function removeFirewall(home: string): Promise<void> {
  await serverFirewall(home).firewall.remove();
}
