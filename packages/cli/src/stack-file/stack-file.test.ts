import { AppError } from '@mainstay/contract/errors';
import { StackFile } from '@mainstay/contract/stack';
import { expect, it } from 'vitest';
import { parseStackFile } from './stack-file.ts';
import { starterFile } from './starter.ts';
import { nearest } from './suggest.ts';
import { yamlLimits } from './yaml-document.ts';

const good = `stack: shop
services:
  web:
    source:
      git: https://example.org/shop.git
    run: npm start
    route:
      prefix: /
`;

function refusal(text: string): AppError {
  try {
    parseStackFile(text, 'mainstay.yaml');
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

it('what is sent is what was written, without what defaults add', () => {
  const [loaded] = parseStackFile(good, 'mainstay.yaml');
  expect(loaded).toMatchObject({ stack: 'shop', spec: { services: { web: { run: 'npm start' } } } });
  expect(loaded?.spec).not.toHaveProperty('poll_interval_seconds');
  expect(loaded?.spec).not.toHaveProperty('stack');
});

it('a file may hold several stacks, each once', () => {
  const other = good.replace('stack: shop', 'stack: blog');
  expect(parseStackFile(`${good}---\n${other}`, 'f').map(({ stack }) => stack)).toEqual(['shop', 'blog']);
  expect(refusal(`${good}---\n${good}`).message).toMatch(/"shop" stands in the file twice/);
});

it('an unknown field is named with its line and the field that was meant', () => {
  const error = refusal(good.replace('    run:', '    rnu:'));
  expect(error.message).toMatch(/^mainstay\.yaml:\d+:5: /);
  const misspelt = refusal(good.replace('    route:\n      prefix: /', '    route:\n      prefix: /\n    heatlh: {}'));
  expect(misspelt).toMatchObject({
    code: 'InvalidInput',
    field: 'services.web.heatlh',
    hint: 'Did you mean "health"?',
    message: 'mainstay.yaml:9:5: Unknown field "services.web.heatlh".',
  });
  expect(refusal(`${good}auto-deploy: true\n`).hint).toBe('Did you mean "auto_deploy"?');
  expect(refusal(`${good}zzz: true\n`).hint).toMatch(/^Known here: stack, targets, poll_interval_seconds/);
});

it('a wrong value is named with its line, its field and the rule', () => {
  expect(refusal(good.replace('git: https://example.org/shop.git', 'git: ext::sh -c id'))).toMatchObject({
    field: 'services.web.source.git',
    message: expect.stringMatching(/^mainstay\.yaml:5:12: /),
  });
  expect(refusal(good.replace('run: npm start', 'port: abc\n    run: x'))).toMatchObject({
    field: 'services.web.port',
  });
  expect(refusal(good.replace('  web:', '  Web_1:'))).toMatchObject({
    message: expect.stringMatching(/^mainstay\.yaml:3:3: "services\.Web_1": must be a DNS label/),
  });
  expect(refusal(good.replace('run: npm start', 'run: 5'))).toMatchObject({
    message: expect.stringMatching(/^mainstay\.yaml:6:10: "services\.web\.run": must be a command/),
  });
});

it('an error of the control plane is pointed at the line that it is about', () => {
  const [loaded] = parseStackFile(good, 'mainstay.yaml');
  const error = new AppError('SourceUnavailable', 'no such branch', {
    field: 'spec.services.web.source.ref',
    hint: 'h',
  });
  // The ref is not written, so that its source is the nearest place.
  expect(loaded?.locate(error)).toMatchObject({
    code: 'SourceUnavailable',
    message: 'mainstay.yaml:5:7: no such branch',
    hint: 'h',
  });
  const other = new AppError('Conflict', 'other', { field: 'plan_hash' });
  expect(loaded?.locate(other)).toBe(other);
});

it('YAML that is broken is named with its line', () => {
  expect(refusal('stack: [a\nservices: {}\n').message).toMatch(/^mainstay\.yaml:\d+:\d+: /);
  expect(refusal(`${good}stack: other\n`)).toMatchObject({ hint: 'Keep one of the two.' });
  expect(refusal('').message).toBe('mainstay.yaml holds no stack.');
  expect(refusal('just text').message).toMatch(/:1:1: /);
  expect(refusal('? [a, b]\n: c\n').code).toBe('InvalidInput');
});

it('a YAML bomb is refused before it unfolds', () => {
  const levels = Array.from(
    { length: 20 },
    (_, at) => `l${at + 1}: &l${at + 1} [${Array(10).fill(`*l${at}`).join(', ')}]`,
  );
  const error = refusal(`l0: &l0 [x]\n${levels.join('\n')}\n`);
  expect(error).toMatchObject({ code: 'InvalidInput', message: expect.stringMatching(/alias/i) });
});

it('a file that is too large, too deep or too many is refused', () => {
  expect(refusal(`# ${'x'.repeat(yamlLimits.bytes_max)}`).code).toBe('TooLarge');
  expect(refusal('['.repeat(100_000)).code).toBe('InvalidInput');
  expect(refusal('- '.repeat(100_000)).code).toBe('InvalidInput');
  expect(refusal('stack: a\n---\n'.repeat(60)).code).toBe('TooLarge');
});

it('the file that init writes is acceptable', () => {
  for (const repository of [null, 'git@example.org:a/b.git', '--upload-pack=x']) {
    const [loaded] = parseStackFile(starterFile('my-app', repository), 'mainstay.yaml');
    expect(StackFile.safeParse({ stack: loaded?.stack, ...loaded?.spec }).success).toBe(true);
  }
});

it('the name that was meant is the nearest, where one is near', () => {
  expect(nearest('nmae', ['name', 'names'])).toBe('name');
  expect(nearest('xyz', ['name', 'run'])).toBeNull();
});
