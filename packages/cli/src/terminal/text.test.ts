import fc from 'fast-check';
import { expect, it } from 'vitest';
import { displayWidth, safeJson, safeLines, safeLogLine, safeText, truncate } from './text.ts';

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const control = /[\x00-\x08\x0a-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]/;

const hostile = fc.string({
  unit: fc.oneof(
    fc.string({ unit: 'binary', maxLength: 3 }),
    fc.constantFrom('\x1b[2J', '\x1b]0;title\x07', '\x1b[31m', '\x9b31m', '\r', '\n', '\u202e', '\u2066', '\t', 'x'),
  ),
});

it('no text of others holds anything that a terminal acts on', () => {
  fc.assert(
    fc.property(hostile, (text) => {
      expect(safeText(text)).not.toMatch(control);
      expect(safeText(text)).not.toContain('\t');
      expect(safeLogLine(text)).not.toMatch(control);
      expect(safeLines(text).replaceAll('\n', '')).not.toMatch(control);
    }),
  );
});

it('JSON for a terminal is the same JSON', () => {
  fc.assert(
    fc.property(fc.jsonValue(), hostile, (value, text) => {
      const given = { value, text };
      const json = safeJson(given, 2);
      expect(json.replaceAll('\n', '')).not.toMatch(control);
      expect(JSON.parse(json)).toEqual(JSON.parse(JSON.stringify(given)));
    }),
  );
});

it('what is escaped can still be read', () => {
  expect(safeText('a\x1b]0;evil\x07b\nc\u202ed')).toBe('a\\x1b]0;evil\\x07b\\nc\\u202ed');
  expect(safeLogLine('\x1b[1;32mok\x1b[0m\tdone')).toBe('ok\tdone');
  expect(safeText('Grüße, 日本 👩‍👩‍👧')).toBe('Grüße, 日本 👩‍👩‍👧');
});

it('widths are those of a terminal', () => {
  expect(displayWidth('abc')).toBe(3);
  expect(displayWidth('日本')).toBe(4);
  expect(displayWidth('e\u0301')).toBe(1);
  expect(displayWidth('… → ✓')).toBe(5);
});

it('a text that is cut is no wider than it may be', () => {
  expect(truncate('abcdef', 4)).toBe('abc…');
  expect(truncate('abc', 3)).toBe('abc');
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 1, max: 20 }), (text, columns) => {
      expect(displayWidth(truncate(safeText(text), columns))).toBeLessThanOrEqual(columns);
    }),
  );
});
