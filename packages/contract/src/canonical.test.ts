import canonicalize from 'canonicalize';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonical_depth_max, canonicalJson } from './canonical.ts';

const anyJson = fc.jsonValue({ maxDepth: 5, stringUnit: 'binary' });
const names = fc.constantFrom(
  '',
  '10',
  '9',
  '__proto__',
  'a',
  '"',
  '\\',
  '\n',
  '\u0000',
  '\u007f',
  '\u2028',
  '\ufb33',
  '😀',
);

test('the text of any JSON value is the one that the reference implementation gives', () => {
  const property = fc.property(fc.dictionary(fc.oneof(names, fc.string()), anyJson), (value) => {
    expect(canonicalJson(value)).toBe(canonicalize(value));
  });
  fc.assert(property, { numRuns: 1_000 });
});

test('the example of RFC 8785, section 3.2.3, is sorted as it says', () => {
  const value = { '\u20ac': 1, '\r': 2, '\ufb33': 3, '1': 4, '\ud83d\ude00': 5, '\u0080': 6, '\u00f6': 7 };
  expect(canonicalJson(value)).toBe('{"\\r":2,"1":4,"\u0080":6,"ö":7,"€":1,"😀":5,"\ufb33":3}');
});

test('properties that are undefined are left out', () => {
  expect(canonicalJson({ b: undefined, a: 1 })).toBe('{"a":1}');
});

const cycle: unknown[] = [];
cycle.push(cycle);
test.for([
  ['undefined', undefined],
  ['a hole in a list', [undefined]],
  ['a function', { a: () => 1 }],
  ['a number that is none', [Number.NaN]],
  ['infinity', Number.POSITIVE_INFINITY],
  ['a big integer', 1n],
  ['a lone surrogate', 'a\ud800'],
  ['a name with a lone surrogate', { '\udc00': 1 }],
  ['a cycle', cycle],
  ['what is nested too deep', JSON.parse('['.repeat(canonical_depth_max + 1) + ']'.repeat(canonical_depth_max + 1))],
] as [string, unknown][])('%s is not JSON', ([, value]) => {
  expect(() => canonicalJson(value)).toThrow(TypeError);
});
