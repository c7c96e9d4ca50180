/**
 * Old entries are removed, the oldest first, in the same write as an `audit.pruned` entry that says so and carries the hash
 * of the last one removed: what is left still verifies, and nobody can remove entries without leaving that word.
 */
import type { Clock } from '@mainstay/runtime';
import { batchOrConflict, type Store } from '../store/store.ts';
import { auditEntry } from './audit-entry.ts';

export type AuditRetention = {
  /** Entries that are kept. */
  entries_max: number;
  /** Milliseconds that an entry is kept. */
  age_ms_max: number;
};

export const defaultRetention: AuditRetention = { entries_max: 500_000, age_ms_max: 400 * 86_400_000 };

/** Entries that are always kept, however old. */
const kept_min = 100;
/** Fewer are not worth an entry of their own yet. */
const pruned_at_once_min = 20;
/** Removed in one write. */
const pruned_at_once_max = 5_000;

export type PruneOptions = {
  retention?: AuditRetention;
  /** Entries up to this number are in the mirror; what is not is kept, to twice the bound. Null where there is no mirror. */
  mirrored_through: number | null;
};

/** Removes what is too old or too much, one write at most. Gives how many entries went. */
export async function pruneAudit(store: Store, clock: Clock, options: PruneOptions): Promise<number> {
  const { entries_max, age_ms_max } = options.retention ?? defaultRetention;
  const { first, last } = await store.db
    .selectFrom('audit_entries')
    .select((e) => [e.fn.min<number | null>('seq').as('first'), e.fn.max<number | null>('seq').as('last')])
    .executeTakeFirstOrThrow();
  if (first === null || last === null) return 0;
  // One out of a hundred more than the bound, so that not every entry removes one, which is an entry itself.
  const by_number = last - first + 1 > entries_max * 1.01 ? last - entries_max : 0;
  const through = Math.min(
    Math.max(by_number, await agedThrough(store, clock.now() - age_ms_max, first)),
    last - kept_min,
    first - 1 + pruned_at_once_max,
    options.mirrored_through === null ? last : Math.max(options.mirrored_through, last - 2 * entries_max),
  );
  if (through - first + 1 < pruned_at_once_min) return 0;
  const end = await store.db
    .selectFrom('audit_entries')
    .select(['seq', 'hash'])
    .where('seq', '=', through)
    .executeTakeFirst();
  // A chain with a hole is left as it is for verification to tell.
  if (!end) return 0;
  const count = through - first + 1;
  const mark = { through_seq: through, through_hash: end.hash };
  await batchOrConflict(
    store,
    [
      auditEntry(store, {
        kind: 'audit.pruned',
        at: clock.now(),
        actor: { kind: 'system', id: 'audit', name: 'audit', role: null, proof: 'none' },
        target: 'audit',
        outcome: 'succeeded',
        data: { ...mark, from_seq: first, entries: count },
      }),
      { query: store.db.deleteFrom('audit_entries').where('seq', '<=', through), rows: count },
    ],
    'The audit chain changed while it was pruned, or entries of it are missing.',
  );
  return count;
}

/** The last of the oldest entries that is older than that, as far as one write removes. */
async function agedThrough(store: Store, before: number, first: number): Promise<number> {
  const young = await store.db
    .selectFrom('audit_entries')
    .select('seq')
    .where('seq', '>=', first)
    .where('seq', '<', first + pruned_at_once_max)
    .where('at', '>=', before)
    .orderBy('seq')
    .limit(1)
    .executeTakeFirst();
  return young ? young.seq! - 1 : first - 1 + pruned_at_once_max;
}
