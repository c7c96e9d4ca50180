/**
 * What a remote repository says of its refs, by `git ls-remote`: nothing is fetched. Bounded in time and in what is kept of
 * the answer; the errors are those of a deploy.
 */
import { limitsOfSources } from '@mainstay/contract/operations/sources';
import type { Git, GitCredential } from '@mainstay/runtime';
import { answer_within_ms, candidatesOf, commitPattern, noSuchRef, unavailable } from '../stacks/refs.ts';

export type Remote = {
  git: string;
  credential: GitCredential | null;
  run: Git;
  signal?: AbortSignal;
};

export type Ref = { name: string; commit: string };

export async function listRefs(remote: Remote) {
  const { refs_max } = limitsOfSources;
  const [default_branch, heads, tags] = await Promise.all([
    defaultBranch(remote),
    listed(remote, 'refs/heads/', ['ls-remote', '--heads', '--']),
    // The suffix after a dash makes a version older: v2.0.0-rc.1 comes before v2.0.0.
    listed(remote, 'refs/tags/', [
      '-c',
      'versionsort.suffix=-',
      'ls-remote',
      '--tags',
      '--sort=-version:refname',
      '--',
    ]),
  ]);
  const first = heads.refs.filter(({ name }) => name === default_branch?.name);
  const branches = [...first, ...heads.refs.filter(({ name }) => name !== default_branch?.name)];
  return {
    default_branch: first.length > 0 ? (default_branch?.name ?? null) : null,
    branches: branches.slice(0, refs_max),
    tags: tags.refs.slice(0, refs_max),
    truncated: heads.is_cut || tags.is_cut || branches.length > refs_max || tags.refs.length > refs_max,
  };
}

async function listed(
  remote: Remote,
  prefix: string,
  args: readonly string[],
): Promise<{ refs: Ref[]; is_cut: boolean }> {
  const { lines, is_cut } = await ask(remote, args, []);
  const commits = new Map<string, string>();
  for (const [commit, full] of lines) {
    if (!full.startsWith(prefix) || !commitPattern.test(commit)) continue;
    // `^{}` is the commit behind an annotated tag.
    const name = full.slice(prefix.length).replace(/\^\{\}$/, '');
    if (full.endsWith('^{}') || !commits.has(name)) commits.set(name, commit);
  }
  return { refs: [...commits].map(([name, commit]) => ({ name, commit })), is_cut };
}

/** The branch that HEAD means; null where there is none. */
export async function defaultBranch(remote: Remote): Promise<Ref | null> {
  const { lines } = await ask(remote, ['ls-remote', '--symref', '--'], ['HEAD']);
  const name = lines
    .map(([target]) => /^ref: refs\/heads\/(.+)$/.exec(target)?.[1])
    .find((found) => found !== undefined);
  const commit = lines.find(([target, full]) => full === 'HEAD' && commitPattern.test(target))?.[0];
  return name !== undefined && commit !== undefined ? { name, commit } : null;
}

/** A branch or tag by its full name, as git understands a short one. Rejects with SourceUnavailable where there is none. */
export async function findRef(remote: Remote, ref: string): Promise<Ref> {
  const candidates = candidatesOf(ref);
  const { lines } = await ask(remote, ['ls-remote', '--'], candidates);
  const commits = new Map(lines.map(([commit, full]) => [full, commit]));
  const name = candidates.find((candidate) => commits.has(candidate));
  if (name === undefined) throw noSuchRef({ git: remote.git, ref, field: '' });
  return { name: name.replace(/\^\{\}$/, ''), commit: commits.get(name)! };
}

type Answer = { lines: [first: string, full: string][]; is_cut: boolean };

async function ask(remote: Remote, args: readonly string[], patterns: readonly string[]): Promise<Answer> {
  const { git: url, credential, signal } = remote;
  const options = { remote: { url, credential }, timeout_ms: answer_within_ms, ...(signal ? { signal } : {}) };
  const result = await remote.run([...args, url, ...patterns], options);
  if (result.code !== 0) throw unavailable(result, { ...remote, field: '' });
  // What the runner kept of a longer answer ends within a line.
  const is_cut = result.stdout !== '' && !result.stdout.endsWith('\n');
  const whole = is_cut ? result.stdout.slice(0, result.stdout.lastIndexOf('\n') + 1) : result.stdout;
  const lines = whole.split('\n').flatMap((line) => {
    const parts = line.split('\t');
    return parts.length === 2 ? [[parts[0]!, parts[1]!] as [string, string]] : [];
  });
  return { lines, is_cut };
}
