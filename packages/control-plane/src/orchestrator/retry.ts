/** When a step that failed is tried again: by the code of its error, with exponential backoff and jitter. */
import { AppError, type ErrorCode, isRetryable } from '@mainstay/contract/errors';

export type RetryRule = {
  /** Tries after the first one. 0 to `retries_max`. */
  retries: number;
  /** Before the second try; each further wait is `factor` times as long, up to `delay_ms_max`. */
  first_ms?: number;
  factor?: number;
};

/** By error code; `default` is for codes that the contract calls retryable and that have no rule of their own. */
export type RetryRules = { [Code in ErrorCode | 'default']?: RetryRule };

export const retries_max = 100;
export const delay_ms_max = 3_600_000;
/** 10 s, 20 s, 40 s. */
const usual: Required<RetryRule> = { retries: 3, first_ms: 10_000, factor: 2 };
/** A wait is up to this share longer or shorter, so that what failed together is not tried together. */
const jitter = 0.1;

/**
 * Milliseconds until the next try, or null when the step has failed for good.
 * @param failures How often it has failed, this time included. @param random 0 to 1.
 */
export function retryDelay(
  rules: RetryRules | undefined,
  code: ErrorCode,
  failures: number,
  random: number,
): number | null {
  const rule = rules?.[code] ?? (isRetryable(code) ? (rules?.default ?? usual) : null);
  if (!rule || failures > Math.min(rule.retries, retries_max)) return null;
  const base = (rule.first_ms ?? usual.first_ms) * (rule.factor ?? usual.factor) ** (failures - 1);
  return Math.round(Math.min(base, delay_ms_max) * (1 - jitter + 2 * jitter * random));
}

/** What a step threw, as an error of the contract. Anything else than an AppError is a fault of ours: Internal, not tried again. */
export function stepError(cause: unknown): AppError {
  if (cause instanceof AppError) return cause;
  const text = cause instanceof Error ? cause.message : String(cause);
  return new AppError('Internal', text.slice(0, 2_000) || 'The step failed without saying why.', { cause });
}
