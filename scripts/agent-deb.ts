/** The agent as a Debian package: the same executable, installed but not enrolled. */
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, cpSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export type DebOptions = { root: string; work: string; version: string; arch: string; binary: string };

const architectures: Record<string, string> = { x64: 'amd64', arm64: 'arm64' };

const postinst = `#!/bin/sh
set -e
if [ "$1" = configure ] && [ -z "$2" ]; then
  echo "mainstay-agent is installed. To enrol this server: copy the token of \\"Add a server\\" into a file that only root reads, then"
  echo "  mainstay-agent install --url https://your-panel --token-file FILE"
elif [ "$1" = configure ] && [ -d /run/systemd/system ] && systemctl is-active --quiet mainstay-agent.service; then
  systemctl restart mainstay-agent.service
fi
`;

const prerm = `#!/bin/sh
set -e
if [ "$1" = remove ] && [ -e /etc/mainstay/agent.json ]; then
  echo "mainstay-agent: this server is enrolled. Take that back first: mainstay-agent uninstall --yes" >&2
  exit 1
fi
`;

/** Makes the package; gives its file name, or null, said aloud, where dpkg-deb is missing. The same input gives the same bytes. */
export function buildDeb({ root, work, version, arch, binary }: DebOptions): string | null {
  const debian = architectures[arch];
  if (!debian) throw new Error(`Debian has no name for the architecture ${arch}.`);
  const folder = join(work, `deb-${arch}`);
  const name = `mainstay-agent_${version}_${debian}.deb`;
  const documents = join(folder, 'usr', 'share', 'doc', 'mainstay-agent');
  try {
    for (const part of ['DEBIAN', 'usr/bin', 'usr/share/doc/mainstay-agent']) {
      mkdirSync(join(folder, part), { recursive: true, mode: 0o755 });
    }
    cpSync(binary, join(folder, 'usr', 'bin', 'mainstay-agent'));
    chmodSync(join(folder, 'usr', 'bin', 'mainstay-agent'), 0o755);
    copyFileSync(join(root, 'LICENSE'), join(documents, 'copyright'));
    chmodSync(join(documents, 'copyright'), 0o644);
    writeFileSync(join(folder, 'DEBIAN', 'control'), control(version, debian, statSync(binary).size), { mode: 0o644 });
    writeFileSync(join(folder, 'DEBIAN', 'postinst'), postinst, { mode: 0o755 });
    writeFileSync(join(folder, 'DEBIAN', 'prerm'), prerm, { mode: 0o755 });
    // gzip at level 1: 126 MB would take half a minute by xz, for a third less.
    const made = spawnSync('dpkg-deb', ['--root-owner-group', '-Zgzip', '-z1', '--build', folder, join(work, name)], {
      encoding: 'utf8',
      env: { ...process.env, SOURCE_DATE_EPOCH: '0' },
    });
    if (made.error) {
      console.error(
        'Left out: the Debian packages, because there is no dpkg-deb here. To have it: apt-get install dpkg',
      );
      return null;
    }
    if (made.status !== 0) throw new Error(`dpkg-deb failed: ${made.stderr}`);
    return name;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function control(version: string, architecture: string, size: number): string {
  return `Package: mainstay-agent
Version: ${version}
Architecture: ${architecture}
Maintainer: Mainstay
Installed-Size: ${Math.ceil(size / 1024)}
Depends: libc6 (>= 2.28), libstdc++6, ca-certificates, git
Section: admin
Priority: optional
Description: agent of Mainstay
 Runs on a server and makes it what its control plane signed.
`;
}
