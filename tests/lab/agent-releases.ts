/** Releases of the agent at a panel of a lab: of executables that were built or written, signed with a key of the test's own. */
import { execFileSync } from 'node:child_process';
import { createHash, createPublicKey, type KeyObject, sign } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { built_agent } from './panel.ts';

const root = join(import.meta.dirname, '..', '..');

/** Puts a release into the folder that a panel hands out, in the place of the one before. */
export function publishRelease(
  folder: string,
  version: string,
  executable: string,
  key: KeyObject,
  arch: string = process.arch,
): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  const name = `mainstay-agent-${version}-linux-${arch}`;
  linkSync(executable, join(folder, name));
  if (existsSync(`${executable}.gz`)) linkSync(`${executable}.gz`, join(folder, `${name}.gz`));
  const sha256 = createHash('sha256').update(readFileSync(executable)).digest('hex');
  const release_key = createPublicKey(key).export({ format: 'jwk' }).x;
  const files = [{ name, arch, size: statSync(executable).size, sha256 }];
  const text = JSON.stringify({ version, built_from: { node: '24', commit: null }, files, release_key }, null, 2);
  writeFileSync(join(folder, 'release.json'), text);
  writeFileSync(join(folder, 'release.json.sig'), sign(null, Buffer.from(text), key).toString('base64'));
  copyFileSync(join(built_agent, 'install.sh'), join(folder, 'install.sh'));
}

/** Builds the agent of this source as a version, into a folder. */
export function buildAgent(version: string, folder: string, arch: string = process.arch): void {
  const argv = ['scripts/build-agent.ts', '--arch', arch, '--no-deb', '--version', version, '--out', folder];
  execFileSync(process.execPath, argv, { cwd: root, stdio: 'pipe' });
}

export function executableIn(folder: string): string {
  return join(folder, readdirSync(folder).find((name) => /-linux-[a-z0-9]+$/.test(name))!);
}
