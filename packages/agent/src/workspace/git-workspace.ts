/**
 * The workspace over git and folders. A build is whole when its marker says so. The marker is written by rename, after the
 * folder; it names the boot, because until the disk has everything (which is not waited for, but noted in the marker once it
 * is so) only the memory of this boot vouches for the folder: after a power cut such a build counts as absent, and is made anew.
 */
import { readFileSync, renameSync, statSync } from 'node:fs';
import { mkdir, open, readdir, readFile, realpath, rm, stat, statfs } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { BuildId, DesiredService } from '@mainstay/contract/desired-state';
import { AppError, invalidInput } from '@mainstay/contract/errors';
import { ServiceName } from '@mainstay/contract/stack';
import { type Clock, systemClock } from '@mainstay/runtime/clock';
import { type Exec, systemExec } from '@mainstay/runtime/exec';
import { createGit } from '@mainstay/runtime/git';
import { type Logger, silentLogger } from '@mainstay/runtime/log';
import { readBootId } from '../supervisor/proc.ts';
import { createMirrors } from './mirror.ts';
import type { SyncOutcome, Workspace } from './workspace.ts';

/** A checkout ends when the file system has less room than this. */
const free_bytes_min = 256 * 1024 * 1024;
const disk_interval_ms = 500;
const sync_timeout_ms = 600_000;

export type GitWorkspaceOptions = {
  /** The agent's home; made when it is not there. */
  home: string;
  clock?: Clock;
  exec?: Exec;
  log?: Logger;
  /** Bytes that the file system must keep free; 256 MiB unless told otherwise. */
  free_bytes_min?: number;
};

type Failed = Extract<SyncOutcome, { ok: false }>;

