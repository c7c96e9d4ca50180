import { expect, test } from 'vitest';
import { ago, counted, duration } from './words.ts';

test('a duration has at most two units, the largest first', () => {
  const second = 1000;
  expect(duration(0)).toBe('0 s');
  expect(duration(59.9 * second)).toBe('59 s');
  expect(duration(60 * second)).toBe('1 min');
  expect(duration(3600 * second)).toBe('1 h');
  expect(duration((2 * 3600 + 5 * 60 + 4) * second)).toBe('2 h 5 min');
  expect(duration((4 * 24 + 1) * 3600 * second)).toBe('4 d 1 h');
});

test('a clock that is behind gives no negative age', () => {
  expect(duration(-5_000)).toBe('0 s');
  expect(ago(10_000, 5_000)).toBe('just now');
});

test('one is singular, none and many are plural', () => {
  expect([0, 1, 2].map((count) => counted(count, 'service'))).toEqual(['0 services', '1 service', '2 services']);
});
