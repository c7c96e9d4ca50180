import type { EventView } from '@mainstay/contract/operations/watch';
import { expect, test } from 'vitest';
import { byUrgency, failedServices, progressOf } from './next-steps.ts';

const event = (change: Partial<EventView>): EventView => ({
  cursor: 1,
  id: 'evt_1',
  at: 1,
  kind: 'candidate.failed',
  severity: 'error',
  message: '',
  actor: null,
  stack: 'shop',
  server: 'local',
  service: 'api',
  release_id: 'rel_1',
  operation_id: 'op_1',
  data: null,
  ...change,
});

test('a service that failed is named once, and its build when that is what failed', () => {
  const events = [
    event({ kind: 'build.failed' }),
    event({ kind: 'candidate.failed' }),
    event({ service: 'web', kind: 'candidate.failed' }),
    event({ service: 'clock', kind: 'release.switched', severity: 'info' }),
  ];
  expect(failedServices(events).map(({ service, inBuild }) => [service, inBuild])).toEqual([
    ['api', true],
    ['web', false],
  ]);
});

test('targets that failed come first, and those that are done last', () => {
  const target = (server: string, state: 'waiting' | 'running' | 'succeeded' | 'failed') => ({
    server,
    state,
    message: null,
  });
  const targets = [target('a', 'succeeded'), target('b', 'waiting'), target('d', 'failed'), target('c', 'failed')];
  expect(byUrgency(targets).map(({ server }) => server)).toEqual(['c', 'd', 'b', 'a']);
  expect(progressOf({ targets })).toEqual({ done: 1, failed: 2, count: 4 });
});
