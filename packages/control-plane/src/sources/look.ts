/** One look at a repository: its bounds, and git run within them in a folder that is gone afterwards. */
import { AppError } from '@mainstay/contract/errors';
import type { ExecResult } from '@mainstay/runtime';
import type { Remote } from './remote.ts';

export const snapshotLimits = {
  time_ms: 30_000,
  fetched_bytes_max: 256 * 1024 * 1024,
  entries_max: 20_000,
  depth_max: 6,
  file_bytes_max: 256 * 1024,
  files_read_max: 200,
} as const;

export type SnapshotLimits = { [Name in keyof typeof snapshotLimits]: number };

/** One look at one repository: what its steps share. */
export type Look = {
  remote: Remote;
  folder: string;
  limits: SnapshotLimits;
  /** Milliseconds that are left. */
  left: () => number;
};

/** Runs git in the folder of the look, for as long as time is left. */
export async function inFolder(
  look: Look,
  args: readonly string[],
  is_remote = false,
  stop?: AbortSignal,
): Promise<ExecResult> {
  const { git: url, credential, signal } = look.remote;
  const signals = [signal, stop].filter((given) => given !== undefined);
  const result = await look.remote.run(args, {
    cwd: look.folder,
    timeout_ms: look.left(),
    ...(is_remote ? { remote: { url, credential } } : {}),
    ...(signals.length > 0 ? { signal: AbortSignal.any(signals) } : {}),
  });
  if (result.killed === 'timeout') throw tooSlow(look.remote, look.limits);
  return result;
}

/** The error when the time is up. */
export function tooSlow(remote: Remote, limits: SnapshotLimits): AppError {
  return new AppError('SourceUnavailable', `${remote.git} could not be looked at within ${limits.time_ms / 1_000} s.`, {
    field: 'git',
    hint: 'Try again; if it is too large for that, it can be deployed all the same: write the stack file yourself.',
  });
}
