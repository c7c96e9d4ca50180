/**
 * Brings the executable of a release beside the one that runs. What is believed, in this order: the digest of the manifest, which the
 * keeper signed; the manifest's own signature, by the key that this agent was installed with; the digest of the file that it names.
 */

import { createHash } from 'node:crypto';
import { chmodSync, createReadStream, rmSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { ServerState } from '@mainstay/contract/server-state';
import { systemExec } from '@mainstay/runtime/exec';
import { type Release, readRelease } from '../installation/release.ts';
import { ServerFailure } from '../server/server-part.ts';
import { type FetchRequest, fetchText, fetchToFile, type PanelAddress } from './fetch-file.ts';

export type WantedRelease = NonNullable<ServerState['agent']>;
export type ReleaseFile = Release['files'][number];

const manifest_bytes_max = 64 * 1024;
const executable_bytes_max = 512 * 1024 * 1024;
/** Left free beside the new executable. */
const spare_bytes = 64 * 1024 * 1024;
const self_check_ms = 30_000;

export type ReleaseSource = { panel: PanelAddress; release_key: string; signal: AbortSignal };

/** The file of the wanted release for this machine. @throws ServerFailure, AppError. */
export async function findReleaseFile(wanted: WantedRelease, source: ReleaseSource): Promise<ReleaseFile> {
  const { panel, signal } = source;
  const request = (path: string): FetchRequest => ({ panel, path, bytes_max: manifest_bytes_max, signal });
  const text = await fetchText(request('/agent/releases/release.json'));
  if (createHash('sha256').update(text).digest('hex') !== wanted.manifest_sha256) {
    throw new ServerFailure(
      `The release at the panel is another than the one that was approved as version ${wanted.version}.`,
      'Was it built anew since? Ask for the update again.',
    );
  }
  const signature = await fetchText(request('/agent/releases/release.json.sig'));
  const release = readRelease(text, signature.toString('utf8'), source.release_key);
  const file = release.files.find(
    ({ name, arch }) => arch === process.arch && /^mainstay-agent-[A-Za-z0-9.+-]+-linux-[a-z0-9]+$/.test(name),
  );
  if (release.version !== wanted.version || !file)
    throw new ServerFailure(`The release has no agent ${wanted.version} for linux ${process.arch}.`);
  return file;
}

/** Has the file at `path`, executable, whole and of the wanted version; nothing is there when it throws. */
export async function stageRelease(
  file: ReleaseFile,
  path: string,
  { version, panel, signal }: { version: string; panel: PanelAddress; signal: AbortSignal },
): Promise<void> {
  const { bavail, bsize } = await statfs(dirname(path));
  const needed = file.size + spare_bytes;
  if (bavail * bsize < needed) {
    throw new ServerFailure(
      `There is no room for the new agent: ${megabytes(needed)} are needed at ${dirname(path)}, ${megabytes(bavail * bsize)} are free.`,
      'Make room, and ask for the update again.',
    );
  }
  try {
    const bytes_max = Math.min(file.size, executable_bytes_max);
    const digest = await fetchToFile({ panel, path: `/agent/releases/${file.name}`, bytes_max, signal }, path);
    if (digest !== file.sha256)
      throw new ServerFailure(`${file.name} is not what its manifest says. It was changed or cut on its way.`);
    chmodSync(path, 0o755);
    const said = await systemExec([path, 'version'], { timeout_ms: self_check_ms, signal, output_bytes_max: 4_096 });
    if (said.code !== 0 || said.stdout.trim() !== version) {
      const why = said.error?.message ?? said.killed ?? (said.stderr.trim() || said.stdout.trim());
      throw new ServerFailure(`The new agent does not say that it is ${version}: ${why.slice(0, 500)}`);
    }
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  }
}

/** SHA-256 of a file, hex. */
export async function digestOfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1024 * 1024 }), hash);
  return hash.digest('hex');
}

const megabytes = (bytes: number) => `${Math.ceil(bytes / 1e6)} MB`;
