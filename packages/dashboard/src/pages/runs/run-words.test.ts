import type { StepView } from '@mainstay/contract/operations/runs';
import { expect, test } from 'vitest';
import { neededBy, stepDuration } from './run-words.ts';

const step = (change: Partial<StepView>): StepView => ({
  key: 'some',
  parent: null,
  state: 'succeeded',
  attempt: 1,
  failures: 0,
  priority: 0,
  items: null,
  error: null,
  waits_for: null,
  available_at: null,
  started_at: null,
  finished_at: null,
  ...change,
});

test('a step took as long as from its beginning to its end, and one that has not begun took nothing', () => {
  expect(stepDuration(step({ started_at: 1_000, finished_at: 1_250 }), [], 9_000)).toBe('250 ms');
  expect(stepDuration(step({ started_at: 1_000 }), [], 9_000)).toBe('8 s');
  expect(stepDuration(step({}), [], 9_000)).toBeNull();
});

test('a step that was begun again took as long as since it could begin', () => {
  const before = step({ key: 'before', started_at: 0, finished_at: 1_000 });
  const again = step({ key: 'again', attempt: 7, started_at: 5_000, finished_at: 5_001 });
  const needed = neededBy([before, again], [{ from: 'before', to: 'again' }]);
  expect(stepDuration(again, needed.get('again') ?? [], 9_000)).toBe('4 s');
});
