/** Confirming one's own destructive change, where policy asks for it: with the key of this device, over the hash of the plan. */
import { AppError } from '@mainstay/contract/errors';
import type { OperationView } from '@mainstay/contract/operation';
import type { Cli } from '../cli.ts';
import type { Connection } from '../connection.ts';
import { readDeviceKey } from '../keys/device-key.ts';

/** Whether the operation waits for the word of the one who proposed it, and of nobody else before. */
export function waitsForConfirmation({ state, requirement, approvals }: OperationView): boolean {
  return (
    state === 'waiting' && requirement?.confirmation === true && !approvals.some(({ verdict }) => verdict === 'confirm')
  );
}

export async function confirmOperation(
  cli: Cli,
  connection: Connection,
  operation: OperationView,
): Promise<OperationView> {
  const proof = await signedWord(cli, connection, 'confirm', operation);
  const input = { id: operation.id!, plan_hash: operation.plan.hash, ...proof };
  return (await connection.call('operations.confirm', input)).operation;
}

/** A person's word on an operation, signed by the key of this device; nothing where none is asked for and there is no key. */
export async function signedWord(
  cli: Cli,
  connection: Connection,
  says: 'approve' | 'reject' | 'confirm',
  { id, plan, requirement }: OperationView,
): Promise<{ proof?: string }> {
  const key = await readDeviceKey(cli.terminal.env);
  if (key) {
    const { actor } = await connection.call('system.whoami', {});
    return { proof: await key.sign({ says, user_id: actor.id, about: plan.hash, operation_id: id }) };
  }
  if (requirement?.proof !== 'signed') return {};
  throw new AppError('Forbidden', 'This must be signed by a key of your own, and this device has none.', {
    hint: 'Make and register one: mainstay keys register',
  });
}
