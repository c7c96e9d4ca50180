/** A series of numbers in one line of block characters. Gaps stay gaps. */

const blocks = '▁▂▃▄▅▆▇█';

/** So many characters, each for the most of its share of the values; a space where there is none. Zero is the lowest block. */
export function sparkline(values: readonly (number | null)[], width: number): string {
  const known = values.filter((value) => value !== null);
  const top = Math.max(0, ...known);
  const columns = Math.min(width, values.length);
  return Array.from({ length: columns }, (_, column) => {
    const from = Math.floor((column * values.length) / columns);
    const to = Math.floor(((column + 1) * values.length) / columns);
    const some = values.slice(from, to).filter((value) => value !== null);
    if (some.length === 0) return ' ';
    const share = top === 0 ? 0 : Math.max(...some) / top;
    return blocks[Math.min(blocks.length - 1, Math.floor(share * blocks.length))];
  }).join('');
}
