/**
 * The head of the keeper's ledger noted in the audit chain, as the keeper notes the chain's: so that neither can be cut back without the
 * other saying so. It is noted soon after the keeper decided or signed something, many at once together, and only while the ledger has what
 * was noted before: a head that does not follow it would cover up what is missing.
 */
import type { AuditProblem } from '@mainstay/contract/audit-verify';
import { AppError } from '@mainstay/contract/errors';
import type { KeeperApi } from '@mainstay/contract/keeper-api';
import type { Clock, Logger } from '@mainstay/runtime';
import * as z from 'zod';
import { createRounds, type Rounds } from '../rounds.ts';
import type { Store } from '../store/store.ts';
import { auditEntry } from './audit-entry.ts';

export type LedgerReader = Pick<KeeperApi, 'ledger'>;

/** Milliseconds between two entries, at least. */
const noted_apart_ms = 30_000;
const entries_per_page = 200;
const pages_max = 50;
/** So many of the newest heads are compared. */
const compared_max = 20;

const LedgerHead = z.object({ seq: z.int().min(1), hash: z.string() });
type NotedHead = z.infer<typeof LedgerHead> & { entry_seq: number | null; entry_id: string };

export type LedgerHeadOptions = {
  store: Store;
  keeper: LedgerReader;
  clock: Clock;
  log: Logger;
  apart_ms?: number;
};

/** Rounds that note the head where there is a new one. */
export function createLedgerHeads({ store, keeper, clock, log, apart_ms }: LedgerHeadOptions): Rounds {
  return createRounds(async () => {
    try {
      const head = await headToNote(store, keeper);
      if (head !== null) await store.batch([headEntry(store, head, clock.now())]);
    } catch (error) {
      if (!isAway(error)) log.error({ err: error }, 'the head of the keeper’s ledger could not be noted');
    }
  }, apart_ms ?? noted_apart_ms);
}

function headEntry(store: Store, { seq, hash }: z.infer<typeof LedgerHead>, at: number) {
  return auditEntry(store, {
    kind: 'keeper.anchored',
    at,
    actor: { kind: 'system', id: 'keeper', name: 'keeper', role: null, proof: 'none' },
    target: 'keeper/ledger',
    outcome: 'succeeded',
    data: { seq, hash },
  });
}

/** The present head; null when nothing is to be noted. What the keeper itself notes of other chains is not: that would never end. */
async function headToNote(store: Store, keeper: LedgerReader): Promise<z.infer<typeof LedgerHead> | null> {
  const [last] = await notedHeads(store, 1);
  if (!last) return (await keeper.ledger({ after: 0, limit: 1 })).head;
  for (let after = last.seq - 1, page = 0; page < pages_max; page += 1) {
    const { entries, head } = await keeper.ledger({ after, limit: entries_per_page });
    if (page === 0 && entries[0]?.hash !== last.hash) return null;
    if (entries.some(({ seq, kind }) => seq > last.seq && kind !== 'anchored')) return head;
    if (entries.length < entries_per_page) return null;
    after = entries.at(-1)!.seq;
  }
  return null;
}

async function notedHeads(store: Store, limit: number): Promise<NotedHead[]> {
  const rows = await store.db
    .selectFrom('audit_entries')
    .select(['id', 'seq', 'body'])
    .where('kind', '=', 'keeper.anchored')
    .orderBy('position', 'desc')
    .limit(limit)
    .execute();
  return rows.flatMap(({ id, seq, body }) => {
    const head = LedgerHead.safeParse(dataOf(body)).data;
    return head ? [{ ...head, entry_seq: seq, entry_id: id }] : [];
  });
}

function dataOf(body: string): unknown {
  try {
    return (JSON.parse(body) as { data?: unknown }).data;
  } catch {
    // An entry that was damaged is named by the verification of the chain.
    return null;
  }
}

/**
 * Holds the keeper's ledger against what the chain says of it. Null when it has all of that, and otherwise what is missing first.
 * @throws AppError Unavailable while the keeper is away.
 */
export async function checkLedger(store: Store, keeper: LedgerReader): Promise<AuditProblem | null> {
  let problem: AuditProblem | null = null;
  for (const { seq, hash, entry_seq, entry_id } of await notedHeads(store, compared_max)) {
    const { entries, head } = await keeper.ledger({ after: seq - 1, limit: 1 });
    const found = entries[0]?.seq === seq ? entries[0] : null;
    if (found?.hash === hash) return problem;
    const by = entry_seq === null ? `entry ${entry_id}` : `number ${entry_seq} of the audit chain`;
    const what =
      (head?.seq ?? 0) < seq
        ? `ends at ${head?.seq ?? 0}, and ${by} noted ${seq}: its end was cut off`
        : found
          ? `has another entry ${seq} than the one that ${by} noted: it was written anew`
          : `has no entry ${seq}, which ${by} noted`;
    problem = { kind: 'keeper_ledger', seq: entry_seq, id: entry_id, message: `The keeper’s ledger ${what}.` };
  }
  return problem;
}

export function isAway(error: unknown): boolean {
  return error instanceof AppError && error.code === 'Unavailable';
}
