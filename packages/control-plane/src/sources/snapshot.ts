/**
 * One commit of a remote repository, to be looked at: fetched alone into a bare repository in a temporary folder, its trees
 * listed from the top down, its files read one by one as they are asked for. Nothing is checked out, no symlink or submodule is
 * followed, and time, disk, number and size are bounded, whatever the repository holds. The folder is gone when the look is over.
 */
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppError } from '@mainstay/contract/errors';
import { type ExecResult, git, systemClock } from '@mainstay/runtime';
import { commitPattern, unavailable } from '../stacks/refs.ts';
import type { RepositoryView } from './detect/view.ts';
import { defaultBranch, findRef, type Remote } from './remote.ts';

export const snapshotLimits = {
  time_ms: 30_000,
  fetched_bytes_max: 256 * 1024 * 1024,
  entries_max: 20_000,
  depth_max: 6,
  file_bytes_max: 256 * 1024,
  files_read_max: 200,
} as const;

export type SnapshotLimits = { [Name in keyof typeof snapshotLimits]: number };

export type Snapshot = RepositoryView & {
  ref: string;
  commit: string;
  subject: string;
  author: string;
  /** UTC milliseconds. */
  at: number;
  /** What the bounds left out, in words. */
  notes(): string[];
};

/** Folders that hold what was installed or made, and thousands of files. */
const not_listed = /^(node_modules|bower_components|vendor|third_party|__pycache__|\.git|\.venv|venv|\.yarn|\.next)$/;

type Look = {
  remote: Remote;
  folder: string;
  limits: SnapshotLimits;
  /** Milliseconds that are left. */
  left: () => number;
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
    at: Number(seconds) * 1_000,
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
  if (made.code !== 0) throw unavailable(made, { git: remote.git, field: '' });
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
      throw unavailable(fetched, { git: remote.git, field: '' }, commitPattern.test(ref) ? 'ref' : 'git');
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

/** Level by level, so that the bound leaves out what is deepest, and not what comes last in the alphabet. */
async function listFiles(look: Look, commit: string): Promise<{ files: Map<string, string>; notes: string[] }> {
  const { entries_max, depth_max } = look.limits;
  const files = new Map<string, string>();
  let entries = 0;
  let level: string[] = [''];
  for (let depth = 0; depth < depth_max && level.length > 0; depth += 1) {
    const below: string[] = [];
    for (const folders of portions(level, 200)) {
      const places = folders.flatMap((folder) => (folder === '' ? [] : [`${folder}/`]));
      const listed = await inFolder(look, [
        '--literal-pathspecs',
        'ls-tree',
        '-z',
        '--full-tree',
        commit,
        '--',
        ...places,
      ]);
      if (listed.code !== 0) throw unavailable(listed, { git: look.remote.git, field: '' });
      for (const entry of listed.stdout.split('\0')) {
        const [, mode, object = '', path = ''] = /^(\d{6}) \w+ ([0-9a-f]+)\t([\s\S]+)$/.exec(entry) ?? [];
        if (mode === undefined) continue;
        entries += 1;
        if (entries > entries_max) {
          return {
            files,
            notes: [`The repository has more than ${entries_max} files and folders; the deepest were not looked at.`],
          };
        }
        if (mode.startsWith('100')) files.set(path, object);
        else if (mode === '040000' && !not_listed.test(path.slice(path.lastIndexOf('/') + 1))) below.push(path);
      }
    }
    level = below;
  }
  return { files, notes: [] };
}

function portions<T>(list: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(list.length / size) }, (_, at) => list.slice(at * size, (at + 1) * size));
}

function createReader(look: Look, files: ReadonlyMap<string, string>) {
  const { file_bytes_max, files_read_max } = look.limits;
  const texts = new Map<string, Promise<string | null>>();
  const unread = new Map<string, string>();
  const readObject = async (path: string, object: string): Promise<string | null> => {
    const { code, stdout } = await inFolder(look, ['cat-file', 'blob', object]);
    // What the filter left out is not there at all.
    if (code !== 0 || Buffer.byteLength(stdout) > file_bytes_max)
      unread.set(path, `larger than ${file_bytes_max / 1024} KiB`);
    else if (stdout.includes('\0')) unread.set(path, 'no text');
    else return stdout.replace(/^\ufeff/, '');
    return null;
  };
  return {
    async read(path: string): Promise<string | null> {
      const object = files.get(path);
      if (object === undefined) return null;
      const known = texts.get(path);
      if (known) return known;
      if (texts.size >= files_read_max) {
        unread.set('', '');
        return null;
      }
      const text = readObject(path, object);
      texts.set(path, text);
      return text;
    },
    notes: () =>
      [...unread].map(([path, why]) =>
        path === ''
          ? `Only ${files_read_max} files were read; others were left out.`
          : `${path} was not read: it is ${why}.`,
      ),
  };
}

async function inFolder(
  look: Look,
  args: readonly string[],
  is_remote = false,
  stop?: AbortSignal,
): Promise<ExecResult> {
  const { exec, known_hosts, credential, signal } = look.remote;
  const signals = [signal, stop].filter((given) => given !== undefined);
  const result = await git(args, {
    exec,
    cwd: look.folder,
    timeout_ms: look.left(),
    ...(is_remote ? { known_hosts, credential } : {}),
    ...(signals.length > 0 ? { signal: AbortSignal.any(signals) } : {}),
  });
  if (result.killed === 'timeout') throw tooSlow(look.remote, look.limits);
  return result;
}

function tooSlow(remote: Remote, limits: SnapshotLimits): AppError {
  return new AppError('SourceUnavailable', `${remote.git} could not be looked at within ${limits.time_ms / 1_000} s.`, {
    field: 'git',
    hint: 'Try again; if it is too large for that, it can be deployed all the same: write the stack file yourself.',
  });
}
