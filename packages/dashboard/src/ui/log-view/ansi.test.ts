import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { paletteColour, parseAnsi, withoutEscapes } from './ansi.ts';

describe('SGR', () => {
  it('sets and resets colours and weights', () => {
    expect(parseAnsi('a \x1b[1;31merror\x1b[0m b')).toEqual([
      { text: 'a ', style: null },
      { text: 'error', style: { bold: true, fg: 1 } },
      { text: ' b', style: null },
    ]);
    expect(parseAnsi('\x1b[1;4mx\x1b[22my\x1b[24mz')).toEqual([
      { text: 'x', style: { bold: true, underline: true } },
      { text: 'y', style: { underline: true } },
      { text: 'z', style: null },
    ]);
    expect(parseAnsi('\x1b[93;104mx\x1b[mx')).toEqual([
      { text: 'x', style: { fg: 11, bg: 12 } },
      { text: 'x', style: null },
    ]);
  });
  it('takes 256 colours and 24-bit colours, with semicolons and with colons', () => {
    expect(parseAnsi('\x1b[38;5;208mx')[0]?.style).toEqual({ fg: 208 });
    expect(parseAnsi('\x1b[48;2;1;2;255mx')[0]?.style).toEqual({ bg: '#0102ff' });
    expect(parseAnsi('\x1b[38:2::16:32:48mx')[0]?.style).toEqual({ fg: '#102030' });
    expect(parseAnsi('\x1b[38;5;1;1mx')[0]?.style).toEqual({ fg: 1, bold: true });
  });
  it('ignores what is no colour', () => {
    expect(parseAnsi('\x1b[38;5;999mx')[0]?.style).toBeNull();
    expect(parseAnsi('\x1b[38;2;256;0;0mx')[0]?.style).toBeNull();
    expect(parseAnsi('\x1b[77mx')[0]?.style).toBeNull();
    expect(parseAnsi('\x1b[?25mx')[0]?.style).toBeNull();
  });
});

it('other escape sequences are left out and change nothing', () => {
  expect(withoutEscapes('\x1b[2J\x1b[10;10Hhere\x1b[K')).toBe('here');
  expect(withoutEscapes('\x1b]0;title\x07text')).toBe('text');
  expect(withoutEscapes('\x1b]8;;https://example.org\x1b\\link\x1b]8;;\x1b\\')).toBe('link');
  expect(withoutEscapes('\x1bPq#0\x1b\\x\x1b(B')).toBe('x');
  expect(withoutEscapes('\x9b31mred\x9d0;t\x9c!')).toBe('red!');
  expect(withoutEscapes('cut \x1b')).toBe('cut ');
  expect(withoutEscapes('cut \x1b[31')).toBe('cut 31');
});

it('whatever is printed, no escape character is left, and segments together are the text without escapes', () => {
  const piece = fc.oneof(
    fc.string(),
    fc.constantFrom('\x1b', '\x1b[', '\x1b[31m', '\x9b', '\x1b]', ';', 'm', '38', ':2:', '\x07'),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      const text = pieces.join('');
      const segments = parseAnsi(text);
      expect(segments.map((segment) => segment.text).join('')).toBe(withoutEscapes(text));
      for (const left of ['\x1b', '\x9b', '\x9d', '\x90']) expect(withoutEscapes(text)).not.toContain(left);
    }),
  );
});

it('a colour of the palette is of the cube or a grey', () => {
  expect(paletteColour(16)).toBe('rgb(0 0 0)');
  expect(paletteColour(231)).toBe('rgb(255 255 255)');
  expect(paletteColour(208)).toBe('rgb(255 135 0)');
  expect(paletteColour(255)).toBe('rgb(238 238 238)');
});
