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

/**
 * A source as globs see it: what URLs and paths mean, not how they are spelt, so that `https://git.example.org/mine/../theirs` does
 * not pass for one of mine.
 */
export function plainSource(source: string): string {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(source) && URL.canParse(source)) return new URL(source).href.replace(/\/$/, '');
  const path = /^([^/]*@[^:/]+:)?(.*)$/s.exec(source);
  if (!path) return source;
  const parts: string[] = [];
  for (const part of (path[2] ?? '').split('/')) {
    if (part === '..' && parts.length > 0 && parts.at(-1) !== '') parts.pop();
    else if (part !== '.' && (part !== '' || parts.length === 0)) parts.push(part);
  }
  return (path[1] ?? '') + parts.join('/');
}
