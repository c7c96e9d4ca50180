/** How the end of a build is told to a person: one sentence, and what to do next. */
import type { BuildOutcome, BuildSpec } from './supervisor.ts';

export type BuildEnd =
  | { reason: 'exit'; code: number | null; signal: string | null }
  | { reason: 'timeout' | 'memory_limit' | 'process_limit' | 'disk_limit' | 'disk_full'; used: number }
  | { reason: 'cannot_start'; message: string; hint: string | null }
  | { reason: 'aborted' };

type Failure = Pick<Extract<BuildOutcome, { ok: false }>, 'reason' | 'message' | 'hint'>;

export function describeBuildEnd(end: BuildEnd, spec: BuildSpec): Failure {
  const { limits } = spec;
  const { reason } = end;
  switch (end.reason) {
    case 'exit':
      return {
        reason,
        message:
          end.code === null
            ? `The build was ended by ${end.signal ?? 'a signal'}.`
            : `The build command ended with exit code ${end.code}.`,
        hint:
          end.code === 127
            ? 'A program that it calls is not installed on the server; its last lines name it.'
            : end.signal === 'SIGKILL'
              ? 'The server may have run out of memory; free some, or lower `limits.build_memory_mb`.'
              : 'Its last lines say why; run the same command in a fresh clone to see it again.',
      };
    case 'timeout':
      return {
        reason,
        message: `The build was ended because it took longer than ${limits.build_timeout_seconds} s.`,
        hint: 'Raise `limits.build_timeout_seconds`, or look in its last lines for what it waits for.',
      };
    case 'memory_limit':
      return {
        reason,
        message: `The build was ended because it used ${mebibytes(end.used)} MiB of memory; ${limits.build_memory_mb} MiB are allowed.`,
        hint: 'Raise `limits.build_memory_mb`, or let the build do less at once.',
      };
    case 'process_limit':
      return {
        reason,
        message: `The build was ended because it ran ${end.used} processes at once; ${limits.build_processes} are allowed.`,
        hint: 'Raise `limits.build_processes` if it needs so many; otherwise it starts processes without end.',
      };
    case 'disk_limit':
      return {
        reason,
        message: `The build used ${mebibytes(end.used)} MiB of disk; ${limits.build_disk_mb} MiB are allowed.`,
        hint: 'Raise `limits.build_disk_mb`, or let the build write less.',
      };
    case 'disk_full':
      return {
        reason,
        message: `The build was ended because only ${mebibytes(end.used)} MiB of disk were left on the server.`,
        hint: 'Free disk space on the server, and deploy again.',
      };
    case 'cannot_start':
      return { reason, message: end.message, hint: end.hint };
    case 'aborted':
      return { reason, message: 'The build was ended before it was done, because it is no longer wanted.', hint: null };
  }
}

function mebibytes(bytes: number): number {
  return Math.ceil(bytes / 1024 / 1024);
}
