import { roles } from '@mainstay/contract/operation';
import { expect, it } from 'vitest';
import { lesserRole, mayApprove } from './roles.ts';

it('a gateway that names another role than the one with the key makes nobody more than both', () => {
  expect(lesserRole('owner', 'viewer')).toBe('viewer');
  expect(lesserRole('viewer', 'owner')).toBe('viewer');
  expect(lesserRole('admin', 'approver')).toBe('approver');
  expect(lesserRole('approver', 'deployer')).toBe('viewer');
  expect(lesserRole('deployer', 'approver')).toBe('viewer');
  expect(lesserRole(null, 'owner')).toBeNull();
  for (const role of roles) expect(lesserRole(role, role)).toBe(role);
});

it('approvers, admins and owners approve, from the least role on; deployers and viewers do not', () => {
  const who = (least: 'owner' | 'admin' | 'approver' | null) => roles.filter((role) => mayApprove(role, least));
  expect(who(null)).toEqual(['owner', 'admin', 'approver']);
  expect(who('approver')).toEqual(['owner', 'admin', 'approver']);
  expect(who('admin')).toEqual(['owner', 'admin']);
  expect(who('owner')).toEqual(['owner']);
  expect(mayApprove(null, null)).toBe(false);
});
