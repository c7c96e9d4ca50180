/** Errors on the wire: the schema of what every interface shows of one (the error itself is in app-error.ts). */
import * as z from 'zod';
import { AppError, type ErrorCode, errorCodes } from './app-error.ts';

export { AppError, type AppErrorOptions, type ErrorCode, errorCodes, isRetryable } from './app-error.ts';

export const ErrorCodeSchema = z.enum(Object.keys(errorCodes) as [ErrorCode, ...ErrorCode[]]);

/** What every interface shows of an error. `field` is a path such as `spec.services.api.port`. */
export const ErrorBody = z
  .object({
    code: ErrorCodeSchema,
    message: z.string(),
    hint: z.string().optional().describe('What to do next.'),
    field: z.string().optional().describe('Path of the input field at fault, dots between names.'),
    correlation_id: z.string().optional(),
  })
  .meta({ id: 'Error' });
export type ErrorBody = z.infer<typeof ErrorBody>;

/** Turns the first problem that Zod found into an error that names the field and the fix. */
export function invalidInput(error: z.ZodError, prefix = ''): AppError {
  const issue = error.issues[0];
  if (!issue) return new AppError('InvalidInput', 'The input is not valid.');
  const path = [prefix, ...issue.path.map(String)].filter((part) => part !== '');
  if (issue.code === 'unrecognized_keys') {
    const field = [...path, issue.keys[0] ?? ''].join('.');
    return new AppError('InvalidInput', `Unknown field ${quote(field)}.`, {
      field,
      hint: 'Remove it, or check its spelling against the reference.',
    });
  }
  const field = path.join('.') || undefined;
  const more = error.issues.length > 1 ? ` (and ${error.issues.length - 1} more)` : '';
  const at = field ? `${quote(field)}: ` : '';
  // Of a name that may not stand there, the rule that it breaks says more than that it may not.
  const message = issue.code === 'invalid_key' ? (issue.issues[0]?.message ?? issue.message) : issue.message;
  return new AppError('InvalidInput', `${at}${message}${more}`, { field, cause: error });
}

function quote(text: string): string {
  return `"${text.slice(0, 200)}"`;
}
