import { eventKinds } from '@mainstay/contract/agent-api';
import { expect, test } from 'vitest';
import { eventGroups } from './event-groups.ts';

test('every kind of event is in exactly one group', () => {
  expect(Object.values(eventGroups).flat().sort()).toEqual([...eventKinds].sort());
});

test('a group can be asked for in one request', () => {
  for (const kinds of Object.values(eventGroups)) expect(kinds.length).toBeLessThanOrEqual(50);
});
