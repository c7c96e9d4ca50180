/** Refusals: the errors by which the control plane says no, caught so that a test can look at them. */
import { AppError } from '@mainstay/contract/errors';
import { expect } from 'vitest';

/** The error that something is refused with; fails the test when it is not refused. */
export async function refusal(work: Promise<unknown>): Promise<AppError> {
  const error = await work.then(
    () => null,
    (caught: unknown) => caught,
  );
  expect(error).toBeInstanceOf(AppError);
  return error as AppError;
}
