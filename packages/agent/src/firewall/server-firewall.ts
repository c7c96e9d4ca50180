/** The firewall of this very server: what it is made of, and what is so here. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { systemExec } from '@mainstay/runtime/exec';
import { createBootUnit } from './boot-unit.ts';
import { type Argv, createProcessDeadMan, createTimerDeadMan } from './dead-man.ts';
import { createFirewall, type Firewall } from './firewall.ts';
import { outerLinks } from './links.ts';
import type { ServerFacts } from './rules.ts';
import { tcpSockets } from './sockets.ts';
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
  const has_systemd = existsSync('/run/systemd/system');
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

/** Looks at this server; `proxy_ports` are those that the stack on it wants to be public. */
export async function serverFacts(ufw: Pick<Ufw, 'isActive'>, proxy_ports: readonly number[]): Promise<ServerFacts> {
  const listening = sshPorts(tcpSockets());
  return {
    ufw_active: ufw.isActive(),
    proxy_ports,
    ssh_ports: listening.length > 0 ? listening : await activatedSshPorts(systemExec),
    outer_links: outerLinks(),
  };
}

/** Takes back all rules and files of a firewall that an agent of this home set; needs no agent that runs. */
export async function removeFirewall(home: string): Promise<void> {
  await serverFirewall(home).firewall.remove();
}
