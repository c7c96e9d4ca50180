/**
 * Refs become exact commits here, in the control plane, so that all servers run identical code. One `git ls-remote` per
 * repository, a few at once, each bounded in time; a full commit id is looked up by fetching it alone.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppError } from '@mainstay/contract/errors';
import { type ExecResult, explainGitFailure, type Git, type GitCredential } from '@mainstay/runtime';

export type RefRequest = {
  git: string;
  ref: string;
  credential: GitCredential | null;
  credential_name: string | null;
  /** Field in which the source stands; empty where its fields are those of the input. */
  field: string;
};

/** A full commit id, SHA-1 or SHA-256. */
export const commitPattern = /^([0-9a-f]{40}|[0-9a-f]{64})$/;
/** Milliseconds for one question to a remote. */
export const answer_within_ms = 20_000;
const repositories_at_once_max = 8;

/** The commit of every request, in order. Rejects with SourceUnavailable, naming the field, at the first that has none. */
export async function resolveRefs(requests: readonly RefRequest[], git: Git): Promise<string[]> {
  const groups = new Map<string, RefRequest[]>();
  for (const request of requests) {
    const key = JSON.stringify([request.git, request.credential_name]);
    groups.set(key, [...(groups.get(key) ?? []), request]);
  }
  const commits = new Map<RefRequest, string>();
  const waiting = [...groups.values()];
  const work = async () => {
    for (let group = waiting.shift(); group; group = waiting.shift()) await resolveGroup(group, git, commits);
  };
  await Promise.all(Array.from({ length: Math.min(repositories_at_once_max, waiting.length) }, work));
  return requests.map((request) => commits.get(request)!);
}

async function resolveGroup(group: RefRequest[], git: Git, commits: Map<RefRequest, string>): Promise<void> {
  const named = group.filter((request) => !commitPattern.test(request.ref));
  const [first] = named;
  if (first) {
    const patterns = [...new Set(named.flatMap(({ ref }) => candidatesOf(ref)))];
    const result = await git(['ls-remote', '--', first.git, ...patterns], reaching(first));
    if (result.code !== 0) throw unavailable(result, first);
    const found = new Map(
      result.stdout
        .split('\n')
        .map((line) => line.split('\t'))
        .filter((parts): parts is [string, string] => parts.length === 2 && commitPattern.test(parts[0]!))
        .map(([commit, name]) => [name, commit]),
    );
    for (const request of named) {
      const name = candidatesOf(request.ref).find((candidate) => found.has(candidate));
      if (!name) throw noSuchRef(request);
      commits.set(request, found.get(name)!);
    }
  }
  for (const request of group.filter((candidate) => commitPattern.test(candidate.ref))) {
    await checkCommit(request, git);
    commits.set(request, request.ref);
  }
}

/** Full names that a short one may mean, in the order of git; `^{}` is the commit behind an annotated tag. */
export function candidatesOf(ref: string): string[] {
  if (ref === 'HEAD') return ['HEAD'];
  if (ref.startsWith('refs/')) return [`${ref}^{}`, ref];
  return [`refs/heads/${ref}`, `refs/tags/${ref}^{}`, `refs/tags/${ref}`];
}

async function checkCommit(request: RefRequest, git: Git): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'mainstay-ref-'));
  try {
    const format = request.ref.length === 64 ? ['--object-format=sha256'] : [];
    const made = await git(['init', '--quiet', '--bare', ...format, folder], { timeout_ms: answer_within_ms });
    if (made.code !== 0) throw unavailable(made, request);
    const args = ['fetch', '--quiet', '--depth=1', '--filter=blob:none', '--', request.git, request.ref];
    const fetched = await git(args, { ...reaching(request), cwd: folder });
    if (fetched.code !== 0) throw unavailable(fetched, request, 'ref');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function reaching({ git: url, credential }: RefRequest) {
  return { remote: { url, credential }, timeout_ms: answer_within_ms };
}

type Named = Pick<RefRequest, 'git' | 'field'>;

export function noSuchRef({ git, ref, field }: Named & { ref: string }): AppError {
  return new AppError('SourceUnavailable', `${git} has no branch or tag "${ref}".`, {
    field: fieldIn(field, 'ref'),
    hint: 'Check its spelling, and that it was pushed. A commit must be given in full (40 digits).',
  });
}

/** What a failure of git on this source means to a person. */
export function unavailable(
  result: ExecResult,
  request: Named & Pick<RefRequest, 'credential'>,
  field: 'git' | 'ref' = 'git',
): AppError {
  const { message, hint } = explainGitFailure(result, {
    url: request.git,
    credential: request.credential,
    machine: 'the machine of the control plane',
    timeout_ms: answer_within_ms,
  });
  return new AppError('SourceUnavailable', message, {
    field: fieldIn(request.field, field),
    ...(hint ? { hint } : {}),
  });
}

function fieldIn(field: string, name: string): string {
  return field === '' ? name : `${field}.${name}`;
}
