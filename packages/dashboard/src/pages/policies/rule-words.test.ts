import type { PolicyRule } from '@mainstay/contract/policy';
import { expect, test } from 'vitest';
import { demandWords, matchWords } from './rule-words.ts';

const rule = (change: Partial<PolicyRule>): PolicyRule => ({ name: 'some', match: {}, effect: 'allow', ...change });

test('a rule without conditions is about every change', () => {
  expect(matchWords(rule({}))).toBe('Every change');
  expect(demandWords(rule({}))).toBe('');
});

test('all conditions of a rule are told', () => {
  const match: PolicyRule['match'] = {
    operations: ['stacks.deploy', 'secrets.*'],
    actor: { kinds: ['user'], roles: ['deployer'], names: ['ada*'] },
    target: { stacks: ['shop'], environments: ['prod*'], servers: ['web-?'], labels: { tier: 'edge' } },
    sources: ['https://git.example/*'],
    difference: 'commits_only',
  };
  expect(matchWords(rule({ match }))).toBe(
    'Changes stacks.deploy, secrets.*, by deployers, named ada*, of the stacks shop, in the environments prod*, on the servers web-?, on servers with tier=edge, with code from https://git.example/*, that move to other commits only',
  );
});

test('what is required is told, each thing of it', () => {
  const require = {
    approvals: 2,
    role: 'admin' as const,
    proof: 'signed' as const,
    confirmation: true,
    expires_seconds: 86_400,
    window: { days: ['sat' as const, 'sun' as const], from: '22:00', to: '02:00', time_zone: 'Europe/Berlin' },
  };
  expect(demandWords(rule({ effect: 'require', require }))).toBe(
    '2 approvals by others (admin or above), a confirmation by who proposes it, signed with a key of their own, within sat, sun 22:00–02:00 (Europe/Berlin), decided within 1 d',
  );
});

test('a denial is told in the words of the rule', () => {
  expect(demandWords(rule({ effect: 'deny', reason: 'Never on Fridays.' }))).toBe('Never on Fridays.');
});
