/**
 * One commit of a remote repository, to be looked at: fetched alone into a bare repository in a temporary folder, its trees
 * listed from the top down, its files read one by one as they are asked for. Nothing is checked out, no symlink or submodule is
 * followed, and time, disk, number and size are bounded, whatever the repository holds. The folder is gone when the look is over.
 */
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppError } from '@mainstay/contract/errors';
import { systemClock } from '@mainstay/runtime';
import { commitPattern, unavailable } from '../stacks/refs.ts';
import type { RepositoryView } from './detect/view.ts';
import { inFolder, type Look, type SnapshotLimits, snapshotLimits, tooSlow } from './look.ts';
import { defaultBranch, findRef, type Remote } from './remote.ts';
import { createReader, listFiles } from './snapshot-files.ts';

export type Snapshot = RepositoryView & {
  ref: string;
  commit: string;
  subject: string;
  author: string;
  /** UTC milliseconds; 0 where the commit says what no clock does. */
  at: number;
  /** What the bounds left out, in words. */
  notes(): string[];
};

/** Makes a snapshot of a ref (null: the default branch) for as long as `use` runs. */
export async function withSnapshot<T>(
  remote: Remote,
  ref: string | null,
  use: (snapshot: Snapshot) => Promise<T>,
  limits: SnapshotLimits = snapshotLimits,
): Promise<T> {
  const end = performance.now() + limits.time_ms;
  const folder = await mkdtemp(join(tmpdir(), 'mainstay-source-'));
  const left = () => {
    const milliseconds = end - performance.now();
    if (milliseconds <= 0) throw tooSlow(remote, limits);
    return milliseconds;
  };
  try {
    return await use(await take({ remote, folder, limits, left }, ref));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function take(look: Look, ref: string | null): Promise<Snapshot> {
  const { remote } = look;
  const { shown, full, commit: asked } = await resolve(remote, ref);
  await fetchOnly(look, full, asked.length === 64);
  const described = await inFolder(look, [
    'log',
    '-1',
    '--no-show-signature',
    '--format=%H%x00%ct%x00%an%x00%s',
    'FETCH_HEAD',
    '--',
  ]);
  const [commit = '', seconds = '', author = '', subject = ''] = described.stdout.trimEnd().split('\0');
  if (described.code !== 0 || !commitPattern.test(commit)) {
    throw new AppError('SourceUnavailable', `"${shown}" of ${remote.git} is no commit.`, {
      field: 'ref',
      hint: 'Name a branch, or a tag of a commit.',
    });
  }
  const { files, notes } = await listFiles(look, commit);
  const reader = createReader(look, files);
  return {
    ref: shown,
    commit,
    subject: subject.slice(0, 500),
    author: author.slice(0, 200),
    at: Number.isSafeInteger(Number(seconds) * 1_000) ? Number(seconds) * 1_000 : 0,
    paths: [...files.keys()],
    read: reader.read,
    notes: () => [...notes, ...reader.notes()],
  };
}

/** What is shown of the ref, what is fetched for it, and the commit or tag that it is. */
async function resolve(remote: Remote, ref: string | null): Promise<{ shown: string; full: string; commit: string }> {
  if (ref !== null && commitPattern.test(ref)) return { shown: ref, full: ref, commit: ref };
  if (ref !== null) {
    const { name, commit } = await findRef(remote, ref);
    return { shown: ref, full: name, commit };
  }
  const branch = await defaultBranch(remote);
  if (branch) return { shown: branch.name, full: `refs/heads/${branch.name}`, commit: branch.commit };
  throw new AppError('SourceUnavailable', `${remote.git} names no default branch, or has no commit yet.`, {
    field: 'ref',
    hint: 'Name a branch or tag as `ref`, or push a first commit.',
  });
}

async function fetchOnly(look: Look, ref: string, is_sha256: boolean): Promise<void> {
  const { remote, folder, limits } = look;
  const format = is_sha256 ? ['--object-format=sha256'] : [];
  const made = await inFolder(look, ['init', '--quiet', '--bare', '--template=', ...format, '.']);
  if (made.code !== 0) throw unavailable(made, { ...remote, field: '' });
  const config = await readFile(join(folder, 'config'));
  const filter = `--filter=blob:limit=${limits.file_bytes_max + 1}`;
  const options = ['--depth=1', '--no-tags', '--no-recurse-submodules', filter];
  // Large files are passed through and not held in memory.
  const args = ['-c', 'core.bigFileThreshold=1m', '-c', 'pack.threads=1', 'fetch', '--quiet', ...options, '--'];
  const watch = watchSize(join(folder, 'objects'), limits.fetched_bytes_max);
  try {
    const fetched = await inFolder(look, [...args, remote.git, ref], true, watch.signal);
    if (watch.signal.aborted) {
      const mebibytes = Math.floor(limits.fetched_bytes_max / 1024 / 1024);
      throw new AppError('SourceUnavailable', `One commit of ${remote.git} is larger than ${mebibytes} MiB.`, {
        field: 'git',
        hint: 'It can be deployed all the same: write the stack file yourself.',
      });
    }
    if (fetched.code !== 0) {
      throw unavailable(fetched, { ...remote, field: '' }, commitPattern.test(ref) ? 'ref' : 'git');
    }
  } finally {
    await watch.stop();
  }
  // Without the remote in its configuration git asks nobody for what the filter left out.
  await writeFile(join(folder, 'config'), config);
}

/** Aborts its signal once the files in a folder are larger than that, bytes. */
function watchSize(folder: string, bytes_max: number): { signal: AbortSignal; stop(): Promise<void> } {
  const over = new AbortController();
  const done = new AbortController();
  const measure = async () => {
    const names = await readdir(folder, { recursive: true }).catch(() => []);
    const sizes = await Promise.all(
      names.map(async (name) => (await stat(join(folder, name)).catch(() => null))?.size ?? 0),
    );
    if (sizes.reduce((sum, size) => sum + size, 0) > bytes_max) over.abort();
  };
  const watching = (async () => {
    while (!done.signal.aborted && !over.signal.aborted) {
      await systemClock.sleep(200, done.signal);
      await measure();
    }
  })();
  return {
    signal: over.signal,
    async stop() {
      done.abort();
      await watching;
    },
  };
}
