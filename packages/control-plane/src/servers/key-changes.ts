/**
 * The changes of the keeper's keys, as servers are told them: with enrolment, with heartbeats, with what they are offered. Agents
 * verify each change themselves; here they are only handed on, and to withhold one is all that this side can do.
 */
import { KeyChange } from '@mainstay/contract/key-changes';
import type { Context } from '../context.ts';

export type KeyChanges = {
  /** The signed changes with a higher number, oldest first. */
  after(seq: number): Promise<string[]>;
  /** Id of the key that signs now; null while it was never changed. */
  currentKeyId(): Promise<string | null>;
};

/** How long an answer of the keeper's is used: a thousand heartbeats are no reason to ask it a thousand times. */
const fresh_ms = 2_000;

type Known = { seq: number; kid: string; jws: string };

export function createKeyChanges({ keeper, clock, log }: Pick<Context, 'keeper' | 'clock' | 'log'>): KeyChanges {
  let known: Promise<Known[]> = Promise.resolve([]);
  let asked_at = Number.NEGATIVE_INFINITY;

  const history = (): Promise<Known[]> => {
    if (clock.now() - asked_at < fresh_ms) return known;
    asked_at = clock.now();
    const before = known;
    known = keeper.keyHistory().then(
      (changes) => changes.map(read),
      (error: Error) => {
        log.debug({ reason: error.message }, 'the keeper does not tell its keys; going on with what it told before');
        return before;
      },
    );
    return known;
  };

  return {
    after: async (seq) => (await history()).filter((change) => change.seq > seq).map(({ jws }) => jws),
    currentKeyId: async () => (await history()).at(-1)?.kid ?? null,
  };
}

function read(jws: string): Known {
  const payload = Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString('utf8');
  const { seq, current } = KeyChange.parse(JSON.parse(payload));
  return { seq, kid: current.kid, jws };
}
