import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { columnsOf, patternOf, shownLine, visibleControls } from './line-text.ts';

const textOf = (line: ReturnType<typeof shownLine>) => line.pieces.map((piece) => piece.text).join('');

describe('a line', () => {
  it('shows markup as text, and control characters as glyphs', () => {
    expect(textOf(shownLine('<b onclick=x>\0\r\x7f</b>', null))).toBe('<b onclick=x>␀␍␡</b>');
    expect(visibleControls('a\tb')).toBe('a\tb');
    expect(visibleControls('\u202eevil\u2066')).toBe('\ufffdevil\ufffd');
  });
  it('is cut at its bound, never inside a character', () => {
    expect(shownLine('x'.repeat(30), null, 10)).toEqual({
      pieces: [{ text: 'x'.repeat(10), style: null, is_hit: false }],
      is_cut: true,
    });
    expect(textOf(shownLine(`${'x'.repeat(9)}🙂y`, null, 10))).toBe('x'.repeat(9));
    expect(shownLine('x'.repeat(10), null, 10).is_cut).toBe(false);
  });
  it('shows half a character as a replacement', () => {
    expect(textOf(shownLine('a\ud83d', null))).toBe('a\ufffd');
  });
});

describe('hits', () => {
  it('are found across colours, letter case aside, as the text that was typed', () => {
    const line = shownLine('a \x1b[31mERR\x1b[0mor? b', patternOf('error?'));
    expect(line.pieces.map(({ text, is_hit }) => [text, is_hit])).toEqual([
      ['a ', false],
      ['ERR', true],
      ['or?', true],
      [' b', false],
    ]);
  });
  it('take special characters as they are', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 10 }), (search) => {
        expect(`..${search}..`.match(patternOf(search)!)?.length).toBeGreaterThan(0);
      }),
    );
    expect(patternOf('')).toBeNull();
  });
  it('never change the text that is shown', () => {
    fc.assert(
      fc.property(fc.string(), fc.string({ minLength: 1, maxLength: 2 }), (text, search) => {
        expect(textOf(shownLine(text, patternOf(search)))).toBe(textOf(shownLine(text, null)));
      }),
    );
  });
});

it('columns count wide characters twice and tabs to the next stop', () => {
  expect(columnsOf('abc')).toBe(3);
  expect(columnsOf('\x1b[31mabc\x1b[0m')).toBe(3);
  expect(columnsOf('a\tb')).toBe(9);
  expect(columnsOf('日本')).toBe(4);
});
