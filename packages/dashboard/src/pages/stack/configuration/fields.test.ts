import { StackSpec } from '@mainstay/contract/stack';
import { expect, test } from 'vitest';
import { fieldTexts } from '../../../texts/stack/configuration.ts';
import { fieldOfError, realEdits, serviceFields, specWith, stackFields, textAt } from './fields.ts';

const spec = StackSpec.parse({
  services: {
    api: { source: { git: 'https://example.com/a.git' }, run: ['node', 'a.js'], port: 3000, route: { prefix: '/api' } },
    web: { source: { git: 'https://example.com/b.git' }, run: 'npm start', env: { A: '1' } },
  },
});

test('without edits the specification is the same, and every field shows its value', () => {
  expect(specWith(spec, {})).toEqual(spec);
  expect(textAt(spec.services['api'], 'run')).toBe('["node","a.js"]');
  expect(textAt(spec.services['web'], 'port')).toBe('');
  expect(textAt(spec, 'auto_deploy')).toBe('true');
});

test('edits are read by their kind, and leave the rest alone', () => {
  const next = specWith(spec, {
    '': { 'proxy.port': '9000', auto_deploy: 'false' },
    api: { run: '["node", "b.js"]', port: '', 'route.prefix': '', 'limits.memory_mb': '256' },
    web: { run: 'npm run x', 'route.prefix': '/web', 'route.strip': 'true' },
    gone: { run: 'x' },
  });
  expect(StackSpec.parse(next)).toEqual(next);
  expect(next.proxy.port).toBe(9_000);
  expect(next.auto_deploy).toBe(false);
  expect(next.services['api']).not.toHaveProperty('route');
  expect(next.services['api']).not.toHaveProperty('port');
  expect(next.services['api']?.run).toEqual(['node', 'b.js']);
  expect(next.services['web']?.route).toEqual({ prefix: '/web', strip: true });
  expect(next.services['web']?.env).toEqual({ A: '1' });
  expect(Object.keys(next.services)).toEqual(['api', 'web']);
});

test('what is no number is sent as it is, so that it is refused at its field', () => {
  const next = specWith(spec, { api: { 'health.interval_seconds': 'often' } });
  const refused = StackSpec.safeParse(next);
  expect(refused.error?.issues[0]?.path.join('.')).toBe('services.api.health.interval_seconds');
});

test('an edit that says what is in force is none', () => {
  expect(realEdits({ port: '3000', run: 'x' }, spec.services['api'])).toEqual({ run: 'x' });
});

test('an error finds its field', () => {
  expect(fieldOfError('spec.services.api.health.path')).toEqual({ service: 'api', path: 'health.path' });
  expect(fieldOfError('spec.services.api.run.0')).toEqual({ service: 'api', path: 'run' });
  expect(fieldOfError('spec.services.api.source')).toEqual({ service: 'api', path: 'source.git' });
  expect(fieldOfError('spec.proxy.port')).toEqual({ service: '', path: 'proxy.port' });
  expect(fieldOfError('spec.services.api.env.A')).toBe(null);
  expect(fieldOfError('stack')).toBe(null);
});

test('every field has words', () => {
  for (const { path } of [...serviceFields, ...stackFields]) expect(fieldTexts[path]?.label, path).toBeTruthy();
});
