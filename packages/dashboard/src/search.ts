/** Reading search parameters: what is not of the expected shape is as if it were not there, so that an old link still opens. */
export type RawSearch = Record<string, unknown>;

/** A short text; undefined when it is none, or empty. */
export function textOf(value: unknown, chars_max = 256): string | undefined {
  const text = typeof value === 'number' ? String(value) : value;
  return typeof text === 'string' && text !== '' ? text.slice(0, chars_max) : undefined;
}

/** One of the given words. */
export function oneOf<T extends string>(value: unknown, words: readonly T[]): T | undefined {
  return words.find((word) => word === value);
}

/** A whole number, not negative. */
export function numberOf(value: unknown): number | undefined {
  const number = typeof value === 'string' ? Number(value) : value;
  return typeof number === 'number' && Number.isSafeInteger(number) && number >= 0 ? number : undefined;
}

/** Present or not. */
export function flagOf(value: unknown): true | undefined {
  return value === true || value === 'true' || value === 1 ? true : undefined;
}
