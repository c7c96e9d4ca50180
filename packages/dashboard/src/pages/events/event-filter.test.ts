import { expect, test } from 'vitest';
import { filterOf, filtersSet, localInput, momentOf } from './event-filter.ts';
import { eventsSearch } from './events-search.ts';

const now = new Date(2026, 5, 15, 12, 30, 20).getTime();

test('an address without filters asks for everything', () => {
  expect(filterOf(eventsSearch({}), now)).toEqual({});
  expect(filtersSet(eventsSearch({}))).toBe(0);
});

test('a quick range counts from now and stays the same within the minute', () => {
  const search = eventsSearch({ range: '1h', from: 5, to: 9 });
  expect(filterOf(search, now)).toEqual({ from: new Date(2026, 5, 15, 11, 30).getTime() });
  expect(filterOf(search, now + 20_000)).toEqual(filterOf(search, now));
  expect(filtersSet(search)).toBe(1);
});

test('one exact kind goes before a group of kinds', () => {
  expect(filterOf(eventsSearch({ about: 'releases', kind: 'build.failed' }), now)).toEqual({ kind: ['build.failed'] });
  expect(filterOf(eventsSearch({ about: 'releases' }), now).kind).toContain('release.switched');
});

test('what an old link holds and is no filter is as if it were not there', () => {
  expect(filterOf(eventsSearch({ about: 'constructor', severity: 'loud', range: '1y', from: -3 }), now)).toEqual({});
});

test('a moment survives the way through its input, to the minute', () => {
  const at = new Date(2026, 5, 15, 12, 30).getTime();
  expect(momentOf(localInput(at))).toBe(at);
  expect(localInput(undefined)).toBe('');
  expect(localInput(Number.MAX_SAFE_INTEGER)).toBe('');
  expect(momentOf('')).toBeUndefined();
  expect(momentOf('soon')).toBeUndefined();
});
