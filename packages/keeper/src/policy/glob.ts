/** Globs of policies: `*` is any run of characters, `?` any one, everything else stands for itself. Never a regular expression, so that no pattern is slow. */

import { spend } from './work.ts';

/** Whether the whole text fits the pattern; at most pattern × text steps. */
export function fitsGlob(pattern: string, text: string): boolean {
  let at = 0;
  let read = 0;
  let star = -1;
  let resume = 0;
  let steps = 0;
  for (; read < text.length; steps++) {
    const want = pattern[at];
    if (want === '*') {
      star = at++;
      resume = read;
    } else if (want !== undefined && (want === '?' || want === text[read])) {
      at++;
      read++;
    } else if (star >= 0) {
      at = star + 1;
      read = ++resume;
    } else break;
  }
  spend(steps);
  if (read < text.length) return false;
  while (pattern[at] === '*') at++;
  return at === pattern.length;
}

export function fitsAny(patterns: readonly string[], text: string): boolean {
  return patterns.some((pattern) => fitsGlob(pattern, text));
}
