import fc from 'fast-check';
import { expect, test } from 'vitest';
import { envBlockOf, parseEnvBlock } from './env-block.ts';

const read = (text: string) => Object.fromEntries(parseEnvBlock(text).entries.map(({ name, value }) => [name, value]));

test('comments, blank lines, export, spaces and Windows line ends are read as people mean them', () => {
  const text = '\ufeff# a comment\r\nexport A=1\r\n\r\n  B = two words  # why\r\nC=a#b\nD=\n';
  expect(read(text)).toEqual({ A: '1', B: 'two words', C: 'a#b', D: '' });
});

test('quotes are taken off, may span lines, and keep what looks like a comment', () => {
  expect(read(`A="x # y"\nB='it\\n'\nC="one\ntwo"\nD="say \\"hi\\"\\n"\nE=last`)).toEqual({
    A: 'x # y',
    B: 'it\\n',
    C: 'one\ntwo',
    D: 'say "hi"\n',
    E: 'last',
  });
});

test('nothing is expanded, and the last of two values counts', () => {
  expect(read('A=$HOME/x\nB=1\nB="$A"')).toEqual({ A: '$HOME/x', B: '$A' });
});

test('a line that is no assignment is named and the others are kept', () => {
  const { entries, problems } = parseEnvBlock('A=1\nnonsense\n2B=3\nC="open\nD=4');
  expect(entries.map(({ name }) => name)).toEqual(['A', 'D']);
  expect(problems.map(({ line }) => line)).toEqual([2, 3, 4]);
});

test('whatever the values are, a block that was written reads back the same', () => {
  const env = fc.dictionary(fc.stringMatching(/^[A-Z_][A-Z0-9_]{0,10}$/), fc.string({ unit: 'binary' }));
  fc.assert(
    fc.property(env, (variables) => {
      expect(read(envBlockOf(variables))).toEqual({ ...variables });
    }),
  );
});
