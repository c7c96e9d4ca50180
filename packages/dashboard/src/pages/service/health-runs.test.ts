import { expect, it } from 'vitest';
import { healthRuns, timeIn, troublesOf } from './health-runs.ts';

const times = [0, 60, 120, 180, 240];

it('neighbouring intervals of one state are one stretch, and silence is not known', () => {
  const runs = healthRuns(times, ['healthy', 'healthy', null, 'down', 'unhealthy'], 300);
  expect(runs).toEqual([
    { state: 'healthy', from: 0, to: 120 },
    { state: 'unknown', from: 120, to: 180 },
    { state: 'down', from: 180, to: 240 },
    { state: 'unhealthy', from: 240, to: 300 },
  ]);
  expect(timeIn(runs)).toEqual({ healthy: 120, unknown: 60, down: 60, unhealthy: 60 });
  expect(troublesOf(runs).map(({ from }) => from)).toEqual([240, 180]);
});

it('the stretches cover all of the time, whatever is known', () => {
  for (const health of [[], [null], ['healthy', null, 'healthy']] as const) {
    const runs = healthRuns(times, health, 300);
    expect(runs.reduce((sum, { from, to }) => sum + to - from, 0)).toBe(300);
  }
});
