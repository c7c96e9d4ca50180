/**
 * A bound on the work of judging, for policies and cases that somebody sends to try them: globs and windows can be made so that a small
 * request takes hours. Counted in steps, not in time, so that the same request ends the same way on every machine. What the
 * keeper itself decides by its own files is not bounded here.
 */
import { AppError } from '@mainstay/contract/errors';

let left = Number.POSITIVE_INFINITY;

/** Does synchronous work that may take so many steps. @throws AppError TooLarge when it would take more. */
export function withinSteps<T>(steps_max: number, work: () => T): T {
  left = steps_max;
  try {
    return work();
  } finally {
    left = Number.POSITIVE_INFINITY;
  }
}

/** Some steps are about to be taken. */
export function spend(steps: number): void {
  left -= steps;
  if (left >= 0) return;
  throw new AppError('TooLarge', 'Trying these cases takes too long: too many of them, or globs with too many stars.', {
    field: 'cases',
    hint: 'Try fewer cases at once, and write globs with fewer stars.',
  });
}
