/** Exit codes: the one place where error codes and exit codes meet. docs/reference/cli.md is made from this table. */
import type { ErrorCode } from '@mainstay/contract/errors';

export const exitCodes = {
  ok: 0,
  /** The operation ended, and did not succeed; or `status` found something that is not healthy. */
  failed: 1,
  /** The operation waits for people; nothing was done yet. */
  waiting: 8,
  /** Ctrl-C: the command stopped, and what it watched goes on. */
  interrupted: 130,
} as const;

export const exitCodeOfError = {
  InvalidInput: 2,
  TooLarge: 2,
  Unauthenticated: 3,
  Forbidden: 3,
  NotFound: 4,
  Conflict: 5,
  Unavailable: 6,
  Timeout: 6,
  RateLimited: 6,
  SourceUnavailable: 7,
  Internal: 70,
} as const satisfies Record<ErrorCode, number>;

/** What each exit code tells a script. */
export const exitCodeMeanings: readonly (readonly [code: number, meaning: string])[] = [
  [0, 'It succeeded; for `status`, everything is healthy.'],
  [1, 'The operation was carried out and did not succeed; for `status` and `plan --check`, see those commands.'],
  [2, 'The command line, the stack file or a value is not acceptable (`InvalidInput`, `TooLarge`).'],
  [3, 'Not signed in, or not allowed (`Unauthenticated`, `Forbidden`).'],
  [4, 'There is no such thing (`NotFound`).'],
  [5, 'It contradicts the present state (`Conflict`).'],
  [6, 'Not possible at the moment; the same command may work later (`Unavailable`, `Timeout`, `RateLimited`).'],
  [7, 'A Git repository, ref or credential could not be used (`SourceUnavailable`).'],
  [8, 'The operation waits for people (an approval, a confirmation, a maintenance window): nothing was done yet.'],
  [70, 'A fault in Mainstay (`Internal`).'],
  [130, 'Interrupted with Ctrl-C; an operation that was under way goes on.'],
];
