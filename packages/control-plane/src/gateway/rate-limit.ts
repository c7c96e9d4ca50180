/** A bound on guessing: so many tries a minute for one purpose, over all callers, refilled steadily. */
import { AppError } from '@mainstay/contract/errors';
import type { Clock } from '@mainstay/runtime';

export function createRateLimit(clock: Clock, per_minute_max: number): { take(): void } {
  let tokens = per_minute_max;
  let at = clock.now();
  return {
    take() {
      const now = clock.now();
      tokens = Math.min(per_minute_max, tokens + ((now - at) / 60_000) * per_minute_max);
      at = now;
      if (tokens < 1) throw new AppError('RateLimited', 'Too many tries.', { hint: 'Wait a minute, and try again.' });
      tokens -= 1;
    },
  };
}
