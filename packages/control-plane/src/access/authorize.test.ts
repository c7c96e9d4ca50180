import { type Actor, permissions, type Role, roles } from '@mainstay/contract/operation';
import { type OperationId, operationList } from '@mainstay/contract/operations/index';
import { describe, expect, it } from 'vitest';
import { authorize, isWithin, permissionsOf, roleOfKey } from './authorize.ts';

const id = (letter: string) => `usr_${letter.repeat(32)}`;
const person = (role: Role): Actor => ({ kind: 'user', id: id('a'), name: 'ada', role, proof: 'session' });

const everyone = [...roles];
const whoOperates: Role[] = ['owner', 'admin', 'deployer'];
const whoApproves: Role[] = ['owner', 'admin', 'approver'];
const whoAdministers: Role[] = ['owner', 'admin'];

/** Every operation and who may call it; a new operation does not compile until its row is here. */
const matrix: Record<OperationId, readonly Role[]> = {
  'stacks.list': everyone,
  'stacks.get': everyone,
  'stacks.export': everyone,
  'stacks.apply': whoOperates,
  'stacks.deploy': whoOperates,
  'stacks.rollback': whoOperates,
  'stacks.pause': whoOperates,
  'stacks.resume': whoOperates,
  'stacks.remove': whoOperates,
  'stacks.versions': everyone,
  'stacks.enable_webhook': whoOperates,
  'services.list': everyone,
  'services.usage': everyone,
  'sources.refs': whoOperates,
  'sources.inspect': whoOperates,
  'servers.list': everyone,
  'servers.get': everyone,
  'servers.usage': everyone,
  'servers.diagnose': everyone,
  'servers.invite': whoAdministers,
  'servers.assign': whoAdministers,
  'servers.firewall_set': whoAdministers,
  'servers.tunnel_set': whoAdministers,
  'servers.tunnel_remove': whoAdministers,
  'servers.update_agent': whoAdministers,
  'servers.update_agents': whoAdministers,
  'servers.drain': whoAdministers,
  'servers.undrain': whoAdministers,
  'servers.label': whoAdministers,
  'servers.remove': whoAdministers,
  'secrets.list': everyone,
  'secrets.set': whoOperates,
  'secrets.remove': whoOperates,
  'credentials.list': everyone,
  'credentials.create_deploy_key': whoOperates,
  'credentials.set_token': whoOperates,
  'credentials.remove': whoOperates,
  'events.list': everyone,
  'logs.list': everyone,
  'operations.list': everyone,
  'audit.list': everyone,
  'audit.head': everyone,
  'audit.verify': everyone,
  'operations.get': everyone,
  'operations.approve': whoApproves,
  'operations.reject': whoApproves,
  'operations.confirm': everyone,
  'operations.cancel': everyone,
  'operations.collect': everyone,
  'runs.list': everyone,
  'runs.get': everyone,
  'runs.events': everyone,
  'runs.tasks': everyone,
  'runs.cancel': whoOperates,
  'runs.pause': whoOperates,
  'runs.resume': whoOperates,
  'runs.retry': whoOperates,
  'schedules.list': everyone,
  'policies.get': everyone,
  'policies.test': everyone,
  'keys.list': everyone,
  'keys.register': everyone,
  'keys.admit': everyone,
  'keys.revoke': everyone,
  'keeper.keys': everyone,
  'keeper.rotate_key': ['owner'],
  'keeper.revoke_key': ['owner'],
  'keeper.ledger': everyone,
  'keeper.verify_ledger': everyone,
  'system.health': everyone,
  'system.whoami': everyone,
  'access.create_sign_in_link': everyone,
  'access.list_users': everyone,
  'access.create_user': whoAdministers,
  'access.set_role': whoAdministers,
  'access.remove_user': whoAdministers,
  'access.list_sessions': everyone,
  'access.end_session': everyone,
  'access.list_tokens': everyone,
  'access.create_token': everyone,
  'access.revoke_token': everyone,
};

describe('the matrix of operations and roles', () => {
  it('has a row for every operation of the contract, and none for another', () => {
    expect(Object.keys(matrix).toSorted()).toEqual(operationList.map((operation) => operation.id).toSorted());
  });

  it.each(operationList.map((operation) => [operation.id, operation.permission] as const))(
    '%s is for exactly the roles of its row',
    (operation_id, permission) => {
      const may = roles.filter((role) => permission === 'none' || authorize(person(role), permission, null));
      expect(may).toEqual(roles.filter((role) => matrix[operation_id].includes(role)));
    },
  );

  it('gives the owner everything, and the viewer nothing that changes what belongs to others', () => {
    expect(permissionsOf(person('owner'))).toEqual([...permissions]);
    const writes = permissionsOf(person('viewer')).filter((permission) => !permission.endsWith(':read'));
    expect(writes).toEqual(['access:write']);
    expect(permissionsOf(person('admin'))).not.toContain('keys:write');
    expect(whoApproves.every((role) => permissionsOf(person(role)).includes('operations:approve'))).toBe(true);
    expect(permissionsOf(person('deployer'))).not.toContain('operations:approve');
  });
});

describe('authorization', () => {
  it('lets everybody have their own keys, and only who administers those of others', () => {
    for (const permission of ['access:read', 'access:write'] as const) {
      for (const role of roles) {
        expect(authorize(person(role), permission, `user/${id('a')}`)).toBe(true);
        expect(authorize(person(role), permission, `user/${id('b')}`)).toBe(whoAdministers.includes(role));
      }
    }
  });

  it('gives nothing to an actor without a role, and deploying alone to webhooks and pollers', () => {
    const nobody: Actor = { ...person('owner'), role: null };
    const webhook: Actor = { ...nobody, kind: 'webhook' };
    const server: Actor = { ...person('owner'), kind: 'server' };
    for (const permission of permissions) {
      expect(authorize(nobody, permission, null)).toBe(false);
      expect(authorize(server, permission, null)).toBe(false);
      expect(authorize(webhook, permission, null)).toBe(permission === 'stacks:deploy');
    }
  });

  it('orders roles by what they may do: deployer and approver are side by side', () => {
    expect(roles.filter((role) => isWithin(role, 'owner'))).toEqual(everyone);
    expect(roles.filter((role) => isWithin(role, 'admin'))).toEqual(['admin', 'deployer', 'approver', 'viewer']);
    expect(roles.filter((role) => isWithin(role, 'deployer'))).toEqual(['deployer', 'viewer']);
    expect(roles.filter((role) => isWithin(role, 'approver'))).toEqual(['approver', 'viewer']);
    expect(roles.filter((role) => isWithin(role, 'viewer'))).toEqual(['viewer']);
  });

  it('gives a key at most what its person may do, whatever became of that person', () => {
    for (const now of roles) {
      expect(roleOfKey(now, null)).toBe(now);
      for (const made of roles) {
        expect(isWithin(roleOfKey(now, made), now)).toBe(true);
        expect(isWithin(roleOfKey(now, made), made)).toBe(true);
      }
    }
  });
});
