/**
 * The unit that puts the confirmed rules in force while a server boots, before its network is up. It reads the file of what was
 * confirmed, so that rules which still have to prove themselves never survive a reboot.
 */
import { existsSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Exec } from '@mainstay/runtime/exec';
import { ServerFailure } from '../server/server-part.ts';
import { textOf, writeDurably } from './files.ts';

export type BootUnit = {
  /** The rules of this file, once it is there, are loaded at each boot from now on. */
  install(rules_file: string): Promise<void>;
  /** Loads them now, so that the unit follows nftables.service from now on; without it, from the next boot on. */
  start(): Promise<void>;
  remove(): Promise<void>;
  /** UFW keeps on disk what it is told: a boot while this file is there puts the copies back before UFW starts. */
  guard(while_there: string, copies: readonly { copy: string; path: string }[]): Promise<void>;
  unguard(): Promise<void>;
};

export const boot_unit = 'mainstay-firewall.service';
export const guard_unit = 'mainstay-firewall-guard.service';
const fileOf = (unit: string) => `/etc/systemd/system/${unit}`;

/** nftables.service empties all tables when it starts, stops or is reloaded: ours is loaded after it, and again whenever it does. */
export function bootUnitText(nft: string, rules_file: string): string {
  const load = `${quoted(nft)} -f ${quoted(rules_file)}`;
  return `# Made by mainstay-agent; gone when the security mode is none.
[Unit]
Description=Mainstay security mode
DefaultDependencies=no
RequiresMountsFor=${quoted(dirname(rules_file))}
ConditionPathExists=${rules_file.replaceAll('%', '%%')}
After=nftables.service ufw.service netfilter-persistent.service
Wants=network-pre.target
Before=network-pre.target shutdown.target
Conflicts=shutdown.target
PartOf=nftables.service
ReloadPropagatedFrom=nftables.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=${load}
ExecReload=${load}

[Install]
WantedBy=sysinit.target
`;
}

export function guardUnitText(while_there: string, copies: readonly { copy: string; path: string }[]): string {
  return `# Made by mainstay-agent; gone when the rules are confirmed or taken back.
[Unit]
Description=Mainstay security mode, what was not confirmed goes back
DefaultDependencies=no
RequiresMountsFor=${quoted(dirname(while_there))}
ConditionPathExists=${while_there.replaceAll('%', '%%')}
After=local-fs.target
Before=ufw.service network-pre.target shutdown.target
Conflicts=shutdown.target

[Service]
Type=oneshot
${copies.map(({ copy, path }) => `ExecStart=/bin/cp -- ${quoted(copy)} ${quoted(path)}`).join('\n')}

[Install]
WantedBy=sysinit.target
`;
}

export function createBootUnit({ exec, nft }: { exec: Exec; nft: string }): BootUnit {
  const systemctl = async (...args: string[]) => {
    const { code, stderr } = await exec(['systemctl', ...args], { timeout_ms: 30_000 });
    if (code !== 0) throw new ServerFailure(`systemctl ${args.join(' ')} failed: ${stderr.trim().slice(0, 1_000)}`);
  };
  const put = async (unit: string, text: string) => {
    if (textOf(fileOf(unit)) === text) return;
    writeDurably(fileOf(unit), text, 0o644);
    await systemctl('daemon-reload');
  };
  const take = async (unit: string) => {
    if (!existsSync(fileOf(unit))) return;
    await systemctl('disable', '--quiet', '--now', unit);
    rmSync(fileOf(unit));
    await systemctl('daemon-reload');
    await exec(['systemctl', 'reset-failed', unit], { timeout_ms: 30_000 });
  };
  return {
    async install(rules_file) {
      await put(boot_unit, bootUnitText(nft, rules_file));
      await systemctl('enable', '--quiet', boot_unit);
    },
    async start() {
      await exec(['systemctl', 'start', boot_unit], { timeout_ms: 30_000 });
    },
    remove: () => take(boot_unit),
    async guard(while_there, copies) {
      await put(guard_unit, guardUnitText(while_there, copies));
      await systemctl('enable', '--quiet', guard_unit);
    },
    unguard: () => take(guard_unit),
  };
}

/** A word in a unit file: systemd.service(5) takes quotes around, and doubles percent signs. */
function quoted(text: string): string {
  if (/["\\\n]/.test(text)) throw new ServerFailure(`The path ${JSON.stringify(text)} cannot stand in a unit file.`);
  return `"${text.replaceAll('%', '%%')}"`;
}
