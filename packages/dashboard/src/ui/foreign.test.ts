import { expect, test } from 'vitest';
import { visible } from './foreign.tsx';

test('control characters are made visible and marks of direction are taken out', () => {
  expect(visible('\u001b[31mred\u001b[0m')).toBe('␛[31mred␛[0m');
  expect(visible('a\u202eb\u2066c')).toBe('abc');
  expect(visible('x\u007fy')).toBe('x␡y');
});

test('line breaks, tabs, HTML and emoji stay as they are', () => {
  expect(visible('<b>\n\t🚀</b>')).toBe('<b>\n\t🚀</b>');
});

test('a text is cut at its bound', () => {
  expect(visible('abcdef', 3)).toBe('abc…');
});
