/**
 * That other policies came into force, noted in the audit trail: the keeper decides by files that somebody changes on its machine, with no
 * operation of ours. What was noted last is read from the trail itself, so that a restart neither repeats nor forgets one.
 */
import type { Actor } from '@mainstay/contract/operation';
import type { Context } from '../context.ts';
import type { Store } from '../store/store.ts';
import { auditEntry } from './audit-entry.ts';

const actor: Actor = { kind: 'system', id: 'keeper', name: 'keeper', role: null, proof: 'none' };

/** Idempotent by the digest of all files. @throws AppError Unavailable while the keeper is away. */
export async function notePolicies({ store, clock, keeper }: Pick<Context, 'store' | 'clock' | 'keeper'>) {
  const { digest, source, files } = await keeper.policies();
  const before = await notedDigest(store);
  if (digest === before) return;
  const data = { digest, before, source, files: files.map(({ name }) => name) };
  const kind = 'policy.changed';
  await store.batch([
    auditEntry(store, { kind, at: clock.now(), actor, target: 'keeper/policies', outcome: 'succeeded', data }),
  ]);
}

async function notedDigest(store: Store): Promise<string | null> {
  const row = await store.db
    .selectFrom('audit_entries')
    .select('body')
    .where('kind', '=', 'policy.changed')
    .orderBy('position', 'desc')
    .limit(1)
    .executeTakeFirst();
  if (!row) return null;
  try {
    return (JSON.parse(row.body) as { data?: { digest?: string } }).data?.digest ?? null;
  } catch {
    // An entry that was damaged is named by the verification of the chain.
    return null;
  }
}
