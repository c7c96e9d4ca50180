import { expect, it } from 'vitest';
import { newId } from './ids.ts';
import type { Actor, OperationView, Requirement, Role } from './operation.ts';
import { missingWords, wordAskedOf } from './waiting.ts';

const person = (name: string, role: Role): Actor => ({ kind: 'user', id: `usr_${name}`, name, role, proof: 'session' });
const ada = person('ada', 'deployer');
const bob = person('bob', 'approver');
const permissions = ['operations:read', 'operations:approve'];

function waiting(requirement: Partial<Requirement>, approvals: OperationView['approvals'] = []): OperationView {
  return {
    id: newId('operation'),
    operation: 'stacks.remove',
    state: 'waiting',
    actor: ada,
    plan: { summary: 'Remove', changes: [], warnings: [], hash: '0'.repeat(64) },
    stack: 'shop',
    version: null,
    targets: [],
    requirement: {
      policy: 'a/b',
      approvals: 0,
      role: null,
      proof: null,
      confirmation: false,
      expires_at: 1,
      not_before: null,
      ...requirement,
    },
    approvals,
    run_id: null,
    message: null,
    hint: null,
    created_at: 0,
    finished_at: null,
  };
}

const wordOf = (actor: Actor, verdict: 'approve' | 'confirm') => ({ actor, verdict, reason: null, at: 1 });

it('an approval is asked of others only, and once of each', () => {
  const operation = waiting({ approvals: 2 });
  expect(wordAskedOf(operation, { actor: ada, permissions })).toBeNull();
  expect(wordAskedOf(operation, { actor: bob, permissions })).toBe('approve');
  const once = waiting({ approvals: 2 }, [wordOf(bob, 'approve')]);
  expect(missingWords(once)).toEqual({ approvals: 1, confirmation: false });
  expect(wordAskedOf(once, { actor: bob, permissions })).toBeNull();
});

it('an approval is asked of those who are enough for it', () => {
  const operation = waiting({ approvals: 1, role: 'admin' });
  expect(wordAskedOf(operation, { actor: bob, permissions })).toBeNull();
  expect(wordAskedOf(operation, { actor: person('eve', 'admin'), permissions: [] })).toBeNull();
  expect(wordAskedOf(operation, { actor: person('eve', 'admin'), permissions })).toBe('approve');
});

it('a confirmation is asked of the proposer until it is given', () => {
  expect(wordAskedOf(waiting({ confirmation: true }), { actor: ada, permissions: [] })).toBe('confirm');
  expect(wordAskedOf(waiting({ confirmation: true }), { actor: bob, permissions })).toBeNull();
  const confirmed = waiting({ confirmation: true, approvals: 1 }, [wordOf(ada, 'confirm')]);
  expect(wordAskedOf(confirmed, { actor: ada, permissions })).toBeNull();
});

it('what does not wait asks nobody', () => {
  const ended = { ...waiting({ confirmation: true }), state: 'expired' as const };
  expect(missingWords(ended)).toBeNull();
  expect(wordAskedOf(ended, { actor: ada, permissions })).toBeNull();
});
