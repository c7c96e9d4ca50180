/**
 * Text that others wrote (log lines, names, messages) on its way to a terminal. Its invariant: nothing of it can move
 * the cursor, set a title or a colour, or turn the direction of writing. Control characters become visible escapes.
 */

// C0 and C1 controls with DEL; marks that reorder text (Unicode UAX #9) or hide in it; lone surrogates.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const unsafe = /[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\p{Cs}]/gu;

/** Colour and weight only (SGR): common in logs, and only noise without its effect. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the escape sequence itself
const colours = /\x1b\[[0-9;:]*m/g;

/** Text for one line: every control character is shown as an escape, tabs and line ends too. */
export function safeText(text: string): string {
  return text.replace(unsafe, escapeOf);
}

/** A log line: colours are taken out, tabs stay, everything else is as in safeText. */
export function safeLogLine(text: string): string {
  return text.replace(colours, '').replace(unsafe, (character) => (character === '\t' ? '\t' : escapeOf(character)));
}

/** Text of several lines, such as a message with the end of a build's output. */
export function safeLines(text: string): string {
  return text.split(/\r?\n/).map(safeLogLine).join('\n');
}

/** JSON whose strings hold no character that a terminal acts on; it parses to the same value. */
export function safeJson(value: unknown, indent: 0 | 2): string {
  return JSON.stringify(value, null, indent).replace(unsafe, (character) =>
    character === '\n' ? character : `\\u${hex(character, 4)}`,
  );
}

function escapeOf(character: string): string {
  if (character === '\n') return '\\n';
  if (character === '\r') return '\\r';
  if (character === '\t') return '\\t';
  const code = character.charCodeAt(0);
  return code < 0x100 ? `\\x${hex(character, 2)}` : `\\u${hex(character, 4)}`;
}

function hex(character: string, digits: number): string {
  return character.charCodeAt(0).toString(16).padStart(digits, '0');
}

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
const plain = /^[\x20-\x7e]*$/;
const wide =
  /\p{Extended_Pictographic}|[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/u;
const narrowPictographs = /^[\u2190-\u21ff\u2500-\u27bf]$/u;

/** Columns that a safe text takes, colours aside. East Asian characters and emoji take two (Unicode UAX #11). */
export function displayWidth(text: string): number {
  const bare = text.replace(colours, '');
  if (plain.test(bare)) return bare.length;
  let width = 0;
  for (const { segment } of graphemes.segment(bare)) width += widthOfGrapheme(segment);
  return width;
}

function widthOfGrapheme(grapheme: string): number {
  if (/^\p{M}+$/u.test(grapheme)) return 0;
  return wide.test(grapheme) && !narrowPictographs.test(grapheme) ? 2 : 1;
}

/** Cuts a safe text without colours to so many columns, with an ellipsis where something is missing. */
export function truncate(text: string, columns: number): string {
  if (displayWidth(text) <= columns) return text;
  let cut = '';
  let width = 0;
  for (const { segment } of graphemes.segment(text)) {
    width += widthOfGrapheme(segment);
    if (width > columns - 1) break;
    cut += segment;
  }
  return `${cut}…`;
}
