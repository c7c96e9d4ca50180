/** A person with a key of their own, as the CLI and the dashboard have it: confirms, approves and rejects by signed statements. */
import type { Client } from '@mainstay/contract/client';
import type { OperationView } from '@mainstay/contract/operation';
import { newDeviceKey, openDeviceKey, type ProofStatement } from '@mainstay/contract/proof';

export type Person = Awaited<ReturnType<typeof createPerson>>;

/** Registers a new key of whoever the client speaks for. */
export async function createPerson(client: Client, now: () => number = Date.now) {
  const { actor } = await client['system.whoami']({});
  const signer = await openDeviceKey(await newDeviceKey(), now);
  const { key } = await client['keys.register']({ name: 'test', key: signer.public_key });
  const sign = (says: ProofStatement['says'], about: string, operation_id: string | null = null) =>
    signer.sign({ says, user_id: actor.id, about, operation_id });
  const say = async (says: 'confirm' | 'approve' | 'reject', { id, plan }: OperationView, reason = 'because') => {
    const input = { id: id!, plan_hash: plan.hash, proof: await sign(says, plan.hash, id) };
    const { operation } =
      says === 'confirm'
        ? await client['operations.confirm'](input)
        : await client[`operations.${says}`]({ ...input, reason });
    return (await client['operations.get']({ id: operation.id!, wait_seconds: operation.state === 'waiting' ? 0 : 20 }))
      .operation;
  };
  return {
    actor,
    key,
    signer,
    sign,
    say,
    /** The end of a change that its proposer has to confirm. */
    async confirmed(answer: Promise<{ operation: OperationView }>): Promise<OperationView> {
      const { operation } = await answer;
      return operation.state === 'waiting' ? say('confirm', operation) : operation;
    },
  };
}
