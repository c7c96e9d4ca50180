import { expect, test } from 'vitest';
import { lineOf, lineRange, readStackFile } from './stack-file.ts';

const text = `# the shop
stack: shop
services:
  api:
    source: { git: https://example.com/a.git }
    run:
      - node
      - a.js
`;

test('a stack file gives its specification without the name of the stack', async () => {
  const { spec, problem } = await readStackFile(text, 'shop');
  expect(problem).toBe(null);
  expect(spec).toEqual({ services: { api: { source: { git: 'https://example.com/a.git' }, run: ['node', 'a.js'] } } });
});

test('the name may be left out, and another one is refused at its line', async () => {
  expect((await readStackFile('services: {}', 'shop')).spec).toEqual({ services: {} });
  expect((await readStackFile(text, 'other')).problem).toMatchObject({ line: 2 });
});

test('what is not YAML, or no map, is refused with its line', async () => {
  expect((await readStackFile('stack: shop\nservices: [', 'shop')).problem?.line).toBe(2);
  expect((await readStackFile('stack: shop\nstack: shop\n', 'shop')).problem?.line).toBe(2);
  expect((await readStackFile('- a\n', 'shop')).problem?.line).toBe(1);
  expect((await readStackFile('', 'shop')).problem?.line).toBe(1);
});

test('a text of a few lines cannot grow to a huge value', async () => {
  const levels = Array.from(
    { length: 12 },
    (_, level) =>
      `a${level}: &a${level} [${Array(9)
        .fill(level ? `*a${level - 1}` : 'x')
        .join(',')}]`,
  );
  expect((await readStackFile(levels.join('\n'), 'shop')).problem).not.toBe(null);
});

test('a field is found at its line, or at what is around it', async () => {
  expect(await lineOf(text, 'services.api.run.1')).toBe(8);
  expect(await lineOf(text, 'services.api.source.git')).toBe(5);
  expect(await lineOf(text, 'services.api.health.path')).toBe(4);
  expect(await lineOf(text, 'proxy.port')).toBe(null);
  expect(text.slice(...lineRange(text, 4))).toBe('  api:');
});
