import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { equalHeights, measuredHeights } from './row-heights.ts';

describe('rows', () => {
  it('are found at the offset where they begin, whatever was measured', () => {
    const height = fc.integer({ min: 1, max: 90 });
    fc.assert(
      fc.property(
        fc.array(height, { minLength: 1, maxLength: 1_500 }),
        fc.array(fc.tuple(fc.nat(), height)),
        (all, measured) => {
          const heights = measuredHeights(Float64Array.from(all));
          for (const [at, pixels] of measured) {
            heights.measure(at % all.length, pixels);
            all[at % all.length] = pixels;
          }
          expect(heights.total()).toBe(all.reduce((sum, one) => sum + one, 0));
          expect(heights.offsetOf(all.length)).toBe(heights.total());
          for (const index of [0, all.length >> 1, all.length - 1]) {
            expect(heights.offsetOf(index)).toBe(all.slice(0, index).reduce((sum, one) => sum + one, 0));
            expect(heights.indexAt(heights.offsetOf(index))).toBe(index);
            expect(heights.indexAt(heights.offsetOf(index) + heights.heightOf(index) - 0.5)).toBe(index);
          }
        },
      ),
      { numRuns: 50 },
    );
  });
  it('of equal height are found by arithmetic, and beyond the ends is the first or last', () => {
    const heights = equalHeights(10, 20);
    expect([-5, 0, 39, 40, 1_000].map(heights.indexAt)).toEqual([0, 0, 1, 2, 9]);
    expect(measuredHeights(Float64Array.of(5, 5)).indexAt(99)).toBe(1);
  });
  it('say whether a measured height changes anything', () => {
    const heights = measuredHeights(Float64Array.of(20, 20));
    expect(heights.measure(0, 20.2)).toBe(false);
    expect(heights.measure(0, 40)).toBe(true);
  });
});
