import { describe, expect, it } from 'vitest';
import { gapsOf, inBytes, inCores, latestOf, lonePoints, topOf } from './series.ts';

const times = [0, 60, 120, 180, 240, 300, 360];

describe('gaps', () => {
  it('are where no series has a value; one series that has one closes them', () => {
    const one = [1, null, null, 1, 1, 1, 1];
    expect(gapsOf(times, [one])).toEqual([{ first: 1, last: 2, from: 60, to: 180 }]);
    expect(gapsOf(times, [one, [null, 1, 1, null, null, null, null]])).toEqual([]);
  });
  it('reach to the beginning and the end without naming a time that says more than is known', () => {
    expect(gapsOf(times, [[null, null, 1, 1, null, null, null]])).toEqual([
      { first: 0, last: 1, from: null, to: 120 },
      { first: 4, last: 6, from: 240, to: null },
    ]);
    expect(gapsOf(times, [times.map(() => null)])).toEqual([{ first: 0, last: 6, from: null, to: null }]);
  });
  it('are not told of the intervals that may not have been reported yet', () => {
    expect(gapsOf(times, [[1, 1, 1, 1, 1, null, null]])).toEqual([]);
  });
  it('take an interval without a column entry for unknown', () => {
    expect(gapsOf(times, [[1, 1]])).toEqual([{ first: 2, last: 6, from: 120, to: null }]);
  });
});

it('a zero is a value, and is not alone beside another', () => {
  expect(lonePoints([0, null, 5, 5, null, 3])).toEqual([0, 5]);
  expect(latestOf([1, 0, null])).toEqual({ index: 1, value: 0 });
  expect(latestOf([null, null])).toBeNull();
});

it('the scale shows a capacity that is near, and leaves out one that would flatten the lines', () => {
  expect(topOf([[30, 50]], { ...inCores, least: 1 }, 100)).toEqual({ top: 108, shows: true });
  expect(topOf([[1, 2]], { ...inCores, least: 1 }, 100)).toEqual({ top: 2.16, shows: false });
  expect(topOf([[null]], inBytes, null).top).toBeGreaterThanOrEqual(inBytes.least);
});
