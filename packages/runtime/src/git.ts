/**
 * Running git on URLs that people gave. What it may do, and how a credential reaches it, is git/environment.ts; what its
 * failures mean to a person is git/errors.ts. Time and what is kept of its output are bounded.
 */
import type { Exec, ExecResult } from './exec.ts';
import type { GitRemote } from './git/credentials.ts';
import { createGitEnvironment } from './git/environment.ts';

export * from './git/credentials.ts';
export * from './git/errors.ts';

export type GitOptions = {
  /** What is to be reached; without it git runs without the network's variables, and without a credential. */
  remote?: GitRemote;
  cwd?: string;
  /** Variables in addition to those of the environment. */
  env?: Record<string, string>;
  stdin?: string;
  /** Milliseconds. */
  timeout_ms: number;
  signal?: AbortSignal;
};

/** Runs git with the given arguments; whoever calls it puts `--` before what people gave. */
export type Git = (args: readonly string[], options: GitOptions) => Promise<ExecResult>;

const output_bytes_max = 4 * 1024 * 1024;

/** Git with the files of its environment in `folder`, which is made; one at a time may use a folder. */
export function createGit({ folder, exec }: { folder: string; exec: Exec }): Git {
  const environment = createGitEnvironment(folder);
  return (args, { remote, env, ...options }) => {
    const run = (variables: Record<string, string>) =>
      exec(['git', ...args], { ...options, env: { ...variables, ...env }, output_bytes_max });
    return remote ? environment.withAccess(remote, run) : run(environment.local);
  };
}
