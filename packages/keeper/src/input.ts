/** Input of the keeper's methods, checked again here whatever the caller has checked. */
import { invalidInput } from '@mainstay/contract/errors';
import type * as z from 'zod';

/** @throws AppError InvalidInput that names the field. */
export function parsed<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const result = schema.safeParse(value);
  if (!result.success) throw invalidInput(result.error);
  return result.data;
}
