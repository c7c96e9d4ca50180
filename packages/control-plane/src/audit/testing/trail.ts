/** An audit trail in a real database file, for tests that read it, damage it, or go on with it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { AuditAnchor } from '@mainstay/contract/audit';
import { openStore, type Store } from '../../store/store.ts';
import { auditEntry, type NewAuditEntry } from '../audit-entry.ts';
import { chainBatch } from '../chainer.ts';
import { verifyStore } from '../verify.ts';

export const owner = { kind: 'user', id: 'usr_1', name: 'ada', role: 'owner', proof: 'token' } as const;

export function entryNumber(index: number, more: Partial<NewAuditEntry> = {}): NewAuditEntry {
  return {
    kind: 'operation.succeeded',
    at: Date.now(),
    actor: owner,
    operation: 'stacks.deploy',
    operation_id: `op_${index}`,
    target: 'stack/shop',
    outcome: 'succeeded',
    data: { message: `This is entry ${index} of the trail` },
    ...more,
  };
}

export async function createTrail(entries = 0) {
  const folder = mkdtempSync(join(tmpdir(), 'mainstay-audit-'));
  const path = join(folder, 'mainstay.db');
  let store: Store = await openStore(path);
  const trail = {
    folder,
    path,
    get store() {
      return store;
    },
    async write(...given: NewAuditEntry[]) {
      for (let at = 0; at < given.length; at += 1_000)
        await store.batch(given.slice(at, at + 1_000).map((entry) => auditEntry(store, entry)));
    },
    async chain() {
      while (await chainBatch(store));
    },
    verify: (anchors: AuditAnchor[] = [], now_ms = Date.now()) => verifyStore(store, { anchors, now_ms }),
    /** Changes rows past Mainstay, as whoever owns the file can. */
    tamper(...statements: string[]) {
      const database = new DatabaseSync(path);
      for (const statement of statements) database.exec(statement);
      database.close();
    },
    /** Ends all use of the file, lets something be done to it, and opens it again. */
    async offline(work: () => void | Promise<void>) {
      await store.close();
      await work();
      store = await openStore(path);
    },
    async end() {
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  await trail.write(...Array.from({ length: entries }, (_, index) => entryNumber(index + 1)));
  await trail.chain();
  return trail;
}
export type Trail = Awaited<ReturnType<typeof createTrail>>;
