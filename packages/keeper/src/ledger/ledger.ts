/**
 * The ledger: what the keeper decided and signed, append-only. Each entry holds the hash of the one before it, and the newest is
 * signed, so that an entry that was edited, taken out, moved or cut off is found and named.
 */
import { createHash } from 'node:crypto';
import { canonicalJson } from '@mainstay/contract/canonical';
import { AppError } from '@mainstay/contract/errors';
import type { LedgerCheck, LedgerEntry, LedgerPage } from '@mainstay/contract/keeper-views';
import * as z from 'zod';
import type { Signer } from '../signer.ts';
import type { KeeperDatabase } from './database.ts';

type Body = LedgerEntry['body'];
type Head = { seq: number; hash: string };
type Row = Omit<LedgerEntry, 'body'> & { body: string; jws_sha256: string | null };

export type Ledger = {
  /** Adds an entry; only inside a write of the database. `jws`: what was signed with it. */
  append(kind: string, operation_id: string | null, body: Body, jws?: string): LedgerEntry;
  /** Whether this very signature was given by this keeper and written down. */
  holds(jws: string): boolean;
  page(after: number, limit: number): LedgerPage;
  verify(): Promise<LedgerCheck>;
};

const head_type = 'mainstay-ledger-head+jws';
const HeadPayload = z.strictObject({ seq: z.int(), hash: z.string() });
/** Entries checked at a stretch; between two stretches others get their turn. */
const verify_batch = 500;

export function createLedger(database: KeeperDatabase, signer: Signer, now: () => number): Ledger {
  const { sql } = database;
  const last = sql.prepare('SELECT seq, hash FROM ledger ORDER BY seq DESC LIMIT 1');
  const current = sql.prepare("SELECT kid FROM signing_keys WHERE state = 'current'");
  const insert = sql.prepare(
    'INSERT INTO ledger (seq, at, kind, operation_id, body, previous, hash, jws_sha256) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
  );
  const setHead = sql.prepare("INSERT OR REPLACE INTO meta (key, value) VALUES ('ledger_head', ?)");
  const findJws = sql.prepare('SELECT seq FROM ledger WHERE jws_sha256 = ? LIMIT 1');
  const rows = sql.prepare('SELECT * FROM ledger WHERE seq > ? ORDER BY seq LIMIT ?');
  const headOf = () => (last.get() as Head | undefined) ?? null;

  return {
    append(kind, operation_id, body, jws) {
      // Another process may have exchanged the key of this directory; it must not be signed with any more.
      const kid = (current.get() as { kid: string } | undefined)?.kid;
      if (kid !== undefined && kid !== signer.current().kid) {
        throw new AppError('Unavailable', 'The signing key was exchanged by another keeper on the same folder.', {
          hint: 'Let only one keeper run on a folder, and start this one again.',
        });
      }
      const before = headOf();
      const jws_sha256 = jws === undefined ? null : sha256(jws);
      const content = {
        seq: (before?.seq ?? 0) + 1,
        at: now(),
        kind,
        operation_id,
        body,
        previous: before?.hash ?? null,
      };
      const hash = hashOf({ ...content, jws_sha256 });
      const { seq, at, previous } = content;
      insert.run(seq, at, kind, operation_id, JSON.stringify(body), previous, hash, jws_sha256);
      setHead.run(signer.sign(head_type, { seq, hash }));
      return { ...content, hash };
    },

    holds: (jws) => findJws.get(sha256(jws)) !== undefined,

    page(after, limit) {
      const entries = (rows.all(after, limit) as Row[]).map(({ jws_sha256: _, body, ...row }) => ({
        ...row,
        body: JSON.parse(body) as Body,
      }));
      return { entries, head: headOf() };
    },

    async verify() {
      const head = headOf();
      const signed = (
        sql.prepare("SELECT value FROM meta WHERE key = 'ledger_head'").get() as { value: string } | undefined
      )?.value;
      let previous: string | null = null;
      let seq = 0;
      const found = (at: number, message: string): LedgerCheck => ({
        ok: false,
        entries: seq,
        head,
        problem: { seq: at, message },
      });
      while (head && seq < head.seq) {
        const batch = rows.all(seq, Math.min(verify_batch, head.seq - seq)) as Row[];
        if (batch.length === 0) return found(seq + 1, 'The entry is missing.');
        for (const row of batch) {
          if (row.seq !== seq + 1) return found(seq + 1, 'The entry is missing.');
          if (row.previous !== previous)
            return found(row.seq, 'The entry does not follow the one before it: it was moved or exchanged.');
          if (hashOfRow(row) !== row.hash) return found(row.seq, 'The entry was edited: its hash does not fit it.');
          previous = row.hash;
          seq = row.seq;
        }
        await new Promise((resolve) => setImmediate(resolve));
      }
      const told = HeadPayload.safeParse(signed === undefined ? null : signer.openAny(signed, head_type)).data ?? null;
      if (head && !told) return found(head.seq, 'The newest entry is not signed by this keeper.');
      if (told && told.seq > (head?.seq ?? 0))
        return found((head?.seq ?? 0) + 1, `Entries up to ${told.seq} were cut off.`);
      if (head && told?.seq === head.seq && told.hash !== head.hash)
        return found(head.seq, 'The newest entry is another than the one that was signed.');
      if (head && told && told.seq < head.seq)
        return found(told.seq + 1, 'The entry was added by somebody else: it is not signed.');
      return { ok: true, entries: seq, head, problem: null };
    },
  };
}

export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function hashOf(content: Omit<LedgerEntry, 'hash'> & { jws_sha256: string | null }): string {
  return sha256(canonicalJson(content));
}

function hashOfRow({ hash: _, ...row }: Row): string | null {
  try {
    return hashOf({ ...row, body: JSON.parse(row.body) as Body });
  } catch {
    return null;
  }
}
