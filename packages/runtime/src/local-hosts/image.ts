/**
 * Images that hosts start from: a folder made by mmdebstrap from the machine's own package sources, its apt settings and
 * its certificates, so that `apt-get` works in hosts wherever it works on the machine. An image is named by the hash of what
 * it is made of and never changes; hosts lie over it. Two runs that want the same one wait for each other.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { cp, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '@mainstay/contract/app-error';
import { withFileLock } from './file-lock.ts';
import type { HostKind } from './machine.ts';
import { run } from './run.ts';

/** Every host has these; what else it needs, its maker names. */
export const basePackages: readonly string[] = [
  'systemd',
  'systemd-sysv',
  'dbus',
  'iproute2',
  'curl',
  'git',
  'ca-certificates',
  'procps',
  'sudo',
];

/** A virtual machine also needs a kernel, devices, its address at start, and the agent through which commands reach it. */
const machinePackages: readonly string[] = [
  'linux-image-cloud-amd64',
  'initramfs-tools',
  'udev',
  'kmod',
  'e2fsprogs',
  'qemu-guest-agent',
];

/** They set the address that the kernel's command line gives. */
const machineUnits = ['systemd-networkd.service', 'systemd-network-generator.service'];

const certificates = '/usr/local/share/ca-certificates';
const recipe = 2;

export type Image = { key: string; folder: string; packages: readonly string[] };

/** The image of these packages, made when it is not there. `onProgress` is told when that takes time. */
export async function imageOf(
  state_folder: string,
  kind: HostKind,
  extra: readonly string[],
  onProgress: (text: string) => void = () => {},
): Promise<Image> {
  const invalid = extra.find((name) => !/^[a-z0-9][a-z0-9+.-]{1,99}$/.test(name));
  if (invalid !== undefined) {
    throw new AppError('InvalidInput', `"${invalid.slice(0, 100)}" is not the name of a Debian package.`, {
      field: 'packages',
    });
  }
  const packages = [...new Set([...basePackages, ...(kind === 'vm' ? machinePackages : []), ...extra])].sort();
  const { codename, sources } = debianOf();
  const apt = await aptSettings();
  const arch = kind === 'arm64' ? 'arm64' : process.arch;
  const is_emulated = arch !== process.arch;
  const key = createHash('sha256')
    .update(JSON.stringify([recipe, packages, codename, sources, apt, arch, ownCertificates()]))
    .digest('hex')
    .slice(0, 16);
  const image = { key, folder: join(state_folder, 'images', key), packages };
  if (existsSync(image.folder)) return image;
  await withFileLock(join(state_folder, 'locks', `image-${key}`), async () => {
    if (existsSync(image.folder)) return;
    onProgress(
      `Making an image of ${packages.length} packages (${codename}); this takes ${is_emulated ? 'ten minutes' : 'a minute'}, and once only`,
    );
    const partial = `${image.folder}.partial`;
    await rm(partial, { recursive: true, force: true });
    await mkdir(partial, { recursive: true });
    const options = [...apt, 'Acquire::Languages "none"'].map((option) => `--aptopt=${option}`);
    await run(
      [
        // What it mounts goes with it, also when it is ended in the middle.
        'unshare',
        '--mount',
        '--propagation=private',
        'mmdebstrap',
        '--variant=minbase',
        '--dpkgopt=force-unsafe-io',
        ...(kind === 'arm64' ? ['--architectures=arm64'] : []),
        ...options,
        `--include=${packages.join(',')}`,
        codename,
        partial,
        '-',
      ],
      { stdin: sources, timeout_ms: (is_emulated ? 45 : 15) * 60_000 },
    );
    await addMachine(partial);
    if (kind === 'vm') await run(['systemctl', `--root=${partial}`, 'enable', ...machineUnits]);
    await rename(partial, image.folder);
  });
  return image;
}

/** Certificates that the machine trusts of its own; names and addresses that hosts must not share are taken out. */
async function addMachine(folder: string): Promise<void> {
  if (existsSync(certificates)) {
    await cp(certificates, join(folder, certificates), { recursive: true, dereference: true });
    await run(['chroot', folder, 'update-ca-certificates'], { timeout_ms: 600_000 });
  }
  for (const file of ['etc/hostname', 'etc/resolv.conf', 'etc/machine-id'])
    await rm(join(folder, file), { force: true });
  await writeFile(join(folder, 'etc/hosts'), '127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n');
}

/** The release of the machine, and its sources of exactly that release; those of other vendors stay out. */
function debianOf(): { codename: string; sources: string } {
  const codename = /^VERSION_CODENAME="?([a-z]+)"?$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1];
  if (!codename)
    throw new AppError('Unavailable', '/etc/os-release names no VERSION_CODENAME: Debian or Ubuntu is needed.');
  const files = [
    '/etc/apt/sources.list',
    ...list('/etc/apt/sources.list.d').map((name) => `/etc/apt/sources.list.d/${name}`),
  ];
  const isOwn = (suite: string) => suite === codename || suite.startsWith(`${codename}-`);
  const stanzas: string[] = [];
  for (const file of files.filter((path) => existsSync(path))) {
    const lines = readFileSync(file, 'utf8').replaceAll(/^\s*#.*\n?/gm, '');
    if (file.endsWith('.sources')) {
      for (const stanza of lines.split(/\n\s*\n/)) {
        const suites = /^Suites:\s*(.+)$/im.exec(stanza)?.[1]?.trim().split(/\s+/) ?? [];
        if (suites.length > 0 && suites.every(isOwn)) stanzas.push(stanza.trim());
      }
    } else if (file.endsWith('.list')) {
      for (const line of lines.split('\n')) {
        const entry = /^deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s+(.+)$/.exec(line.trim());
        if (!entry || !isOwn(entry[3]!)) continue;
        const signed = /signed-by=(\S+)/.exec(entry[1] ?? '')?.[1];
        const fields = [`Types: deb`, `URIs: ${entry[2]}`, `Suites: ${entry[3]}`, `Components: ${entry[4]!.trim()}`];
        stanzas.push([...fields, ...(signed ? [`Signed-By: ${signed}`] : [])].join('\n'));
      }
    }
  }
  if (stanzas.length === 0) {
    throw new AppError(
      'Unavailable',
      `No source in /etc/apt is of the release ${codename}, so no image can be made of it.`,
    );
  }
  return { codename, sources: `${stanzas.join('\n\n')}\n` };
}

/** How the machine reaches its sources: proxies, and whether dates are believed. */
async function aptSettings(): Promise<string[]> {
  const dump = await run(['apt-config', 'dump', 'Acquire']);
  const wanted =
    /^Acquire::(?:(?:https?|ftp)::(?:Proxy|No-Proxy|CaInfo|Verify-|Timeout)|Check-Valid-Until|Check-Date|Retries)[^"]* "[^"]*";$/i;
  return dump
    .split('\n')
    .filter((line) => wanted.test(line))
    .map((line) => line.slice(0, -1));
}

function ownCertificates(): string[] {
  return list(certificates).map((name) => `${name} ${readFileSync(join(certificates, name), 'utf8')}`);
}

function list(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const entries = readdirSync(folder, { withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}
