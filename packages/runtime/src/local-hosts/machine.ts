/**
 * What the machine itself must offer and allow: root, programs, forwarding, enough inotify instances for twenty systemds.
 * Settings are changed when the first group comes and put back when the last one goes; what they were is written down first.
 */
import { accessSync, constants, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** `arm64` is a container whose programs are for that architecture, and are emulated where the machine is of another. */
export const hostKinds = ['container', 'arm64', 'vm'] as const;
export type HostKind = (typeof hostKinds)[number];

/** Program and the Debian package that has it. */
const programs: Record<HostKind, readonly (readonly [string, string])[]> = {
  container: [
    ['mmdebstrap', 'mmdebstrap'],
    ['systemd-nspawn', 'systemd-container'],
    ['nsenter', 'util-linux'],
    ['unshare', 'util-linux'],
    ['flock', 'util-linux'],
    ['ip', 'iproute2'],
    ['nft', 'nftables'],
    ['mke2fs', 'e2fsprogs'],
  ],
  arm64: [['arch-test', 'arch-test']],
  vm: [
    ['qemu-system-x86_64', 'qemu-system-x86'],
    ['qemu-img', 'qemu-utils'],
  ],
};

const settings: Record<string, number> = {
  '/proc/sys/net/ipv4/ip_forward': 1,
  '/proc/sys/fs/inotify/max_user_instances': 8192,
};

/** Where the kernel is told by what programs for arm64 are run (Linux, admin-guide/binfmt-misc). */
const arm64_emulation = '/proc/sys/fs/binfmt_misc/qemu-aarch64';

/** Why hosts of this kind cannot be had on this machine, in words; empty when they can. */
export function missingFor(kind: HostKind): string[] {
  const missing: string[] = [];
  if (process.platform !== 'linux') return [`local hosts need Linux, and this is ${process.platform}`];
  if (process.getuid?.() !== 0) missing.push('local hosts need root');
  if (!existsSync('/etc/debian_version'))
    missing.push('local hosts need Debian or Ubuntu, whose packages they are made of');
  if (kind === 'vm' && process.arch !== 'x64') missing.push(`virtual machines need x64, and this is ${process.arch}`);
  if (kind === 'vm' && !existsSync('/dev/net/tun')) missing.push('virtual machines need /dev/net/tun');
  if (kind === 'arm64' && process.arch !== 'arm64' && !existsSync(arm64_emulation))
    missing.push('no emulation of arm64 is registered (apt-get install qemu-user-static binfmt-support)');
  const wanted = kind === 'container' ? programs.container : [...programs.container, ...programs[kind]];
  for (const [program, name] of wanted) {
    if (!isThere(program)) missing.push(`there is no "${program}" (apt-get install ${name})`);
  }
  return missing;
}

/** Sets what the machine must allow, and remembers what it was. Call under the lock of the state folder. */
export async function prepareMachine(state_folder: string): Promise<void> {
  const file = join(state_folder, 'machine.json');
  const before: Record<string, number> = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
  const changes = Object.entries(settings).filter(([path, wanted]) => existsSync(path) && settingOf(path) < wanted);
  for (const [path] of changes) before[path] ??= settingOf(path);
  await writeFile(file, JSON.stringify(before));
  for (const [path, wanted] of changes) writeFileSync(path, String(wanted));
}

/** Puts the settings back. Call under the lock of the state folder, when no group is left. */
export async function restoreMachine(state_folder: string): Promise<void> {
  const file = join(state_folder, 'machine.json');
  if (!existsSync(file)) return;
  const before: Record<string, number> = JSON.parse(readFileSync(file, 'utf8'));
  for (const [path, value] of Object.entries(before)) {
    // What somebody else has changed since is theirs.
    if (path in settings && settingOf(path) === settings[path]) writeFileSync(path, String(value));
  }
  await rm(file);
}

function settingOf(path: string): number {
  return Number(readFileSync(path, 'utf8'));
}

function isThere(program: string): boolean {
  return `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`.split(':').some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return folder !== '';
    } catch {
      return false;
    }
  });
}
