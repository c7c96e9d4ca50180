/** Health over time as stretches of one state each, and what they come to. Unknown and not reported are both: not known. Pure. */
import type { HealthSeen } from '@mainstay/contract/operations/usage';

export type HealthRun = { state: HealthSeen; from: number; to: number };

/** Neighbouring intervals of the same state as one. `to` is where the last interval ends. */
export function healthRuns(times: readonly number[], health: readonly (HealthSeen | null)[], to: number): HealthRun[] {
  const runs: HealthRun[] = [];
  times.forEach((from, index) => {
    const state = health[index] ?? 'unknown';
    const until = times[index + 1] ?? to;
    const last = runs.at(-1);
    if (last?.state === state) last.to = until;
    else runs.push({ state, from, to: until });
  });
  return runs;
}

/** Milliseconds spent in each state. */
export function timeIn(runs: readonly HealthRun[]): Record<HealthSeen, number> {
  const spent = { unknown: 0, healthy: 0, unhealthy: 0, down: 0 };
  for (const { state, from, to } of runs) spent[state] += to - from;
  return spent;
}

/** The stretches in which it was not well, the newest first. */
export function troublesOf(runs: readonly HealthRun[]): HealthRun[] {
  return runs.filter(({ state }) => state === 'unhealthy' || state === 'down').toReversed();
}
