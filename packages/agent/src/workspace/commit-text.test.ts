import { expect, test } from 'vitest';
import { parseCommitText } from './commit-text.ts';

const printed = (subject: string, author = 'Ada', seconds = '1735689600') => `${seconds}\0${author}\0${subject}\n`;

test('a commit tells its first line, its author and its time', () => {
  expect(parseCommitText(printed('Add a thing', 'Ada Lovelace'))).toEqual({
    subject: 'Add a thing',
    author: 'Ada Lovelace',
    committed_at: 1_735_689_600_000,
  });
});

test('control characters never get through, and letters of all scripts do', () => {
  const text = parseCommitText(printed('\u001b[31mred\u001b[0m\tتصحيح 修复 🎉\u0085\u2028end', 'a\u0007b\u009dc'));
  expect(text).toMatchObject({ subject: '[31mred [0m تصحيح 修复 🎉 end', author: 'a b c' });
});

test('texts without end are cut, and no character is torn by it', () => {
  const text = parseCommitText(printed('🎉'.repeat(10_000), `x${'🎉'.repeat(500)}`));
  expect(text?.subject).toBe('🎉'.repeat(250));
  expect(text?.author).toBe(`x${'🎉'.repeat(99)}`);
});

test('what a commit does not say, or says beyond reason, is null', () => {
  const nothing = { subject: null, author: null, committed_at: null };
  for (const seconds of ['', '-1', '99999999999999', 'soon'])
    expect(parseCommitText(printed('', ' ', seconds))).toEqual(nothing);
  expect(parseCommitText('')).toBeNull();
  expect(parseCommitText('1735689600\0Ada')).toBeNull();
});
