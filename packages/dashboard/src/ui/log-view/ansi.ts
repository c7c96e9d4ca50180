/**
 * Terminal colours of a printed line, as data. Of all escape sequences only SGR (ECMA-48, 8.3.117) means anything here; the
 * others (cursor movements, titles, links) are left out, so that nothing a program prints can act on the page. What is left is
 * text and styles from a closed set; no part of the input becomes markup or CSS but numbers from 0 to 255.
 */

export type AnsiStyle = {
  /** A colour of the palette, 0 to 255, or `#rrggbb`. */
  fg?: number | string;
  bg?: number | string;
  bold?: true;
  dim?: true;
  italic?: true;
  underline?: true;
  strike?: true;
  inverse?: true;
};

export type Segment = { text: string; style: AnsiStyle | null };

/**
 * Escape sequences: CSI with parameters; strings (OSC, DCS, SOS, PM, APC) up to their end, or to the end of the line when it
 * never comes; any other escape with its one or two characters. Also as 8-bit C1 characters.
 */
const escapes =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are made of them.
  /(?:\x1b\[|\x9b)([0-9:;<=>?]*)[ -/]*([@-~])|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x9c|\x1b\\|$)?|\x1b[ -/]*[0-~]?|[\x90\x98\x9b\x9d-\x9f]/g;

/** Whether a text can hold an escape sequence at all. */
export function hasEscapes(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are made of them.
  return /[\x1b\x90\x98\x9b\x9d-\x9f]/.test(text);
}

/** The text without its escape sequences. */
export function withoutEscapes(text: string): string {
  return hasEscapes(text) ? text.replace(escapes, '') : text;
}

/** The text in stretches of one style each, escape sequences left out. Every line begins without a style. */
export function parseAnsi(text: string): Segment[] {
  if (!hasEscapes(text)) return text === '' ? [] : [{ text, style: null }];
  const segments: Segment[] = [];
  let style: AnsiStyle = {};
  let from = 0;
  const push = (piece: string) => {
    if (piece === '') return;
    const shown = Object.keys(style).length > 0 ? style : null;
    const last = segments.at(-1);
    if (last && last.style === shown) last.text += piece;
    else segments.push({ text: piece, style: shown });
  };
  for (const match of text.matchAll(escapes)) {
    push(text.slice(from, match.index));
    from = match.index + match[0].length;
    const [, parameters, final] = match;
    if (final === 'm' && parameters !== undefined && !/[<=>?]/.test(parameters)) style = styled(style, parameters);
  }
  push(text.slice(from));
  return segments;
}

const flags = { 1: 'bold', 2: 'dim', 3: 'italic', 4: 'underline', 7: 'inverse', 9: 'strike', 21: 'underline' } as const;
const unset: Record<number, readonly (keyof AnsiStyle)[]> = {
  22: ['bold', 'dim'],
  23: ['italic'],
  24: ['underline'],
  27: ['inverse'],
  29: ['strike'],
  39: ['fg'],
  49: ['bg'],
};

function styled(before: AnsiStyle, parameters: string): AnsiStyle {
  let style: AnsiStyle = { ...before };
  // `38:2::r:g:b` has an empty colour space, which `38;2;r;g;b` has not.
  const codes = parameters
    .replace(/([34]8):2:[0-9]*:(?=[0-9]+:[0-9]+:[0-9]+)/g, '$1:2:')
    .split(/[;:]/)
    .map(Number);
  for (let index = 0; index < codes.length; index++) {
    const code = codes[index] ?? 0;
    if (code === 0) style = {};
    else if (code in flags) style[flags[code as keyof typeof flags]] = true;
    else if (unset[code]) for (const name of unset[code]) delete style[name];
    else if (code >= 30 && code <= 37) style.fg = code - 30;
    else if (code >= 90 && code <= 97) style.fg = code - 90 + 8;
    else if (code >= 40 && code <= 47) style.bg = code - 40;
    else if (code >= 100 && code <= 107) style.bg = code - 100 + 8;
    else if (code === 38 || code === 48) {
      const { colour, taken } = extended(codes.slice(index + 1, index + 5));
      if (colour !== null) style[code === 38 ? 'fg' : 'bg'] = colour;
      index += taken;
    }
  }
  return style;
}

function extended([kind, a = 0, b = 0, c = 0]: number[]): { colour: number | string | null; taken: number } {
  const isByte = (value: number) => Number.isInteger(value) && value >= 0 && value <= 255;
  if (kind === 5) return { colour: isByte(a) ? a : null, taken: 2 };
  if (kind !== 2) return { colour: null, taken: 1 };
  const hex = [a, b, c].map((value) => value.toString(16).padStart(2, '0')).join('');
  return { colour: [a, b, c].every(isByte) ? `#${hex}` : null, taken: 4 };
}

const steps = [0, 95, 135, 175, 215, 255];

/** A colour of the palette beyond the first sixteen (those are the theme's): a cube of 216 colours and 24 greys. */
export function paletteColour(index: number): string {
  if (index >= 232) {
    const grey = 8 + (index - 232) * 10;
    return `rgb(${grey} ${grey} ${grey})`;
  }
  const cube = index - 16;
  return `rgb(${steps[Math.floor(cube / 36)]} ${steps[Math.floor(cube / 6) % 6]} ${steps[cube % 6]})`;
}
