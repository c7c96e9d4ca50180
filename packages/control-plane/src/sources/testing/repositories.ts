/** Repositories for tests: in memory for detectors, and real ones of Git for what fetches them. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ServiceProposal } from '@mainstay/contract/operations/sources';
import { StackSpec, type StackSpecInput } from '@mainstay/contract/stack';
import type { RepositoryView } from '../detect/view.ts';
import { proposeServices } from '../propose.ts';

export type Files = Record<string, string>;

/** @param unreadable Files that are there and cannot be read, being too large or no text. */
export function viewOf(files: Files, unreadable: readonly string[] = []): RepositoryView {
  return {
    paths: [...Object.keys(files), ...unreadable],
    read: async (path) => (Object.hasOwn(files, path) ? files[path]! : null),
  };
}

/** What is proposed for these files; what breaks the contract, or cannot be a stack, throws. */
export async function proposed(files: Files, root = '', unreadable: readonly string[] = []) {
  const found = await proposeServices(viewOf(files, unreadable), 'shop', root);
  for (const proposal of found.proposals) ServiceProposal.parse(proposal);
  if (found.proposals.length > 0) StackSpec.parse(specOf(found.proposals));
  return found;
}

/** The one service that is proposed for these files. */
export async function onlyProposal(files: Files, root = ''): Promise<ServiceProposal> {
  const { proposals, notes } = await proposed(files, root);
  if (proposals.length !== 1)
    throw new Error(`${JSON.stringify(proposals.map(({ name }) => name))} ${notes.join(' ')}`);
  return proposals[0]!;
}

/** The stack that a person gets who takes every proposal as it is, but for fixed ports, which may collide. */
export function specOf(proposals: readonly ServiceProposal[], git = '/repository'): StackSpecInput {
  const services = proposals.map(({ name, root, build, run, health, route, env }) => [
    name,
    {
      source: { git, root: root ?? '.' },
      ...(build ? { build: build.value } : {}),
      run: run?.value ?? 'true',
      ...(route ? { route: { prefix: route.prefix, strip: route.strip } } : {}),
      health: health.value === null ? { type: 'tcp' } : { path: health.value },
      secrets: env.filter(({ secret }) => secret).map((variable) => variable.name),
      env: Object.fromEntries(
        env.filter(({ secret }) => !secret).map((variable) => [variable.name, variable.example ?? '']),
      ),
    },
  ]);
  return { services: Object.fromEntries(services) };
}

export type GitRepository = {
  path: string;
  git(...args: string[]): string;
  /** Writes files (null: a symlink to /etc/passwd) and commits everything. Gives the commit. */
  commit(files: Record<string, string | Buffer | null>, message?: string): string;
  /** Writes a file, and commits nothing. */
  write(file: string, text: string): void;
  remove(): void;
};

export function makeGitRepository(init: readonly string[] = [], around = tmpdir()): GitRepository {
  const path = mkdtempSync(join(around, 'mainstay-sources-test-'));
  const git = (...args: string[]) =>
    execFileSync('git', ['-C', path, '-c', 'user.name=Ada', '-c', 'user.email=ada@example.org', ...args], {
      encoding: 'utf8',
      env: { PATH: process.env['PATH'], HOME: path, GIT_CONFIG_NOSYSTEM: '1', GIT_ALLOW_PROTOCOL: 'file' },
      stdio: 'pipe',
    }).trim();
  git('init', '--quiet', '--initial-branch=main', ...init);
  return {
    path,
    git,
    commit(files, message = 'A change') {
      for (const [name, content] of Object.entries(files)) {
        mkdirSync(dirname(join(path, name)), { recursive: true });
        if (content === null) symlinkSync('/etc/passwd', join(path, name));
        else writeFileSync(join(path, name), content);
      }
      git('add', '--all', '--force');
      git('commit', '--quiet', '--allow-empty', '--message', message);
      return git('rev-parse', 'HEAD');
    },
    write: (file, text) => writeFileSync(join(path, file), text),
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
}
