import type { OperationView, Requirement, Role } from '@mainstay/contract/operation';
import { describe, expect, test } from 'vitest';
import { approvalsLeft, type Me, verdictsOf, waitsForMe } from './waits.ts';

const person = (name: string, role: Role = 'owner') =>
  ({ kind: 'user', id: `usr_${name}`, name, role, proof: 'session' }) as const;
const me = (name: string, role: Role, ...permissions: string[]): Me => ({ actor: person(name, role), permissions });
const requirement = (change: Partial<Requirement> = {}): Requirement => ({
  policy: 'production/deploys',
  approvals: 1,
  role: null,
  proof: null,
  confirmation: false,
  expires_at: 1,
  not_before: null,
  ...change,
});
const waiting = (change: Partial<OperationView> = {}): OperationView => ({
  id: 'op_1',
  operation: 'stacks.deploy',
  state: 'waiting',
  actor: person('ada'),
  plan: { summary: 'Deploy stack shop', changes: [], warnings: [], hash: 'a'.repeat(64) },
  stack: 'shop',
  version: null,
  targets: [],
  requirement: requirement(),
  approvals: [],
  run_id: null,
  message: null,
  hint: null,
  created_at: 1,
  finished_at: null,
  ...change,
});
const word = (name: string, verdict: 'approve' | 'reject' | 'confirm') =>
  ({ actor: person(name), verdict, reason: null, at: 1 }) as const;

const nothing = { approve: false, reject: false, confirm: false, cancel: false };

describe('what a person may say', () => {
  test('who proposed it can take it back, and neither approve nor reject it', () => {
    const ada = me('ada', 'owner', 'operations:approve', 'operations:cancel');
    expect(verdictsOf(waiting(), ada)).toEqual({ ...nothing, cancel: true });
  });

  test('another who may approve can approve and reject it, once', () => {
    const grace = me('grace', 'approver', 'operations:approve');
    expect(verdictsOf(waiting(), grace)).toEqual({ ...nothing, approve: true, reject: true });
    const said = waiting({ requirement: requirement({ approvals: 2 }), approvals: [word('grace', 'approve')] });
    expect(verdictsOf(said, grace)).toEqual({ ...nothing, reject: true });
  });

  test('who has a lesser role than the policy asks for cannot approve it', () => {
    const asked = waiting({ requirement: requirement({ role: 'admin' }) });
    expect(verdictsOf(asked, me('grace', 'approver', 'operations:approve')).approve).toBe(false);
    expect(verdictsOf(asked, me('grace', 'admin', 'operations:approve')).approve).toBe(true);
  });

  test('who may not approve at all is asked for nothing', () => {
    expect(verdictsOf(waiting(), me('linus', 'viewer'))).toEqual(nothing);
    expect(verdictsOf(waiting(), me('linus', 'deployer', 'operations:cancel'))).toEqual({ ...nothing, cancel: true });
  });

  test('a confirmation is for who proposed it alone', () => {
    const asked = waiting({ requirement: requirement({ approvals: 0, confirmation: true }) });
    expect(verdictsOf(asked, me('ada', 'owner', 'operations:approve')).confirm).toBe(true);
    expect(verdictsOf(asked, me('grace', 'owner', 'operations:approve'))).toEqual({ ...nothing, reject: true });
    const confirmed = waiting({ requirement: asked.requirement, approvals: [word('ada', 'confirm')] });
    expect(verdictsOf(confirmed, me('ada', 'owner')).confirm).toBe(false);
  });

  test('what has begun or ended waits for nobody', () => {
    const grace = me('grace', 'owner', 'operations:approve', 'operations:cancel');
    for (const state of ['running', 'succeeded', 'failed', 'rejected', 'expired', 'cancelled'] as const)
      expect(verdictsOf(waiting({ state }), grace)).toEqual(nothing);
    expect(verdictsOf(waiting({ state: 'approved' }), grace)).toEqual({ ...nothing, cancel: true });
    expect(waitsForMe(waiting({ state: 'approved' }), grace)).toBe(false);
  });
});

test('who approved twice counts once, and who proposed it never', () => {
  const asked = waiting({
    requirement: requirement({ approvals: 2 }),
    approvals: [word('grace', 'approve'), word('grace', 'approve'), word('ada', 'approve')],
  });
  expect(approvalsLeft(asked)).toBe(1);
});
