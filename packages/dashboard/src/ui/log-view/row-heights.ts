/**
 * Where each row of a long list is, when rows differ in height: sums of blocks, so that finding a row and changing a height
 * touch hundreds of numbers, not hundreds of thousands. Heights are estimates until a row was drawn and measured.
 */
export type RowHeights = {
  readonly count: number;
  /** Height of all rows, in pixels. */
  total(): number;
  /** Where a row begins; the total for the one after the last. */
  offsetOf(index: number): number;
  /** The row at that offset; the first or last one beyond the ends. */
  indexAt(offset: number): number;
  heightOf(index: number): number;
  /** Tells the measured height of a row. True when it was another. */
  measure(index: number, height: number): boolean;
};

/** All rows as high as one. */
export function equalHeights(count: number, height: number): RowHeights {
  return {
    count,
    total: () => count * height,
    offsetOf: (index) => index * height,
    indexAt: (offset) => clamp(Math.floor(offset / height), count),
    heightOf: () => height,
    measure: () => false,
  };
}

const block_rows = 512;

/** Rows of the estimated heights. */
export function measuredHeights(estimates: Float64Array): RowHeights {
  const count = estimates.length;
  const heights = estimates.slice();
  const blocks = new Float64Array(Math.ceil(count / block_rows));
  let total = 0;
  for (let index = 0; index < count; index++) {
    const height = heights[index]!;
    blocks[Math.floor(index / block_rows)]! += height;
    total += height;
  }
  return {
    count,
    total: () => total,
    offsetOf(index) {
      const block = Math.floor(index / block_rows);
      let offset = 0;
      for (let at = 0; at < block; at++) offset += blocks[at]!;
      for (let at = block * block_rows; at < Math.min(index, count); at++) offset += heights[at]!;
      return offset;
    },
    indexAt(offset) {
      let block = 0;
      let left = offset;
      while (block < blocks.length - 1 && left >= blocks[block]!) left -= blocks[block++]!;
      let index = block * block_rows;
      while (index < count - 1 && left >= heights[index]!) left -= heights[index++]!;
      return clamp(index, count);
    },
    heightOf: (index) => heights[index] ?? 0,
    measure(index, height) {
      const difference = height - (heights[index] ?? height);
      if (Math.abs(difference) < 0.5) return false;
      heights[index]! += difference;
      blocks[Math.floor(index / block_rows)]! += difference;
      total += difference;
      return true;
    },
  };
}

function clamp(index: number, count: number): number {
  return Math.max(0, Math.min(count - 1, index));
}
