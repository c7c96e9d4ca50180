/**
 * What every operation is tried with: one input on which it succeeds, and one for each error that it declares. The type
 * wants a row for every operation; the suite wants an input for every declared error. Rows run in the order of the
 * contract, each on what the rows before it left.
 */
import type { ErrorCode } from '@mainstay/contract/errors';
import type { OperationId } from '@mainstay/contract/operations/index';
import type { Fixture } from './fixture.ts';
import type { Input } from './interfaces.ts';
import { serverCases } from './server-cases.ts';

export type CaseInput = (fixture: Fixture) => Input | Promise<Input>;
export type Case = {
  success: CaseInput;
  errors: Partial<Record<ErrorCode, CaseInput>>;
  /** Field that each of these errors names. */
  fields?: Partial<Record<ErrorCode, string>>;
};

/** Hash of no plan at all. */
const otherPlan = { plan_hash: '0'.repeat(64) };
const nowhere = 'nowhere';
const noKey = `key_${'0'.repeat(32)}`;
const noOperation = { id: `op_${'0'.repeat(32)}`, ...otherPlan };
const noRun = { id: `run_${'0'.repeat(32)}` };
const noDigest = '0'.repeat(64);

/** What the owner says of a key, signed by the owner's first one. */
function ofKey({ keys, dora_id }: Fixture, says: 'admit_key' | 'revoke_key', key_id: string): Promise<Input> {
  const about = { user_id: keys.owner_id, about: key_id, operation_id: null };
  const admits = says === 'admit_key' ? { admits: { user_id: dora_id, role: 'deployer' as const } } : {};
  return keys.owner.sign({ says, ...about, ...admits }).then((proof) => ({ key_id, proof }));
}

/** The Git repository of the fixture. */
const repositoryOf = ({ spec }: Fixture): string => spec().services['web']!.source.git;

const unreachable = ({ spec }: Fixture): Input => {
  const broken = spec();
  broken.services['web']!.source.ref = 'no-such-branch';
  return { stack: 'shop', spec: broken };
};

