/** The firewall in a namespace: all of it real, but for systemd and UFW, which are of the whole machine. */
import { join } from 'node:path';
import { systemExec } from '@mainstay/runtime/exec';
import { type Argv, createProcessDeadMan, type DeadMan } from '../dead-man.ts';
import { createFirewall, type Firewall } from '../firewall.ts';
import { createTable } from '../table.ts';
import { createUfw } from '../ufw.ts';

export type TestFirewallOptions = { folder: string; nft: Argv; seconds: number; arm?: DeadMan['arm'] };

export function testFirewall({ folder, nft, seconds, arm }: TestFirewallOptions): Firewall {
  const run = (argv: Argv) => systemExec(argv);
  const dead_man = createProcessDeadMan({ file: join(folder, 'dead-man.pid'), seconds });
  return createFirewall({
    folder,
    nft,
    table: createTable({ exec: systemExec, nft }),
    ufw: createUfw({ run, root: join(folder, 'no-ufw') }),
    dead_man: arm ? { ...dead_man, arm } : dead_man,
    boot_unit: null,
    run,
  });
}
