/**
 * The one error of Mainstay. It is free of transports: the gateway maps a code to an HTTP status once, the CLI maps it
 * to an exit code once, and MCP carries it as it is.
 *
 * A message says what was tried, what went wrong and what to do next. Secrets never enter one. This module loads no
 * schemas, so that a page that only shows errors need not carry them.
 */

/** The closed set of error codes, with what each means to the caller. */
export const errorCodes = {
  InvalidInput: 'The request is not of the documented shape, or a value is not acceptable.',
  Unauthenticated: 'Nobody is signed in, or the token is unknown, expired or revoked.',
  Forbidden: 'The actor is known but may not do this.',
  NotFound: 'The named thing does not exist.',
  Conflict: 'The request contradicts the present state; look again and repeat.',
  SourceUnavailable: 'A Git repository, ref or credential could not be used.',
  TooLarge: 'The request is larger than the documented bound.',
  RateLimited: 'Too many requests; wait and repeat.',
  Unavailable: 'Mainstay cannot do this at the moment (storage full or locked, shutting down); repeat later.',
  Timeout: 'The time allowed for this ran out.',
  Internal: 'A fault in Mainstay. The correlation id finds it in the log.',
} as const;

export type ErrorCode = keyof typeof errorCodes;
/** What every interface shows of an error; its schema is in errors.ts. */
export type ErrorBody = {
  code: ErrorCode;
  message: string;
  /** What to do next. */
  hint?: string | undefined;
  /** Path of the input field at fault, dots between names, such as `spec.services.api.port`. */
  field?: string | undefined;
  correlation_id?: string | undefined;
};

export type AppErrorOptions = { hint?: string; field?: string; correlation_id?: string; cause?: unknown };

export class AppError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly field: string | undefined;
  /** Set where the error came over the wire: it finds the request in the other side's log. */
  readonly correlation_id: string | undefined;

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.hint = options.hint;
    this.field = options.field;
    this.correlation_id = options.correlation_id;
  }

  toBody(correlation_id: string | undefined = this.correlation_id): ErrorBody {
    const body: ErrorBody = { code: this.code, message: this.message };
    if (this.hint !== undefined) body.hint = this.hint;
    if (this.field !== undefined) body.field = this.field;
    if (correlation_id !== undefined) body.correlation_id = correlation_id;
    return body;
  }

  static fromBody(body: ErrorBody): AppError {
    return new AppError(body.code, body.message, {
      hint: body.hint,
      field: body.field,
      correlation_id: body.correlation_id,
    });
  }
}

/** Whether the same request may succeed when it is repeated unchanged. */
export function isRetryable(code: ErrorCode): boolean {
  switch (code) {
    case 'RateLimited':
    case 'Unavailable':
    case 'Timeout':
    case 'SourceUnavailable':
      return true;
    case 'InvalidInput':
    case 'Unauthenticated':
    case 'Forbidden':
    case 'NotFound':
    case 'Conflict':
    case 'TooLarge':
    case 'Internal':
      return false;
  }
}
