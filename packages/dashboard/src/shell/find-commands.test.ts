import { expect, test } from 'vitest';
import { type Findable, findCommands, results_max } from './find-commands.ts';

const commands: Findable[] = [
  { group: 'Go to', label: 'Overview', isDefault: true, keywords: 'home start' },
  { group: 'Go to', label: 'Servers', isDefault: true },
  { group: 'Stacks', label: 'shop' },
  { group: 'Stacks', label: 'shop-staging' },
  { group: 'Services', label: 'api', detail: 'shop' },
  { group: 'Services', label: 'api', detail: 'blog' },
  { group: 'Do', label: 'Deploy shop' },
  { group: 'Do', label: 'Roll shop back', keywords: 'rollback undo' },
  { group: 'Do', label: 'Logs of api', detail: 'shop' },
];

const labels = (query: string) =>
  findCommands(query, commands).flatMap(({ commands: found }) =>
    found.map(({ label, detail }) => (detail ? `${label} (${detail})` : label)),
  );

test('before anything is typed the usual places are shown', () => {
  expect(labels('')).toEqual(['Overview', 'Servers']);
  expect(labels('  ')).toEqual(['Overview', 'Servers']);
});

test('every word must fit, in any order, and may fit what stands beside the name', () => {
  expect(labels('shop deploy')).toEqual(['Deploy shop']);
  expect(labels('logs shop api')).toEqual(['Logs of api (shop)']);
  expect(labels('api blog')).toEqual(['api (blog)']);
  expect(labels('deploy nothing')).toEqual([]);
});

test('the whole name stands before names that only hold it', () => {
  expect(labels('shop')[0]).toBe('shop');
});

test('other words for a thing find it, case aside', () => {
  expect(labels('UNDO')).toEqual(['Roll shop back']);
  expect(labels('home')).toEqual(['Overview']);
});

test('the group of the best result stands first', () => {
  expect(findCommands('dep', commands)[0]?.group).toBe('Do');
});

test('results are bounded', () => {
  const many = Array.from({ length: 5_000 }, (_, n) => ({ group: 'Services', label: `service-${n}` }));
  expect(findCommands('service', many)[0]?.commands).toHaveLength(results_max);
});

test('what is typed is text, never a pattern', () => {
  expect(labels('(.*[')).toEqual([]);
});
