/** The health of a service over the last hour as a few segments; each tells the worst that was seen in it. */
import type { HealthObserved } from '@mainstay/contract/agent-api';
import type { HealthSeen } from '@mainstay/contract/operations/usage';
import { services as texts } from '../../../texts/stack/services.ts';

export type Segment = HealthSeen;

export const segments_max = 30;
const order: readonly HealthSeen[] = ['unknown', 'healthy', 'unhealthy', 'down'];

export function worst(seen: readonly (HealthSeen | null)[]): HealthSeen {
  return seen.reduce<HealthSeen>(
    (found, next) => (next !== null && order.indexOf(next) > order.indexOf(found) ? next : found),
    'unknown',
  );
}

/** Neighbouring intervals drawn as one, so that at most 30 remain. */
export function segmentsOf(health: readonly (HealthSeen | null)[]): Segment[] {
  const size = Math.max(1, Math.ceil(health.length / segments_max));
  return Array.from({ length: Math.ceil(health.length / size) }, (_, index) =>
    worst(health.slice(index * size, (index + 1) * size)),
  );
}

/** What the segments show, in words: `healthy 58 min, unhealthy 2 min`. */
export function historyInWords(health: readonly (HealthSeen | null)[]): string {
  const count = (state: HealthSeen) => health.filter((seen) => (seen ?? 'unknown') === state).length;
  const parts = (['healthy', 'unhealthy', 'down', 'unknown'] as const).flatMap((state) => {
    const minutes = count(state);
    return minutes === 0 ? [] : [texts.history[state](minutes)];
  });
  return texts.history.label(parts.join(', ') || texts.history.none);
}

/** The last checks themselves, for when no history is known. */
export function recentSegments(recent: HealthObserved['recent']): Segment[] {
  return recent.map(({ ok }) => (ok ? 'healthy' : 'unhealthy'));
}

export function recentInWords(recent: HealthObserved['recent']): string {
  const good = recent.filter(({ ok }) => ok).length;
  const parts = [texts.history.good(good), ...(good < recent.length ? [texts.history.bad(recent.length - good)] : [])];
  return texts.history.recentLabel(recent.length === 0 ? texts.history.none : parts.join(', '));
}
