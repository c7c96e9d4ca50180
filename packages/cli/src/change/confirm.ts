/** Words of people on operations that wait, signed with the key of this device over the hash of the plan. */
import { AppError } from '@mainstay/contract/errors';
import type { OperationView } from '@mainstay/contract/operation';
import { planHash } from '@mainstay/contract/plan';
import { missingWords } from '@mainstay/contract/waiting';
import type { Cli } from '../cli.ts';
import type { Connection } from '../connection.ts';
import { findOwnKey, requireOwnKey } from '../keys/own-key.ts';

/** Whether the operation waits for the word of the one who proposed it. */
export function waitsForConfirmation(operation: OperationView): boolean {
  return missingWords(operation)?.confirmation === true;
}

/** Confirms one's own change, where policy asks for it. */
export async function confirmOperation(
  cli: Cli,
  connection: Connection,
  operation: OperationView,
  options: { json?: boolean },
): Promise<OperationView> {
  const proof = await signedWord(cli, connection, 'confirm', operation, options);
  const input = { id: operation.id!, plan_hash: operation.plan.hash, ...proof };
  return (await connection.call('operations.confirm', input)).operation;
}

/** A person's word on an operation, signed by the key of this device; nothing where none is asked for and there is none to use. */
export async function signedWord(
  cli: Cli,
  connection: Connection,
  says: 'approve' | 'reject' | 'confirm',
  operation: OperationView,
  { json }: { json?: boolean },
): Promise<{ proof?: string }> {
  const { id, plan, requirement } = operation;
  const note = json ? () => {} : cli.note;
  const own =
    requirement?.proof === 'signed'
      ? await requireOwnKey(cli, connection, note).catch((error: unknown) => {
          throw goingOn(error, `mainstay ops ${says} ${id}`);
        })
      : await findOwnKey(cli, connection);
  if (!own) return {};
  await checkHash(operation);
  return { proof: await own.signer.sign({ says, user_id: own.actor.id, about: plan.hash, operation_id: id }) };
}

/** What is signed is the plan that was shown: its hash is made again from it, and not taken at the control plane's word. */
async function checkHash({ operation, plan: { hash, changes, over } }: OperationView): Promise<void> {
  if (over && (await planHash({ operation, changes, ...over })) === hash) return;
  throw new AppError('Conflict', 'The hash is not that of the plan that the control plane shows; nothing was signed.', {
    field: 'plan_hash',
    hint: 'Somebody may have changed what it shows. Look into its audit (mainstay audit verify) before going on.',
  });
}

/** The operation waits meanwhile, so that nothing has to be done again. */
function goingOn(error: unknown, command: string): unknown {
  if (!(error instanceof AppError) || error.code !== 'Forbidden') return error;
  return new AppError(error.code, `This must be signed by a key of your own. ${error.message}`, {
    hint: `${error.hint ?? ''}\nThe operation waits for it; after that: ${command}`,
    cause: error,
  });
}
