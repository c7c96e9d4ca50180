/**
 * Refused requests as audit entries, bounded: somebody who tries without end fills neither the database nor the trail. The first refusal
 * of its kind (source address, reason, operation, actor) is written at once, before it is answered. More of them are counted, and the sum is
 * written after a minute, then after two, four, … up to an hour for as long as they come. All together are so many entries a minute at
 * most; what found no room is one number more.
 */
import { isIPv6 } from 'node:net';
import type { Actor } from '@mainstay/contract/operation';
import type { Clock, Logger } from '@mainstay/runtime';
import { auditEntry, type NewAuditEntry } from '../audit/audit-entry.ts';
import type { Statement, Store } from '../store/store.ts';

export type Refusal = {
  /** Address that the request came from, as the socket has it. */
  source: string | null;
  reason:
    | 'token'
    | 'session'
    | 'sign_in_link'
    | 'enrolment_token'
    | 'server_credential'
    | 'webhook'
    | 'forbidden'
    | 'too_many_tries';
  /** Id of the operation in the contract; null for what is none. */
  operation: string | null;
  /** Pattern of the path, never the path itself: that may hold a secret. */
  route: string;
  /** Null where nobody was proven. */
  actor: Actor | null;
  /** What else is kept of the first of its kind. */
  more?: () => Promise<Record<string, unknown>>;
};

export type Refusals = {
  /** Settles when the refusal is on record or counted. Never rejects. */
  note(refusal: Refusal): Promise<void>;
  /** Writes the sums that are due. */
  sweep(): Promise<void>;
  /** Writes every sum, for an orderly end. */
  stop(): Promise<void>;
};

export const limitsOfRefusals = {
  entries_per_minute_max: 20,
  /** Kinds of refusals that are counted apart at one time. */
  kinds_max: 500,
  sum_after_ms: 60_000,
  sum_after_ms_max: 3_600_000,
} as const;

type Counted = Omit<Refusal, 'more'> & { key: string; count: number; since: number; due: number; wait: number };

export function createRefusals({ store, clock, log }: { store: Store; clock: Clock; log: Logger }): Refusals {
  const limits = limitsOfRefusals;
  const counted = new Map<string, Counted>();
  let minute = { began: 0, entries: 0 };
  let left_out = { count: 0, since: 0 };

  const hasRoom = (now: number) => {
    if (Math.abs(now - minute.began) >= 60_000) minute = { began: now, entries: 0 };
    if (minute.entries >= limits.entries_per_minute_max) return false;
    minute.entries += 1;
    return true;
  };
  const entryOf = (
    { actor, operation, source, reason, route }: Omit<Refusal, 'more'>,
    at: number,
    data: Record<string, unknown>,
  ) => {
    const entry: NewAuditEntry = { kind: 'access.refused', at, actor, operation, outcome: 'refused' };
    return auditEntry(store, { ...entry, data: { source, reason, route, ...data } });
  };
  const leftOutEntry = (now: number) =>
    auditEntry(store, {
      kind: 'access.refused',
      at: now,
      actor: null,
      outcome: 'refused',
      data: { reason: 'no_room', count: left_out.count, since: left_out.since },
    });
  /** What could not be written is counted on, and tried with the next sweep. */
  const write = async (statements: Statement[]) => {
    try {
      if (statements.length > 0) await store.batch(statements);
      return true;
    } catch (error) {
      log.warn({ err: error }, 'refused requests could not be put on record');
      return false;
    }
  };

  async function writeSums(isDue: (sum: { due: number }, now: number) => boolean, isBounded: boolean): Promise<void> {
    const now = clock.now();
    const statements: Statement[] = [];
    const written: [Counted, number][] = [];
    for (const one of counted.values()) {
      if (!isDue(one, now)) continue;
      if (one.count === 0) counted.delete(one.key);
      else if (!isBounded || hasRoom(now)) {
        statements.push(entryOf(one, now, { count: one.count, since: one.since }));
        written.push([one, one.count]);
      }
    }
    const missed = isDue({ due: left_out.since + limits.sum_after_ms }, now) ? left_out.count : 0;
    if (missed > 0) statements.push(leftOutEntry(now));
    if (!(await write(statements))) return;
    for (const [one, count] of written) {
      const wait = Math.min(one.wait * 2, limits.sum_after_ms_max);
      Object.assign(one, { count: one.count - count, since: now, wait, due: now + wait });
    }
    if (missed > 0) left_out = { count: left_out.count - missed, since: now };
  }

  return {
    async note({ more, ...refusal }) {
      const now = clock.now();
      const source = sourceOf(refusal.source);
      const { reason, operation, route, actor } = refusal;
      const key = JSON.stringify([source, reason, operation ?? route, actor?.id ?? null]);
      const known = counted.get(key);
      if (known) {
        if (known.count === 0) known.since = now;
        known.count += 1;
        return;
      }
      if (counted.size >= limits.kinds_max || !hasRoom(now)) {
        if (left_out.count === 0) left_out.since = now;
        left_out.count += 1;
        return;
      }
      const wait = limits.sum_after_ms;
      counted.set(key, { ...refusal, source, key, count: 0, since: now, due: now + wait, wait });
      const details = (await more?.().catch(() => null)) ?? {};
      if (await write([entryOf({ ...refusal, source }, now, { count: 1, ...details })])) return;
      const unwritten = counted.get(key);
      if (unwritten) unwritten.count += 1;
    },
    sweep: () => writeSums(({ due }, now) => due <= now, true),
    stop: () => writeSums(() => true, false),
  };
}

/** The address by which refusals are told apart: of IPv6 the first 64 bits, which one machine has all of. */
export function sourceOf(address: string | null): string | null {
  const plain = address?.replace(/^::ffff:(?=\d+\.)/i, '') ?? null;
  if (plain === null || !isIPv6(plain)) return plain;
  const [head = '', tail] = plain.replace(/%.*$/, '').toLowerCase().split('::');
  const groups = head === '' ? [] : head.split(':');
  if (tail !== undefined) {
    const after = tail === '' ? [] : tail.split(':');
    while (groups.length + after.length < 8) groups.push('0');
  }
  const first = groups.slice(0, 4);
  while (first.length < 4) first.push('0');
  return plain === '::1' ? plain : `${first.join(':')}::/64`;
}
