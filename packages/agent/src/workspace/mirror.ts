/**
 * The bare mirrors that commits are fetched into, one a URL. They are a cache: nothing depends on one but speed, so a mirror
 * that is at fault, or has seen many commits, is simply thrown away. All work on one mirror is done one after the other.
 */
import { createHash } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DesiredService } from '@mainstay/contract/desired-state';
import type { ExecResult } from '@mainstay/runtime/exec';
import { explainGitFailure, explainMisfit, type Git, type GitCredential, type GitFailure } from '@mainstay/runtime/git';
import { commitFormat, parseCommitText } from './commit-text.ts';
import type { CommitText } from './workspace.ts';

export const fetch_timeout_ms = 300_000;
const local_timeout_ms = 120_000;
/** A mirror is made anew when it holds more commits than this, so that it cannot grow for ever. */
const commits_max = 50;
/** What errors call the place where this runs. */
const machine = 'the server';

type Source = DesiredService['source'];

export type FetchOutcome = { ok: true } | ({ ok: false } & Omit<GitFailure, 'kind'>);

export type Mirrors = {
  /** Runs something while nothing else works on the mirror of the URL. */
  exclusively<T>(url: string, run: () => Promise<T>): Promise<T>;
  /** Makes sure that the commit is in the mirror, whole. */
  fetch(source: Source, credential: GitCredential | null, signal: AbortSignal): Promise<FetchOutcome>;
  /** Writes the files of the commit, real copies, into an empty folder. */
  writeOut(source: Source, folder: string, signal: AbortSignal): Promise<FetchOutcome>;
  /** What the commit says of itself; null when the mirror does not have it. */
  describe(source: Source, signal: AbortSignal): Promise<CommitText | null>;
  /** Removes the mirrors of all other URLs. Gives their names. */
  prune(urls: ReadonlySet<string>): Promise<string[]>;
};

export function createMirrors({ folder, git }: { folder: string; git: Git }): Mirrors {
  const queues = new Map<string, Promise<unknown>>();
  const pathOf = (url: string) => join(folder, mirrorName(url));

  const local = (url: string, args: string[], signal: AbortSignal, env: Record<string, string> = {}) =>
    git([`--git-dir=${pathOf(url)}`, ...args], { env, timeout_ms: local_timeout_ms, signal });

  const exclusively = async <T>(name: string, run: () => Promise<T>): Promise<T> => {
    const before = queues.get(name) ?? Promise.resolve();
    const turn = before.then(run, run);
    const settled = turn.catch(() => {});
    queues.set(name, settled);
    void settled.then(() => {
      if (queues.get(name) === settled) queues.delete(name);
    });
    return turn;
  };

  async function init({ git: url, commit }: Source, signal: AbortSignal): Promise<ExecResult> {
    const format = commit.length === 64 ? 'sha256' : 'sha1';
    const args = ['init', '--quiet', '--bare', `--object-format=${format}`, '--', pathOf(url)];
    return git(args, { timeout_ms: local_timeout_ms, signal });
  }

  async function has({ git: url, commit }: Source, signal: AbortSignal): Promise<boolean> {
    const result = await local(url, ['rev-parse', '--verify', '--quiet', `refs/mainstay/${commit}^{commit}`], signal);
    return result.code === 0 && result.stdout.trim() === commit;
  }

  /** From the cheapest way to the surest: the commit alone, its ref with history, everything. */
  function waysTo({ commit, ref }: Source): { depth: string[]; refspecs: string[]; fresh: boolean }[] {
    return [
      { depth: ['--depth=1'], refspecs: [`+${commit}:refs/mainstay/${commit}`], fresh: false },
      { depth: [], refspecs: [`+${ref}:refs/mainstay-ref`], fresh: false },
      // A shallow mirror would hide what is behind its edge.
      {
        depth: [],
        refspecs: ['+refs/heads/*:refs/mainstay-heads/*', '+refs/tags/*:refs/mainstay-tags/*'],
        fresh: true,
      },
    ];
  }

  async function fetchOnce(
    source: Source,
    credential: GitCredential | null,
    signal: AbortSignal,
  ): Promise<GitFailure | null> {
    const { git: url, commit } = source;
    const remote = { url, credential };
    const misfit = explainMisfit(remote);
    if (misfit) return { kind: 'final', ...misfit };
    const attempt = { ...remote, machine, wanted: `Commit ${commit}`, timeout_ms: fetch_timeout_ms };
    let failure: GitFailure | null = null;
    for (const { depth, refspecs, fresh } of waysTo(source)) {
      if (fresh) await rm(pathOf(url), { recursive: true, force: true });
      const made = await init(source, signal);
      if (made.code !== 0) return explainGitFailure(made, attempt);
      const options = ['--quiet', '--no-tags', '--no-recurse-submodules', '--no-write-fetch-head'];
      const result = await git(
        [`--git-dir=${pathOf(url)}`, 'fetch', ...options, ...depth, '--end-of-options', url, ...refspecs],
        { remote, timeout_ms: fetch_timeout_ms, signal },
      );
      if (result.code === 0) {
        await local(url, ['update-ref', `refs/mainstay/${commit}`, commit], signal);
        if (await has(source, signal)) return null;
        failure ??= explainGitFailure({ ...result, stderr: 'not our ref' }, attempt);
        continue;
      }
      const reason = explainGitFailure(result, attempt);
      if (reason.kind !== 'absent') return reason;
      failure = reason;
    }
    return failure;
  }

  return {
    exclusively: (url, run) => exclusively(mirrorName(url), run),
    async fetch(source, credential, signal) {
      if (await has(source, signal)) return { ok: true };
      const kept = await readdir(join(pathOf(source.git), 'refs', 'mainstay')).catch(() => []);
      if (kept.length >= commits_max) await rm(pathOf(source.git), { recursive: true, force: true });
      let failure = await fetchOnce(source, credential, signal);
      if (failure?.kind === 'broken') {
        await rm(pathOf(source.git), { recursive: true, force: true });
        failure = await fetchOnce(source, credential, signal);
      }
      return failure === null ? { ok: true } : { ok: false, message: failure.message, hint: failure.hint };
    },
    async writeOut(source, target, signal) {
      const index = `${target}.index`;
      try {
        for (const args of [
          ['read-tree', source.commit],
          [`--work-tree=${target}`, 'checkout-index', '--all', '--force'],
        ]) {
          const result = await local(source.git, args, signal, { GIT_INDEX_FILE: index });
          if (result.code === 0) continue;
          const { message, hint } = explainGitFailure(result, {
            url: source.git,
            credential: null,
            machine,
            timeout_ms: local_timeout_ms,
          });
          return { ok: false, message: message.replace(' fetched', ' checked out'), hint };
        }
        return { ok: true };
      } finally {
        await rm(index, { force: true });
      }
    },
    async describe({ git: url, commit }, signal) {
      const args = ['log', '--max-count=1', '--no-show-signature', `--format=${commitFormat}`, commit, '--'];
      const result = await local(url, args, signal);
      return result.code === 0 ? parseCommitText(result.stdout) : null;
    },
    async prune(urls) {
      const keep = new Set([...urls].map(mirrorName));
      const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.git') && !keep.has(name));
      for (const name of names) {
        await exclusively(name, () => rm(join(folder, name), { recursive: true, force: true }));
      }
      return names;
    },
  };
}

function mirrorName(url: string): string {
  return `${createHash('sha256').update(url).digest('hex').slice(0, 32)}.git`;
}
