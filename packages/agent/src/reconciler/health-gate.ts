/**
 * The gate that an instance passes before it gets requests: so many good answers in a row, within its start timeout, from a
 * port that is its own. While it starts it is asked often, so that a fast service is not held up by its check interval.
 */
import { checkHealth, type HealthResult } from '../health/check.ts';
import type { Context } from './context.ts';
import { type Diagnosis, describeExit, describeForeignPort, describeUnhealthy } from './diagnosis.ts';
import type { Instances, LiveInstance } from './instances.ts';

export type GateOutcome = { healthy: true } | ({ healthy: false } & Diagnosis);

const first_pause_ms = 25;
const pause_ms_max = 500;

/** Waits until the instance is healthy, has ended, or its time is up. Rejects only when the signal is aborted. */
export async function waitUntilHealthy(
  { clock, supervisor }: Pick<Context, 'clock' | 'supervisor'>,
  instances: Pick<Instances, 'ended'>,
  instance: LiveInstance,
  signal: AbortSignal,
): Promise<GateOutcome> {
  const { desired, port } = instance;
  const { health } = desired;
  const started_at = clock.now();
  const until = started_at + health.start_timeout_seconds * 1000;
  const over = new AbortController();
  const stopped = AbortSignal.any([signal, over.signal]);
  void instances.ended(instance).then(() => over.abort());
  let good = 0;
  let last: HealthResult | null = null;
  let pause_ms = first_pause_ms;

  for (;;) {
    if (!stopped.aborted) last = await checkHealth(health, port, stopped);
    signal.throwIfAborted();
    if (instance.exit) {
      return { healthy: false, ...describeExit(instance.exit, desired, instance.exit.at - instance.started_at) };
    }
    good = last?.ok ? good + 1 : 0;
    if (good >= health.healthy_threshold) {
      if ((await supervisor.listeningPorts(instance.id)).includes(port)) return { healthy: true };
      if (instance.exit) continue;
      // A fixed port may have been somebody else's all the time; there is nothing to wait for then.
      if (clock.now() - started_at > 2_000)
        return { healthy: false, ...describeForeignPort(port, desired.port !== null) };
    }
    if (clock.now() >= until) {
      const listening = await supervisor.listeningPorts(instance.id);
      return { healthy: false, ...describeUnhealthy({ desired, port, last, listening }) };
    }
    await clock.sleep(Math.min(pause_ms, Math.max(1, until - clock.now())), stopped);
    pause_ms = Math.min(pause_ms * 1.5, pause_ms_max);
  }
}
