/** Words of people on operations that wait: approve, reject, confirm; and taking back what has not begun. */
import * as z from 'zod';
import { idSchema } from '../ids.ts';
import { act, JsonValue, OperationView } from '../operation.ts';

const id = idSchema('operation');
const plan_hash = z
  .string()
  .regex(/^[0-9a-f]{64}$/, 'must be the hash of a plan: 64 hexadecimal digits')
  .describe('Hash of the plan that was looked at; with another one the answer is Conflict.');
const proof = z
  .string()
  .max(4_096)
  .optional()
  .describe('Statement over the plan hash, signed by a key of the person that the keeper knows (compact JWS).');
const reason = z.string().trim().min(1).max(1_000);

export const approveOperation = act({
  id: 'operations.approve',
  summary: 'Approve an operation that waits',
  description:
    'Counts once for each person, never for the proposer. When the last approval that the policy asks for is given, the operation is signed and carried out.',
  permission: 'operations:approve',
  http: { method: 'POST', path: '/operations/{id}/approve' },
  cli: { command: ['operations', 'approve'], args: ['id'] },
  input: { id, plan_hash, reason: reason.optional(), proof },
  output: z.object({ operation: OperationView }),
  errors: ['NotFound', 'Conflict'],
});

export const rejectOperation = act({
  id: 'operations.reject',
  summary: 'Reject an operation that waits, with a reason',
  permission: 'operations:approve',
  http: { method: 'POST', path: '/operations/{id}/reject' },
  cli: { command: ['operations', 'reject'], args: ['id'] },
  input: { id, plan_hash, reason, proof },
  output: z.object({ operation: OperationView }),
  errors: ['NotFound', 'Conflict'],
});

export const confirmOperation = act({
  id: 'operations.confirm',
  summary: 'Confirm a destructive operation of your own',
  description:
    'Asked for by policy before something is destroyed; by default it must be signed with a key of your own.',
  permission: 'operations:read',
  http: { method: 'POST', path: '/operations/{id}/confirm' },
  cli: { command: ['operations', 'confirm'], args: ['id'] },
  input: { id, plan_hash, proof },
  output: z.object({ operation: OperationView }),
  errors: ['NotFound', 'Conflict'],
});

export const cancelOperation = act({
  id: 'operations.cancel',
  summary: 'Take back an operation that has not begun, or that goes out in waves',
  description:
    'The proposer may do it, and who may cancel the operations of others. One that goes out in waves is stopped, and all servers have again what they had.',
  permission: 'operations:read',
  http: { method: 'POST', path: '/operations/{id}/cancel' },
  cli: { command: ['operations', 'cancel'], args: ['id'] },
  input: { id, reason: reason.optional() },
  output: z.object({ operation: OperationView }),
  errors: ['NotFound', 'Conflict'],
});

export const collectResult = act({
  id: 'operations.collect',
  summary: 'Take the result of an operation of yours that had to wait, once',
  description: 'One-time secrets, such as the token of an invitation, are kept sealed for 24 hours, and given once.',
  permission: 'operations:read',
  http: { method: 'POST', path: '/operations/{id}/collect' },
  cli: { command: ['operations', 'collect'], args: ['id'] },
  input: { id },
  output: z.object({ operation: OperationView, result: z.nullable(JsonValue) }),
  errors: ['NotFound'],
});
