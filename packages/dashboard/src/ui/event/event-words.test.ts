import { expect, test } from 'vitest';
import { eventTone, factsOf, firstLine, lastLinesOf } from './event-words.ts';

test('severity decides over the kind, so that nothing bad looks good', () => {
  expect(eventTone({ kind: 'service.healthy', severity: 'info' })).toBe('good');
  expect(eventTone({ kind: 'service.healthy', severity: 'error' })).toBe('bad');
  expect(eventTone({ kind: 'deployment.started', severity: 'info' })).toBe('idle');
});

test('lines that are not of their shape are left out instead of breaking the page', () => {
  const good = { at: 1, stream: 'stderr', text: 'out of memory' };
  expect(lastLinesOf({ last_lines: [good, null, 'x', { at: '1', stream: 's', text: 't' }] })).toEqual([good]);
  expect(lastLinesOf({ last_lines: 'none' })).toEqual([]);
  expect(lastLinesOf(null)).toEqual([]);
});

test('facts are what the data holds besides its lines', () => {
  expect(factsOf({ last_lines: [], exit_code: 1, signal: null, reason: 'exit' })).toEqual([
    { name: 'exit_code', value: 1 },
    { name: 'reason', value: 'exit' },
  ]);
});

test('of a message with several lines the first stands for it', () => {
  expect(firstLine('Failed: deploy\nlocal: no port')).toBe('Failed: deploy');
  expect(firstLine('one')).toBe('one');
});
