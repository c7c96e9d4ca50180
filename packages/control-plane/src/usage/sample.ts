/**
 * What is kept of an interval, and how reports become one: the average of what goes up and down, the most of what fills up,
 * the worst of health, the sum of restarts. Minutes become quarters of an hour by the same rules.
 */
import type { AgentState, ServiceObserved } from '@mainstay/contract/agent-api';
import type { HealthSeen } from '@mainstay/contract/operations/usage';

/** Of a server (CPU as a share of all cores; no health, no restarts) or of a service on it (CPU in cores; no disk, no load). */
export type Sample = {
  cpu: number | null;
  cpu_max: number | null;
  memory_bytes: number | null;
  health: HealthSeen | null;
  restarts: number | null;
  disk_bytes: number | null;
  load1: number | null;
};

/** Reports of an interval so far. */
export type Total = Omit<Sample, 'cpu' | 'load1'> & {
  cpu_sum: number;
  cpu_count: number;
  load_sum: number;
  load_count: number;
};

export function emptyTotal(): Total {
  return {
    cpu_sum: 0,
    cpu_count: 0,
    load_sum: 0,
    load_count: 0,
    cpu_max: null,
    memory_bytes: null,
    health: null,
    restarts: null,
    disk_bytes: null,
  };
}

/** @param averaged False where the measure is that of the report before: it is looked at, and not counted again. */
export function add(total: Total, sample: Sample, averaged = true): void {
  if (averaged && sample.cpu !== null) {
    total.cpu_sum += sample.cpu;
    total.cpu_count++;
  }
  if (averaged && sample.load1 !== null) {
    total.load_sum += sample.load1;
    total.load_count++;
  }
  total.cpu_max = most(total.cpu_max, sample.cpu_max);
  total.memory_bytes = most(total.memory_bytes, sample.memory_bytes);
  total.disk_bytes = most(total.disk_bytes, sample.disk_bytes);
  total.health = worst(total.health, sample.health);
  if (sample.restarts !== null) total.restarts = (total.restarts ?? 0) + sample.restarts;
}

export function sampleOf({ cpu_sum, cpu_count, load_sum, load_count, ...rest }: Total): Sample {
  return {
    ...rest,
    cpu: cpu_count === 0 ? null : cpu_sum / cpu_count,
    load1: load_count === 0 ? null : load_sum / load_count,
  };
}

/** One sample for all of these, which count the same. */
export function combined(samples: readonly Sample[]): Sample {
  const [first] = samples;
  if (samples.length === 1 && first) return first;
  const total = emptyTotal();
  for (const sample of samples) add(total, sample);
  return sampleOf(total);
}

export function sampleOfServer({ usage }: AgentState): Sample {
  return {
    cpu: usage.cpu_fraction,
    cpu_max: usage.cpu_fraction,
    memory_bytes: usage.memory_used_bytes,
    health: null,
    restarts: null,
    disk_bytes: usage.disk_used_bytes,
    load1: usage.load1,
  };
}

/** @param restarts Since the report before. */
export function sampleOfService(observed: ServiceObserved, restarts: number): Sample {
  return {
    cpu: observed.cpu_fraction,
    cpu_max: observed.cpu_fraction,
    memory_bytes: observed.memory_bytes,
    health: healthSeen(observed),
    restarts,
    disk_bytes: null,
    load1: null,
  };
}

/** From what nobody knows to the worst. */
export const healthsByRank = ['unknown', 'healthy', 'unhealthy', 'down'] as const satisfies readonly HealthSeen[];

/** Null for a service that is not to run. */
function healthSeen({ state, health }: ServiceObserved): HealthSeen | null {
  switch (state) {
    case 'stopped':
      return null;
    case 'crash_looping':
    case 'failed':
      return 'down';
    case 'unhealthy':
      return 'unhealthy';
    default:
      return health.state;
  }
}

function most(one: number | null, other: number | null): number | null {
  if (one === null || other === null) return one ?? other;
  return Math.max(one, other);
}

function worst(one: HealthSeen | null, other: HealthSeen | null): HealthSeen | null {
  if (one === null || other === null) return one ?? other;
  return healthsByRank.indexOf(one) > healthsByRank.indexOf(other) ? one : other;
}
