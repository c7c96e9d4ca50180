import type { ServiceProposal } from '@mainstay/contract/operations/sources';
import { StackSpec } from '@mainstay/contract/stack';
import { expect, test } from 'vitest';
import { emptyFields, envField, inputOf, serviceField, stackField } from './draft-problems.ts';
import {
  byHand,
  commandDraft,
  emptyDraft,
  fromProposal,
  fromStackFile,
  proposedStackName,
  type ServiceDraft,
  type StackDraft,
  specOf,
} from './stack-draft.ts';

const source = { git: 'https://example.com/you/shop.git', ref: 'main', credential: '' };
const proposal: ServiceProposal = {
  name: 'api',
  root: 'apps/api',
  kind: 'node',
  title: 'Node.js (npm)',
  build: { value: 'npm ci', reason: 'package-lock.json' },
  run: { value: ['node', 'server js'], reason: 'main' },
  port: { value: null, reason: 'it reads $PORT' },
  health: { value: '/healthz', reason: 'it is in the code' },
  route: { prefix: '/api', strip: true, reason: 'its name' },
  env: [
    { name: 'LOG_LEVEL', reason: '.env.example', secret: false, example: 'info' },
    { name: 'API_KEY', reason: '.env.example', secret: true, example: null },
  ],
  notes: [],
};
const draftOf = (...services: ServiceDraft[]): StackDraft => ({ ...emptyDraft, services });

test('what was proposed and not changed is acceptable to the control plane as it is', () => {
  const spec = StackSpec.parse(specOf(draftOf(fromProposal(source, proposal, 'k1'))));
  expect(spec.services['api']).toMatchObject({
    source: { git: source.git, ref: 'main', root: 'apps/api' },
    build: 'npm ci',
    run: ['node', 'server js'],
    route: { prefix: '/api', strip: true },
    secrets: ['API_KEY'],
    health: { type: 'http', path: '/healthz' },
    // A variable that nobody gave a value is left to the program.
    env: {},
  });
  expect(spec.services['api']).not.toHaveProperty('port');
});

test('a list of words stays one until its text is changed', () => {
  const service = fromProposal(source, proposal, 'k1');
  expect(service.run.text).toBe("node 'server js'");
  const changed = { ...service, run: { ...service.run, text: 'node other.js' } };
  expect(specOf(draftOf(changed)).services['api']?.run).toBe('node other.js');
  expect(commandDraft(null)).toEqual({ text: '', list: null });
});

test('a stack file goes through the form unchanged', () => {
  const spec = StackSpec.parse({
    poll_interval_seconds: 5,
    auto_deploy: false,
    proxy: { port: 9000, bind: 'public' },
    names: { port: 9001, domain: 'shop.internal' },
    services: {
      web: {
        source: { git: source.git, root: 'web', credential: 'key' },
        run: ['node', 'a b.js'],
        port: 4000,
        route: { prefix: '/' },
        env: { EMPTY: '', A: '1' },
        secrets: ['TOKEN'],
        health: { type: 'tcp', interval_seconds: 1 },
        limits: { memory_mb: 64 },
        drain_timeout_seconds: 3,
      },
    },
  });
  let key = 0;
  const draft = fromStackFile(emptyDraft, 'shop', spec, () => `k${key++}`);
  expect(draft.name).toBe('shop');
  expect(StackSpec.parse(specOf(draft))).toEqual(spec);
});

test('a port that is no number reaches the control plane as it was typed, and is refused by name', () => {
  const service = { ...fromProposal(source, proposal, 'k1'), port: '80a' };
  const result = StackSpec.safeParse(specOf(draftOf(service)));
  expect(result.error?.issues[0]?.path).toEqual(['services', 'api', 'port']);
});

test('emptiness and names that are twice are found before anything is asked', () => {
  const hand = { ...byHand({ ...source, git: '' }, 'k2'), name: 'api' };
  const problems = emptyFields(draftOf(fromProposal(source, proposal, 'k1'), hand), '', []);
  expect(Object.keys(problems).sort()).toEqual(['k2-git', 'k2-name', 'k2-run', 'stack-name']);
  expect(emptyFields(emptyDraft, 'shop', ['shop'])).toHaveProperty(stackField('name'));
  // Trying again after a failure changes the stack that was made here.
  expect(emptyFields({ ...emptyDraft, made: 'shop' }, 'shop', ['shop'])).not.toHaveProperty(stackField('name'));
});

test('every field of an error leads to an input', () => {
  const api = fromProposal(source, proposal, 'k1');
  const dotted = { ...byHand(source, 'k2'), name: 'api.v2' };
  const draft = draftOf(api, dotted);
  expect(inputOf('spec.services.api.port', draft)).toBe(serviceField(api, 'port'));
  expect(inputOf('spec.services.api.source.ref', draft)).toBe(serviceField(api, 'ref'));
  expect(inputOf('spec.services.api.route.prefix', draft)).toBe(serviceField(api, 'route'));
  expect(inputOf('spec.services.api.env.LOG_LEVEL', draft)).toBe(envField(api.env[0]!));
  expect(inputOf('spec.services.api.secrets.0', draft)).toBe(envField(api.env[1]!));
  expect(inputOf('spec.services.api.v2', draft)).toBe(serviceField(dotted, 'name'));
  expect(inputOf('spec.services.gone.port', draft)).toBe(stackField('services'));
  expect(inputOf('spec.proxy.port', draft)).toBe(stackField('proxy_port'));
  expect(inputOf('plan_hash', draft)).toBe(null);
});

test('the name of a stack comes from the repository, in letters that names may have', () => {
  expect(proposedStackName('https://example.com/you/My_Shop.git')).toBe('my-shop');
  expect(proposedStackName('git@example.com:you/42-things/')).toBe('things');
  expect(proposedStackName('/srv/git/web')).toBe('web');
  expect(proposedStackName('')).toBe('');
});