export function createGitWorkspace(options: GitWorkspaceOptions): Workspace {
  const { home, clock = systemClock, exec = systemExec, log = silentLogger() } = options;
  const free_min = options.free_bytes_min ?? free_bytes_min;
  const builds = join(home, 'builds');
  const repositories = join(home, 'repositories');
  const boot_id = readBootId();
  /** The commit of each build that stands, so that a late note about one that was removed meanwhile is dropped. */
  const committed = new Map<string, symbol>();
  const mirrors = createMirrors({ folder: repositories, git: createGit({ folder: join(home, 'git'), exec }) });

  const buildPath = (build_id: string) =>
    join(builds, check(BuildId.safeParse(build_id).success, build_id, 'build_id'));
  const markerPath = (build_id: string) => `${buildPath(build_id)}.whole`;
  const dataPath = (service: string) =>
    join(home, 'data', check(ServiceName.safeParse(service).success, service, 'service'));

  async function freeBytes(): Promise<number> {
    const { bavail, bsize } = await statfs(home);
    return bavail * bsize;
  }

  /** Removes a folder, also one in which a build made folders read-only. */
  async function removeTree(path: string): Promise<void> {
    try {
      await rm(path, { recursive: true, force: true });
    } catch {
      await exec(['chmod', '-R', 'u+rwX', '--', path], { timeout_ms: 60_000 });
      await rm(path, { recursive: true, force: true });
    }
  }

  async function removeBuild(build_id: string): Promise<void> {
    committed.delete(build_id);
    await rm(markerPath(build_id), { force: true });
    await rm(`${buildPath(build_id)}.index`, { force: true });
    await removeTree(join(builds, `.tmp-${build_id}`));
    await removeTree(buildPath(build_id));
  }

  /** Nothing comes between the look whether the build is still the one that was committed, and the rename. */
  async function writeMarker(build_id: string, commit: symbol, is_synced: boolean): Promise<void> {
    const temporary = `${markerPath(build_id)}.new`;
    const file = await open(temporary, 'w', 0o600);
    try {
      await file.writeFile(JSON.stringify({ boot_id, is_synced }));
      await file.sync();
    } finally {
      await file.close();
    }
    if (committed.get(build_id) === commit) renameSync(temporary, markerPath(build_id));
    else await rm(temporary, { force: true });
  }

  async function hasBuild(build_id: string): Promise<boolean> {
    try {
      // Not by the pool of threads: these are looked at again and again, and each turn there wakes two of them (ADR 0030).
      const marker = JSON.parse(readFileSync(markerPath(build_id), 'utf8'));
      if (marker.boot_id !== boot_id && marker.is_synced !== true) return false;
      return statSync(buildPath(build_id)).isDirectory();
    } catch (error) {
      if (error instanceof AppError) throw error;
      return false;
    }
  }

  /** Notes, once it is so, that the build is on disk. Only a power cut before it costs the build. */
  async function noteSynced(build_id: string, commit: symbol): Promise<void> {
    const result = await exec(['sync', '--file-system', buildPath(build_id)], { timeout_ms: sync_timeout_ms });
    if (result.code === 0 && committed.get(build_id) === commit) await writeMarker(build_id, commit, true);
  }

  async function locate(build_id: string, root: string): Promise<SyncOutcome> {
    const checkout = buildPath(build_id);
    const named = `"${root}" (\`source.root\`)`;
    try {
      const outer = await realpath(checkout);
      const inner = await realpath(join(outer, root));
      if (inner !== outer && !inner.startsWith(outer + sep)) {
        return failed(
          `The root directory ${named} leads outside of the repository.`,
          'Name a folder inside it; symlinks may not leave it.',
        );
      }
      if ((await stat(inner)).isDirectory())
        return { ok: true, checkout, directory: join(checkout, inner.slice(outer.length)) };
      return failed(`The root directory ${named} is a file.`, 'Name the folder that holds the service.');
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code !== 'ENOENT' && code !== 'ENOTDIR' && code !== 'ELOOP') throw error;
      log.debug({ err: message, build_id }, 'a root directory is not there');
      return failed(
        `The root directory ${named} is not in the commit.`,
        'Check its spelling; it is relative to the repository.',
      );
    }
  }

  async function notesOn(checkout: string): Promise<string[]> {
    const notes: string[] = [];
    const read = (file: string) => readFile(join(checkout, file), 'utf8').catch(() => null);
    if ((await read('.gitmodules')) !== null) {
      notes.push('This repository has submodules (.gitmodules). They are not fetched: their folders are empty.');
    }
    if (/\bfilter=lfs\b/.test((await read('.gitattributes')) ?? '')) {
      notes.push('This repository uses Git LFS (.gitattributes). Its large files are not fetched: they are pointers.');
    }
    return notes;
  }

  async function watchDisk(full: AbortController, done: AbortSignal): Promise<void> {
    while (!done.aborted) {
      if ((await freeBytes()) < free_min) return full.abort();
      await clock.sleep(disk_interval_ms, done);
    }
  }

  async function fill(
    build_id: string,
    source: DesiredService['source'],
    credential: Parameters<Workspace['checkout']>[2],
    signal: AbortSignal,
  ): Promise<SyncOutcome> {
    const checkout = buildPath(build_id);
    await removeBuild(build_id);
    await mkdir(repositories, { recursive: true, mode: 0o700 });
    await mkdir(checkout, { recursive: true, mode: 0o700 });
    const outcome = await mirrors.exclusively(source.git, async () => {
      if (signal.aborted) return failed('The checkout was ended, because it is no longer wanted.', null);
      const fetched = await mirrors.fetch(source, credential, signal);
      return fetched.ok ? mirrors.writeOut(source, checkout, signal) : fetched;
    });
    if (!outcome.ok) return outcome;
    const located = await locate(build_id, source.root);
    if (!located.ok) return located;
    const notes = await notesOn(checkout);
    for (const note of notes) log.warn({ build_id }, note);
    return { ...located, notes };
  }

  return {
    hasBuild,
    locate,
    freeBytes,
    async checkout(build_id, source, credential, signal) {
      const parsed = DesiredService.shape.source.safeParse(source);
      if (!parsed.success) {
        const error = invalidInput(parsed.error, 'source');
        return failed(error.message, error.hint ?? null);
      }
      const full = new AbortController();
      const done = new AbortController();
      const watching = watchDisk(full, done.signal).catch((error: unknown) => {
        log.warn({ err: error }, 'free disk space cannot be read');
      });
      try {
        await mkdir(builds, { recursive: true, mode: 0o700 });
        const outcome = await fill(build_id, source, credential, AbortSignal.any([signal, full.signal]));
        if (outcome.ok) return outcome;
        // Git does not always say why it could not write.
        const is_full = full.signal.aborted || (await freeBytes()) < free_min;
        await removeBuild(build_id);
        return is_full ? diskFull() : outcome;
      } catch (error) {
        await removeBuild(build_id);
        if (error instanceof AppError) return failed(error.message, error.hint ?? null);
        if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return diskFull();
        throw error;
      } finally {
        done.abort();
        await watching;
      }
    },
    describeCommit: (source, signal) =>
      mirrors.exclusively(source.git, () => mirrors.describe(DesiredService.shape.source.parse(source), signal)),
    async commitBuild(build_id) {
      if (await hasBuild(build_id)) return;
      if (!(await stat(buildPath(build_id)).catch(() => null))?.isDirectory()) {
        throw new AppError('NotFound', `Build ${build_id} was not checked out, so it cannot be made whole.`);
      }
      const commit = Symbol(build_id);
      committed.set(build_id, commit);
      await writeMarker(build_id, commit, false);
      noteSynced(build_id, commit).catch((error: unknown) =>
        log.warn({ err: error, build_id }, 'a build could not be synced'),
      );
    },
    discardBuild: removeBuild,
    async prune(keep) {
      const ids = new Set<string>();
      for (const name of await readdir(builds).catch(() => [])) {
        const id = /bld_[0-9a-f]{24}/.exec(name)?.[0];
        if (id !== undefined && !keep.build_ids.has(id)) ids.add(id);
      }
      for (const id of ids) await removeBuild(id);
      return [...ids, ...(await mirrors.prune(keep.urls))];
    },
    async dataDirectory(service) {
      await mkdir(dataPath(service), { recursive: true, mode: 0o700 });
      return dataPath(service);
    },
    async deleteData(service) {
      await removeTree(dataPath(service));
    },
  };
}

function failed(message: string, hint: string | null): Failed {
  return { ok: false, message, hint };
}

function diskFull(): Failed {
  return failed(
    'The disk of the server is full: the source cannot be checked out.',
    'Free disk space on the server, and deploy again.',
  );
}

function check(is_valid: boolean, value: string, field: string): string {
  if (is_valid) return value;
  throw new AppError('InvalidInput', `"${value.slice(0, 100)}" is not a valid ${field}.`, { field });
}
