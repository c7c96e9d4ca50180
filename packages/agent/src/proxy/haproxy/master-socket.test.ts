import { expect, test } from 'vitest';
import { readAnswers } from './master-socket.ts';

test('answers to several commands are told apart, those without a line too, and one that was cut off is none', () => {
  expect(readAnswers('a\nb\n\n\nc\n\n')).toEqual(['a\nb\n', '', 'c\n']);
  expect(readAnswers('a\n\nb\n')).toEqual(['a\n']);
  expect(readAnswers('')).toEqual([]);
});
