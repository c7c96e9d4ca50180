/**
 * What a commit says of itself. It was written by whoever could push, so it is bounded, made one line of each, and rid of
 * control characters before anything keeps it.
 */
import type { CommitText } from './workspace.ts';

const subject_characters_max = 500;
const author_characters_max = 200;
/** The last moment that a Date can be (ECMA-262, 21.4.1.1). */
const date_ms_max = 8.64e15;

/** For `git log --format`: seconds since the epoch, name, first line; with NUL between them, which none of them can hold. */
export const commitFormat = '%ct%x00%an%x00%s';

/** Reads what git printed for that format; null when it is not of that shape, as when it was cut. */
export function parseCommitText(printed: string): CommitText | null {
  const [seconds = '', author, subject] = printed.split('\0');
  if (author === undefined || subject === undefined) return null;
  const committed_at = /^\d+$/.test(seconds) ? Number(seconds) * 1000 : Number.NaN;
  return {
    subject: plainLine(subject, subject_characters_max),
    author: plainLine(author, author_characters_max),
    committed_at: committed_at <= date_ms_max ? committed_at : null,
  };
}

/** The text without control characters and cut to so many characters; null when nothing is left. */
function plainLine(text: string, characters_max: number): string | null {
  const line = text.replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' ').trim();
  // A cut must not leave half of a pair.
  return line.slice(0, characters_max).replace(/[\ud800-\udbff]$/, '') || null;
}
