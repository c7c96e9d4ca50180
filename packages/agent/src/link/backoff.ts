/** Waiting times between attempts: exponential, with full jitter, bounded. */
export type Backoff = {
  /** Milliseconds until the next attempt; each call doubles the bound. */
  next(): number;
  reset(): void;
};

export type BackoffOptions = { first_ms?: number; max_ms?: number; random?: () => number };

export function createBackoff({ first_ms = 500, max_ms = 30_000, random = Math.random }: BackoffOptions = {}): Backoff {
  let bound_ms = first_ms;
  return {
    next() {
      // At least a quarter of it, so that a crowd of agents does not come back in one wave, nor one agent at once.
      const wait_ms = bound_ms * (0.25 + 0.75 * random());
      bound_ms = Math.min(bound_ms * 2, max_ms);
      return wait_ms;
    },
    reset: () => {
      bound_ms = first_ms;
    },
  };
}
