/** What people ask for while programs are killed: changes of every kind, each under a key by which asking again is the same request. */
import { AppError } from '@mainstay/contract/errors';
import { type Installation, pause } from './installation.ts';
import type { Random } from './random.ts';

export type Change = {
  /** For people who read the table. */
  label: string;
  key: string;
  /** What `stacks.apply` writes into the environment of the service. */
  mark: string | null;
  ask(): Promise<unknown>;
};

type Making = { at: Installation; random: Random; key: string };
type Kind = (making: Making) => Promise<Omit<Change, 'key'>>;

const applied =
  (stack: string): Kind =>
  async ({ at, key }) => ({
    label: `stacks.apply ${stack}`,
    mark: key,
    ask: () => at.client['stacks.apply']({ stack, spec: at.spec(key), idempotency_key: key }),
  });

const plain = (label: string, ask: Change['ask']): Omit<Change, 'key'> => ({ label, mark: null, ask });

const kinds: Kind[] = [
  applied('shop'),
  applied('lone'),
  // Waits until another person approves it.
  applied('asked'),
  async ({ at, random, key }) => {
    const name = random.pick(['ONE', 'TWO', 'THREE']);
    const input = { stack: 'lone', name, value: key, idempotency_key: key };
    return plain('secrets.set', () => at.client['secrets.set'](input));
  },
  async ({ at, key }) => {
    at.commit(key);
    return plain('stacks.deploy', () => at.client['stacks.deploy']({ stack: 'shop', idempotency_key: key }));
  },
  async ({ at, key }) =>
    plain('stacks.rollback', () => at.client['stacks.rollback']({ stack: 'shop', idempotency_key: key })),
  async ({ at, key }) =>
    plain('servers.invite', () => at.client['servers.invite']({ server: key, idempotency_key: key })),
  // Waits until its proposer has signed that it is meant.
  async ({ at, key }) => {
    const stack = `gone-${key}`;
    await at.client['stacks.apply']({ stack, spec: at.spec(key) });
    return plain('stacks.remove', () => at.client['stacks.remove']({ stack, idempotency_key: key }));
  },
];

/** One to five changes at once. What they need is there when this settles. */
export async function makeChanges(at: Installation, random: Random, name: string): Promise<Change[]> {
  const made: Change[] = [];
  const count = 1 + random.below(5);
  for (let index = 0; index < count; index++) {
    const key = `${name}-${index}`;
    made.push({ key, ...(await random.pick(kinds)({ at, random, key })) });
  }
  return made;
}

/** `lost`: nobody knows whether it was done; anything else that was thrown is an answer. */
export type Answer = 'done' | 'lost' | AppError;

export async function ask(change: Change): Promise<Answer> {
  try {
    await change.ask();
    return 'done';
  } catch (error) {
    return error instanceof AppError && error.code !== 'Unavailable' ? error : 'lost';
  }
}

/** Asks until there is an answer, as whoever lost one does. @throws Error when there is none in time */
export async function askUntilAnswered(change: Change, timeout_ms: number): Promise<Exclude<Answer, 'lost'>> {
  const end = Date.now() + timeout_ms;
  for (;;) {
    const answer = await ask(change);
    if (answer !== 'lost') return answer;
    if (Date.now() > end) throw new Error(`${change.label} ${change.key} had no answer in ${timeout_ms / 1000} s`);
    await pause(100);
  }
}

/** The people: whatever waits for the owner is confirmed, whatever waits for somebody else is approved, until they are told to stop. */
export function startPeople({ client, owner, approver }: Pick<Installation, 'client' | 'owner' | 'approver'>) {
  let isOver = false;
  const round = async () => {
    const { operations } = await client['operations.list']({ state: ['waiting'], limit: 50 });
    for (const { id, plan, requirement, approvals } of operations) {
      const word = { id: id!, plan_hash: plan.hash };
      const isConfirmed = approvals.some(({ verdict }) => verdict === 'confirm');
      if (requirement?.confirmation && !isConfirmed) {
        await client['operations.confirm']({ ...word, proof: await owner.sign('confirm', plan.hash, id) });
      } else {
        await approver['operations.approve']({ ...word, reason: 'chaos' });
      }
    }
  };
  const rounds = (async () => {
    while (!isOver) {
      // A program that is away, or an operation that went on meanwhile: they look again.
      await round().catch(() => {});
      await pause(100);
    }
  })();
  return {
    async stop() {
      isOver = true;
      await rounds;
    },
  };
}
