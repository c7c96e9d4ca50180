/** The keeper, as people see it: the policies in force, the keys that prove people, its own signing keys, and its ledger. */
import * as z from 'zod';
import { KeeperKey } from '../grant.ts';
import {
  KeeperAlert,
  LedgerCheck,
  LedgerPage,
  LedgerQuery,
  PersonKeyView,
  PolicySetView,
  PolicyTestRequest,
  PolicyTestResult,
} from '../keeper-views.ts';
import { act, change, read } from '../operation.ts';
import { PersonKey } from '../proof.ts';

export const getPolicies = read({
  id: 'policies.get',
  summary: 'Show the policies that are in force',
  description: 'With an error they are the last good ones, not what stands in the files.',
  permission: 'policies:read',
  http: { method: 'GET', path: '/policies' },
  cli: { command: ['policy', 'show'] },
  input: {},
  output: z.object({ policies: PolicySetView, alerts: z.array(KeeperAlert) }),
});

export const testPolicies = read({
  id: 'policies.test',
  summary: 'Try cases against the policies; nothing is proposed',
  permission: 'policies:read',
  http: { method: 'POST', path: '/policies/test' },
  cli: { command: ['policy', 'test'] },
  input: PolicyTestRequest.shape,
  output: z.object({ results: z.array(PolicyTestResult), passed: z.int(), failed: z.int() }),
});

const key_id = z
  .string()
  .regex(/^[0-9a-f]{64}$/, 'must be the id of a key: 64 hexadecimal digits')
  .describe('Thumbprint of the key.');
const proof = z.string().min(1).max(4_096).describe('Statement over the id of the key, signed by an admitted key.');

export const listKeys = read({
  id: 'keys.list',
  summary: 'List the keys that prove people',
  permission: 'keys:read',
  http: { method: 'GET', path: '/keys' },
  cli: { command: ['keys', 'list'] },
  input: {},
  output: z.object({ keys: z.array(PersonKeyView) }),
});

export const registerKey = act({
  id: 'keys.register',
  summary: 'Make a key of your own known to the keeper',
  description:
    'The first key of all is admitted at once. Every other waits until somebody admits it with a key that is admitted: compare its id over another channel before.',
  permission: 'access:write',
  http: { method: 'POST', path: '/keys' },
  cli: { command: ['keys', 'register'] },
  input: { name: z.string().trim().min(1).max(100).describe('Where the key is, such as `laptop`.'), key: PersonKey },
  output: z.object({ key: PersonKeyView }),
  errors: ['Conflict'],
});

export const admitKey = act({
  id: 'keys.admit',
  summary: 'Admit a key that waits, by the word of an admitted one',
  permission: 'access:write',
  http: { method: 'POST', path: '/keys/{key_id}/admit' },
  cli: { command: ['keys', 'admit'], args: ['key_id'] },
  input: { key_id, proof },
  output: z.object({ key: PersonKeyView }),
  errors: ['NotFound', 'Conflict'],
});

export const revokeKey = act({
  id: 'keys.revoke',
  summary: 'Revoke a key, by the word of an admitted one',
  permission: 'access:write',
  http: { method: 'POST', path: '/keys/{key_id}/revoke' },
  cli: { command: ['keys', 'revoke'], args: ['key_id'] },
  input: { key_id, proof },
  output: z.object({ key: PersonKeyView }),
  errors: ['NotFound', 'Conflict'],
});

export const listSigningKeys = read({
  id: 'keeper.keys',
  summary: "List the keeper's signing keys, the current one first",
  permission: 'keys:read',
  http: { method: 'GET', path: '/keeper/keys' },
  cli: { command: ['keeper', 'keys'] },
  input: {},
  output: z.object({ keys: z.array(KeeperKey), changes: z.int().describe('How often they were changed.') }),
});

export const rotateSigningKey = change({
  id: 'keeper.rotate_key',
  summary: 'Give the keeper a new signing key',
  description: 'The one before holds until it is revoked; agents accept the new one because the one before signed it.',
  permission: 'keys:write',
  http: { method: 'POST', path: '/keeper/keys/rotate' },
  cli: { command: ['keeper', 'rotate-key'] },
  input: {},
  result: KeeperKey,
});

export const revokeSigningKey = change({
  id: 'keeper.revoke_key',
  summary: 'End the trust in a former signing key of the keeper',
  description: 'What it signed and agents have not accepted yet is refused from then on.',
  permission: 'keys:write',
  effect: 'destroy',
  http: { method: 'POST', path: '/keeper/keys/{kid}/revoke' },
  cli: { command: ['keeper', 'revoke-key'], args: ['kid'] },
  input: { kid: key_id },
  result: z.object({ keys: z.array(KeeperKey) }),
  errors: ['NotFound'],
});

export const readLedger = read({
  id: 'keeper.ledger',
  summary: 'Show what the keeper decided and signed, oldest first',
  permission: 'audit:read',
  http: { method: 'GET', path: '/keeper/ledger' },
  cli: { command: ['keeper', 'ledger'] },
  input: LedgerQuery.shape,
  output: LedgerPage,
});

export const verifyLedger = read({
  id: 'keeper.verify_ledger',
  summary: "Verify the chain of the keeper's ledger",
  permission: 'audit:read',
  http: { method: 'GET', path: '/keeper/ledger/verify' },
  cli: { command: ['keeper', 'verify'] },
  input: {},
  output: LedgerCheck,
});