export const cases: Record<OperationId, Case> = {
  'stacks.list': { success: () => ({}), errors: {} },
  'stacks.get': { success: () => ({ stack: 'shop' }), errors: { NotFound: () => ({ stack: nowhere }) } },
  'stacks.export': { success: () => ({ stack: 'shop' }), errors: { NotFound: () => ({ stack: nowhere }) } },
  'stacks.apply': {
    success: ({ spec }) => ({ stack: 'shop', spec: spec({ LOG_LEVEL: 'debug' }) }),
    errors: {
      SourceUnavailable: unreachable,
      Conflict: ({ spec }) => ({ stack: 'shop', spec: spec(), ...otherPlan }),
    },
    fields: { SourceUnavailable: 'spec.services.web.source.ref', Conflict: 'plan_hash' },
  },
  'stacks.deploy': {
    success: () => ({ stack: 'shop', services: ['web'], restart: true }),
    errors: {
      NotFound: () => ({ stack: 'shop', services: [nowhere] }),
      Conflict: () => ({ stack: 'shop', ...otherPlan }),
      SourceUnavailable: () => ({ stack: 'broken' }),
    },
    fields: { NotFound: 'services', Conflict: 'plan_hash' },
  },
  'stacks.rollback': {
    success: () => ({ stack: 'shop', version: 2 }),
    errors: {
      NotFound: () => ({ stack: 'shop', version: 999 }),
      Conflict: () => ({ stack: 'blog' }),
    },
    fields: { NotFound: 'version', Conflict: 'version' },
  },
  'stacks.pause': {
    success: () => ({ stack: 'blog', reason: 'A sale, with “quotes”' }),
    errors: { NotFound: () => ({ stack: nowhere }), Conflict: () => ({ stack: 'blog', ...otherPlan }) },
    fields: { NotFound: 'stack', Conflict: 'plan_hash' },
  },
  'stacks.resume': {
    success: () => ({ stack: 'blog' }),
    errors: { NotFound: () => ({ stack: nowhere }), Conflict: () => ({ stack: 'blog', ...otherPlan }) },
    fields: { NotFound: 'stack', Conflict: 'plan_hash' },
  },
  'stacks.remove': {
    success: () => ({ stack: 'old', delete_data: true }),
    errors: { NotFound: () => ({ stack: nowhere }), Conflict: () => ({ stack: 'shop', ...otherPlan }) },
  },
  'stacks.versions': {
    success: () => ({ stack: 'shop', limit: 5 }),
    errors: { NotFound: () => ({ stack: nowhere }) },
  },
  'stacks.enable_webhook': {
    success: () => ({ stack: 'shop' }),
    errors: { NotFound: () => ({ stack: nowhere }), Conflict: () => ({ stack: 'shop', ...otherPlan }) },
  },
  'services.list': { success: () => ({ stack: 'shop' }), errors: { NotFound: () => ({ stack: nowhere }) } },
  'services.usage': {
    success: () => ({ stack: 'shop', service: 'web', range: '6h' }),
    errors: { NotFound: () => ({ stack: 'shop', service: nowhere }) },
    fields: { NotFound: 'service' },
  },
  'sources.refs': {
    success: (fixture) => ({ git: repositoryOf(fixture) }),
    errors: {
      NotFound: (fixture) => ({ git: repositoryOf(fixture), credential: nowhere }),
      SourceUnavailable: () => ({ git: '/nowhere/at/all' }),
    },
    fields: { NotFound: 'credential', SourceUnavailable: 'git' },
  },
  'sources.inspect': {
    success: (fixture) => ({ git: repositoryOf(fixture), ref: 'main' }),
    errors: {
      NotFound: (fixture) => ({ git: repositoryOf(fixture), root: nowhere }),
      SourceUnavailable: (fixture) => ({ git: repositoryOf(fixture), ref: 'no-such-branch' }),
    },
    fields: { NotFound: 'root', SourceUnavailable: 'ref' },
  },
  ...serverCases,
  'secrets.list': { success: () => ({ stack: 'shop' }), errors: {} },
  'secrets.set': {
    success: () => ({ stack: 'shop', name: 'NEW_KEY', value: 'a value, with "quotes" and Ümläuts' }),
    errors: { Conflict: () => ({ stack: 'shop', name: 'NEW_KEY', value: 'x', ...otherPlan }) },
  },
  'secrets.remove': {
    success: () => ({ stack: 'shop', name: 'OLD' }),
    errors: {
      NotFound: () => ({ stack: 'shop', name: 'NOWHERE' }),
      Conflict: () => ({ stack: 'shop', name: 'API_KEY' }),
    },
    fields: { NotFound: 'name', Conflict: 'name' },
  },
  'credentials.list': { success: () => ({}), errors: {} },
  'credentials.create_deploy_key': {
    success: () => ({ name: 'new-key' }),
    errors: { Conflict: () => ({ name: 'used-key' }) },
    fields: { Conflict: 'name' },
  },
  'credentials.set_token': {
    success: () => ({ name: 'forge', username: 'oauth2', token: 'abc' }),
    errors: { Conflict: () => ({ name: 'used-key', token: 'abc' }) },
    fields: { Conflict: 'name' },
  },
  'credentials.remove': {
    success: () => ({ name: 'spare' }),
    errors: { NotFound: () => ({ name: nowhere }), Conflict: () => ({ name: 'used-key' }) },
    fields: { NotFound: 'name', Conflict: 'name' },
  },
  'events.list': {
    success: ({ event_operation_id }) => ({
      operation_id: event_operation_id,
      kind: ['operation.', 'build.failed'],
      search: 'unused',
      from: 1,
      after: 0,
      limit: 10,
      severity: 'info',
    }),
    errors: {},
  },
  'logs.list': {
    success: () => ({
      stack: 'blog',
      service: 'web',
      stream: 'stdout',
      search: 'e',
      level: 'debug',
      before: 1_000,
      from: 1,
      to: 1_000,
      limit: 2,
    }),
    errors: { NotFound: () => ({ stack: nowhere }) },
  },
  'operations.list': { success: () => ({ limit: 200, state: ['succeeded', 'running', 'failed'] }), errors: {} },
  'audit.list': {
    success: ({ event_operation_id }) => ({
      operation_id: event_operation_id,
      kind: ['operation.proposed', 'operation.succeeded'],
      limit: 10,
    }),
    errors: {},
  },
  'audit.head': { success: () => ({}), errors: {} },
  'audit.verify': { success: () => ({}), errors: {} },
  'operations.get': {
    success: ({ operation_id }) => ({ id: operation_id, wait_seconds: 0.5 }),
    errors: { NotFound: () => ({ id: `op_${'0'.repeat(32)}` }) },
  },
  'operations.approve': {
    success: ({ waiting }) => ({ ...waiting.approve, reason: 'It looks right' }),
    errors: { NotFound: () => noOperation, Conflict: ({ waiting }) => ({ ...waiting.approve, ...otherPlan }) },
    fields: { NotFound: 'id', Conflict: 'plan_hash' },
  },
  'operations.reject': {
    success: ({ waiting }) => ({ ...waiting.reject, reason: 'Not on a Friday' }),
    errors: {
      NotFound: () => ({ ...noOperation, reason: 'x' }),
      Conflict: ({ operation_id }) => ({ id: operation_id, ...otherPlan, reason: 'x' }),
    },
    fields: { NotFound: 'id', Conflict: 'id' },
  },
  'operations.confirm': {
    success: ({ waiting }) => waiting.confirm,
    errors: { NotFound: () => noOperation, Conflict: ({ operation_id }) => ({ id: operation_id, ...otherPlan }) },
    fields: { NotFound: 'id', Conflict: 'id' },
  },
  'operations.cancel': {
    success: ({ waiting }) => ({ id: waiting.cancel.id, reason: 'It can wait' }),
    errors: { NotFound: () => ({ id: noOperation.id }), Conflict: ({ operation_id }) => ({ id: operation_id }) },
    fields: { NotFound: 'id', Conflict: 'id' },
  },
  'operations.collect': {
    success: ({ waiting }) => ({ id: waiting.collect.id }),
    errors: { NotFound: () => ({ id: noOperation.id }) },
    fields: { NotFound: 'id' },
  },
  'policies.get': { success: () => ({}), errors: {} },
  'policies.test': {
    success: () => ({
      cases: [
        {
          name: 'held',
          propose: { operation: 'stacks.pause', stack: 'broken' },
          expect: { decision: 'waiting', approvals: 2, confirmation: true, policy: 'parity/held' },
        },
        {
          name: 'free',
          propose: { operation: 'stacks.pause', stack: 'shop' },
          expect: { decision: 'approved' },
        },
      ],
    }),
    errors: {},
  },
  'keys.list': { success: () => ({}), errors: {} },
  'keys.register': {
    success: ({ keys }) => ({ name: 'laptop', key: keys.new }),
    errors: { Conflict: ({ keys }) => ({ name: 'laptop', key: keys.revoked.public_key }) },
    fields: { Conflict: 'key' },
  },
  'keys.admit': {
    success: (fixture) => ofKey(fixture, 'admit_key', fixture.keys.pending),
    errors: {
      NotFound: (fixture) => ofKey(fixture, 'admit_key', noDigest),
      Conflict: (fixture) => ofKey(fixture, 'admit_key', fixture.keys.revoked.id),
    },
    fields: { NotFound: 'key_id', Conflict: 'key_id' },
  },
  'keys.revoke': {
    success: (fixture) => ofKey(fixture, 'revoke_key', fixture.keys.spare),
    errors: {
      NotFound: (fixture) => ofKey(fixture, 'revoke_key', noDigest),
      Conflict: (fixture) => ofKey(fixture, 'revoke_key', fixture.keys.owner.id),
    },
    fields: { NotFound: 'key_id', Conflict: 'key_id' },
  },
  'keeper.keys': { success: () => ({}), errors: {} },
  'keeper.rotate_key': {
    success: () => ({}),
    errors: { Conflict: () => otherPlan },
    fields: { Conflict: 'plan_hash' },
  },
  'keeper.revoke_key': {
    success: ({ kids: [, former] }) => ({ kid: former }),
    errors: { NotFound: () => ({ kid: noDigest }), Conflict: ({ kids: [kid] }) => ({ kid, ...otherPlan }) },
    fields: { NotFound: 'kid', Conflict: 'plan_hash' },
  },
  // The first entry alone: anchors of the audit trail stand among the others, wherever that came to at the time.
  'keeper.ledger': { success: () => ({ after: 0, limit: 1 }), errors: {} },
  'keeper.verify_ledger': { success: () => ({}), errors: {} },
  'runs.list': {
    success: () => ({ workflow: 'errand', state: ['running', 'paused', 'failed'], limit: 10 }),
    errors: {},
  },
  'runs.get': {
    success: ({ event_run_id }) => ({ id: event_run_id, limit: 10, wait_seconds: 0.5 }),
    errors: { NotFound: () => noRun },
    fields: { NotFound: 'id' },
  },
  'runs.events': {
    success: ({ event_run_id }) => ({ id: event_run_id, after: 0, limit: 10, step: 'carry_out' }),
    errors: { NotFound: () => noRun },
    fields: { NotFound: 'id' },
  },
  'runs.tasks': { success: () => ({ limit: 10 }), errors: {} },
  'runs.cancel': {
    success: ({ errands }) => ({ id: errands.running[0] }),
    errors: { NotFound: () => noRun, Conflict: ({ errands }) => ({ id: errands.failed[1] }) },
    fields: { NotFound: 'id', Conflict: 'id' },
  },
  'runs.pause': {
    success: ({ errands }) => ({ id: errands.running[1] }),
    errors: { NotFound: () => noRun, Conflict: ({ errands }) => ({ id: errands.paused[1] }) },
    fields: { NotFound: 'id', Conflict: 'id' },
  },
  'runs.resume': {
    success: ({ errands }) => ({ id: errands.paused[0] }),
    errors: { NotFound: () => noRun, Conflict: ({ errands }) => ({ id: errands.running[2] }) },
    fields: { NotFound: 'id', Conflict: 'id' },
  },
  'runs.retry': {
    success: ({ errands }) => ({ id: errands.failed[0] }),
    errors: { NotFound: () => noRun, Conflict: ({ errands }) => ({ id: errands.running[2] }) },
    fields: { NotFound: 'id', Conflict: 'id' },
  },
  'schedules.list': { success: () => ({}), errors: {} },
  'system.health': { success: () => ({}), errors: {} },
  'system.whoami': { success: () => ({}), errors: {} },
  'access.create_sign_in_link': {
    success: () => ({ user: 'bob', expires_seconds: 60 }),
    errors: { NotFound: () => ({ user: nowhere }), Conflict: () => otherPlan },
    fields: { NotFound: 'user', Conflict: 'plan_hash' },
  },
  'access.list_users': { success: () => ({}), errors: {} },
  'access.create_user': {
    success: () => ({ name: 'ada@example.org', role: 'deployer', expires_seconds: 60 }),
    errors: { Conflict: () => ({ name: 'BOB', role: 'viewer' }) },
    fields: { Conflict: 'name' },
  },
  'access.set_role': {
    success: () => ({ user: 'bob', role: 'approver' }),
    errors: { NotFound: () => ({ user: nowhere, role: 'viewer' }), Conflict: () => ({ user: 'owner', role: 'admin' }) },
    fields: { NotFound: 'user', Conflict: 'user' },
  },
  'access.remove_user': {
    success: () => ({ user: 'leaver' }),
    errors: { NotFound: () => ({ user: nowhere }), Conflict: () => ({ user: 'owner' }) },
    fields: { NotFound: 'user', Conflict: 'user' },
  },
  'access.list_sessions': {
    success: () => ({ user: 'owner' }),
    errors: { NotFound: () => ({ user: nowhere }) },
    fields: { NotFound: 'user' },
  },
  'access.end_session': {
    success: ({ session_ids: [id] }) => ({ id }),
    errors: { NotFound: () => ({ id: noKey }), Conflict: ({ session_ids: [, id] }) => ({ id, ...otherPlan }) },
    fields: { NotFound: 'id', Conflict: 'plan_hash' },
  },
  'access.list_tokens': {
    success: () => ({}),
    errors: { NotFound: () => ({ user: nowhere }) },
    fields: { NotFound: 'user' },
  },
  'access.create_token': {
    success: () => ({ name: 'ci of the shop', role: 'deployer', expires_seconds: 3_600 }),
    errors: { Conflict: () => ({ name: 'kept' }) },
    fields: { Conflict: 'name' },
  },
  'access.revoke_token': {
    success: ({ token_ids: [id] }) => ({ id }),
    errors: { NotFound: () => ({ id: noKey }), Conflict: ({ token_ids: [, id] }) => ({ id, ...otherPlan }) },
    fields: { NotFound: 'id', Conflict: 'plan_hash' },
  },
};
