/** Where errors leave the control plane: every one becomes the contract's Error body, with the status of its code. */
import { AppError, type ErrorBody } from '@mainstay/contract/errors';
import { httpStatus } from '@mainstay/contract/openapi';
import type { Logger } from '@mainstay/runtime';
import { correlationId } from '@mainstay/runtime';

export function errorResponse(error: unknown, log: Logger): Response {
  const known = error instanceof AppError ? error : null;
  if (!known || known.code === 'Internal') log.error({ err: error }, 'request failed');
  else if (known.code === 'Unavailable') log.warn({ err: error }, 'request failed');
  const shown =
    known ??
    new AppError('Internal', 'Something in Mainstay failed.', { hint: 'The correlation id finds it in the log.' });
  const body: ErrorBody = shown.toBody(correlationId());
  return Response.json(body, { status: httpStatus[shown.code] });
}
