/**
 * Watching an instance that serves: checked at its interval, healthy and unhealthy by its thresholds.
 *
 * A service is restarted for bad health only after three times its unhealthy threshold in a row: one that is slow for a
 * moment under load would otherwise be killed by the very check that is to keep it up.
 */
import type { HealthObserved } from '@mainstay/contract/agent-api';
import type { Clock } from '@mainstay/runtime/clock';
import { stayListening } from '@mainstay/runtime/on-abort';
import { checkHealth, type HealthCheckSpec } from './check.ts';

/** Bad answers in a row, as a multiple of `unhealthy_threshold`, after which an instance is taken for hung. */
const hung_factor = 3;

/** Checks told of while one of them failed; while all went well, a few say the same, and a fleet of heartbeats stays small. */
const recent_max = 10;
const recent_good_max = 3;
const recent_message_max = 200;

export type HealthStatus = HealthObserved;

/** Of what is not watched. */
export const unknownHealth: HealthStatus = {
  state: 'unknown',
  checked_at: null,
  message: null,
  latency_ms: null,
  status: null,
  consecutive_failures: 0,
  recent: [],
};

export type HealthWatch = { status(): HealthStatus; stop(): void };

export type HealthWatchOptions = {
  clock: Clock;
  port: number;
  /** Asked before each check, so that a changed check applies without a restart. */
  health: () => HealthCheckSpec;
  /** It was found healthy when it was started. */
  healthy: boolean;
  onChange: (status: HealthStatus) => void;
  onHung: (message: string) => void;
};

export function watchHealth(options: HealthWatchOptions): HealthWatch {
  const { clock } = options;
  const ending = new AbortController();
  let good = 0;
  let bad = 0;
  let recent: HealthStatus['recent'] = [];
  let status: HealthStatus = options.healthy
    ? { ...unknownHealth, state: 'healthy', checked_at: clock.now() }
    : unknownHealth;

  const check = async () => {
    const health = options.health();
    const result = await checkHealth(health, options.port, ending.signal);
    if (ending.signal.aborted) return;
    good = result.ok ? good + 1 : 0;
    bad = result.ok ? 0 : bad + 1;
    const before = status.state;
    let state = before;
    if (result.ok && good >= health.healthy_threshold) state = 'healthy';
    if (!result.ok && bad >= health.unhealthy_threshold) state = 'unhealthy';
    const at = clock.now();
    const { ok, latency_ms } = result;
    const message = result.ok ? null : result.message.slice(0, 1_000);
    const entry = { at, ok, latency_ms, message: message?.slice(0, recent_message_max) ?? null };
    recent = [...recent, entry].slice(-recent_max);
    status = {
      state,
      checked_at: at,
      message,
      latency_ms,
      status: result.status,
      consecutive_failures: bad,
      recent: recent.every((check) => check.ok) ? recent.slice(-recent_good_max) : recent,
    };
    if (state !== before) options.onChange(status);
    if (!result.ok && bad === health.unhealthy_threshold * hung_factor) options.onHung(result.message);
  };

  const run = async () => {
    stayListening(ending.signal);
    while (!ending.signal.aborted) {
      await clock.sleep(options.health().interval_seconds * 1000, ending.signal);
      if (!ending.signal.aborted) await check();
    }
  };
  void run();
  return { status: () => status, stop: () => ending.abort() };
}
