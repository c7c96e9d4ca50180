/**
 * What is shown of a printed line: text only, of bounded length, with every control character visible and hits of a search
 * marked. Pure.
 */
import { type AnsiStyle, parseAnsi, type Segment, withoutEscapes } from './ansi.ts';

/** Characters of one line that are shown; the rest is shown on demand. */
export const shown_chars_max = 2_000;

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is made visible.
const controls = /[\0-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** Control characters as the glyphs that stand for them; those that turn the direction of text by force as a mark. A tab stays a tab. */
export function visibleControls(text: string): string {
  return text.replace(controls, (character) => {
    const code = character.charCodeAt(0);
    if (code < 0x20) return String.fromCharCode(0x2400 + code);
    return code === 0x7f ? '\u2421' : '\ufffd';
  });
}

/** A line without its escape sequences: what is searched, copied and counted. */
export function plainText(text: string): string {
  return withoutEscapes(text);
}

export type Piece = { text: string; style: AnsiStyle | null; is_hit: boolean };
export type ShownLine = { pieces: readonly Piece[]; is_cut: boolean };

/** A line as it is drawn. `pattern` marks its hits; it must be global. */
export function shownLine(text: string, pattern: RegExp | null, chars_max = shown_chars_max): ShownLine {
  const segments = parseAnsi(text);
  const plain = segments.map((segment) => segment.text).join('');
  // A pair of surrogates is not cut in two.
  const end = plain.length <= chars_max ? plain.length : chars_max - (isHighSurrogate(plain, chars_max - 1) ? 1 : 0);
  const hits = pattern ? hitsIn(plain.slice(0, end), pattern) : [];
  const pieces = split(segments, hits, end).map((piece) => ({
    ...piece,
    text: visibleControls(piece.text).toWellFormed(),
  }));
  return { pieces, is_cut: end < plain.length };
}

function isHighSurrogate(text: string, index: number): boolean {
  const code = text.charCodeAt(index);
  return code >= 0xd800 && code <= 0xdbff;
}

type Hit = readonly [from: number, to: number];

/** Hits that are marked in one line, at most. */
const hits_max = 200;

function hitsIn(plain: string, pattern: RegExp): Hit[] {
  const hits: Hit[] = [];
  for (const match of plain.matchAll(pattern)) {
    if (match[0] === '') continue;
    hits.push([match.index, match.index + match[0].length]);
    if (hits.length === hits_max) break;
  }
  return hits;
}

/** Cuts the segments at the borders of the hits and at the end. */
function split(segments: readonly Segment[], hits: readonly Hit[], end: number): Piece[] {
  const pieces: Piece[] = [];
  let offset = 0;
  let next = 0;
  for (const { text, style } of segments) {
    let at = offset;
    const to = Math.min(offset + text.length, end);
    while (at < to) {
      while ((hits[next]?.[1] ?? Number.POSITIVE_INFINITY) <= at) next++;
      const [from, until] = hits[next] ?? [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
      const is_hit = from <= at;
      const stop = Math.min(to, is_hit ? until : from);
      pieces.push({ text: text.slice(at - offset, stop - offset), style, is_hit });
      at = stop;
    }
    offset += text.length;
  }
  return pieces;
}

/** A pattern that finds the text as it is, letter case aside; null for an empty one. */
export function patternOf(search: string): RegExp | null {
  if (search === '') return null;
  return new RegExp(search.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&'), 'gi');
}

/** Columns that a line takes in a fixed-width font, roughly: wide characters take two, tabs reach to the next eighth column. */
export function columnsOf(text: string, chars_max = shown_chars_max): number {
  const plain = withoutEscapes(text).slice(0, chars_max);
  if (!/[^ -~]/.test(plain)) return plain.length;
  let columns = 0;
  for (const character of plain) {
    if (character === '\t') columns += 8 - (columns % 8);
    else columns += (character.codePointAt(0) ?? 0) >= 0x1100 ? 2 : 1;
  }
  return columns;
}
