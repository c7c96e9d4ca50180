import { expect, it } from 'vitest';
import type { RepositoryView } from './detect/view.ts';
import { findStackFile } from './found-stack-file.ts';

const found = (yaml: string) =>
  findStackFile({ paths: ['mainstay.yaml'], read: async () => yaml } as Partial<RepositoryView> as RepositoryView, '');

it.each([
  ['a key that stands twice', 'stack: shop\nstack: blog\n', /"stack" stands twice/],
  [
    'a key that stands twice among tens of thousands',
    `{ ${Array.from({ length: 30_000 }, (_, n) => `k${n}:`).join(', ')}, k7: }`,
    /"k7" stands twice/,
  ],
  [
    'thousands of aliases',
    ['&', '*'].flatMap((mark) => Array.from({ length: 9_000 }, (_, n) => `- ${mark}x${n}`)).join('\n'),
    /aliases/,
  ],
])('a stack file of a repository with %s is refused, within the time of a test', async (_, yaml, error) => {
  expect((await found(yaml))?.error).toMatch(error);
});
