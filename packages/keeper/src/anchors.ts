/**
 * Anchors: how far a chain outside the keeper had come, signed. Who rewrites the audit trail or its mirror afterwards would have to undo
 * what is noted here: fewer entries than before, or another hash for the same number, are refused and raise an alert.
 */
import { AppError } from '@mainstay/contract/errors';
import type { KeeperApi } from '@mainstay/contract/keeper-api';
import {
  type Anchor,
  AnchorRequest,
  AnchorsQuery,
  anchor_type,
  type KeeperAlert,
} from '@mainstay/contract/keeper-views';
import { parsed } from './input.ts';
import type { KeeperDatabase } from './ledger/database.ts';
import type { Ledger } from './ledger/ledger.ts';
import type { Signer } from './signer.ts';

export type Anchors = Pick<KeeperApi, 'anchor' | 'anchors'> & { alerts(): KeeperAlert[] };

type Parts = { database: KeeperDatabase; ledger: Ledger; signer: Signer; now: () => number };

/** How long after the last refusal the alert stands, milliseconds. */
const alert_stands_ms = 30 * 86_400_000;

export function createAnchors({ database, ledger, signer, now }: Parts): Anchors {
  const { sql, write } = database;
  const newest = sql.prepare('SELECT * FROM anchors WHERE kind = ? ORDER BY seq DESC LIMIT ?');
  const insert = sql.prepare('INSERT INTO anchors (kind, seq, hash, at, jws) VALUES (?, ?, ?, ?, ?)');
  const refusal = sql.prepare("SELECT key, value FROM meta WHERE key LIKE 'anchor_refused:%'");
  const refused = sql.prepare('INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)');

  return {
    async anchor(unchecked) {
      const request = parsed(AnchorRequest, unchecked);
      const { kind, seq, hash } = request;
      const outcome = write(() => {
        const last = newest.get(kind, 1) as Anchor | undefined;
        if (last?.seq === seq && last.hash === hash) return last;
        if (last && seq <= last.seq) {
          const message =
            seq < last.seq
              ? `The ${kind} chain has ${seq} entries, and had ${last.seq} before: something was cut off.`
              : `Entry ${seq} of the ${kind} chain is another than the one that was noted before.`;
          const value = JSON.stringify({ message, at: now() });
          ledger.append('anchor_refused', null, { kind, seq, hash, last: { seq: last.seq, hash: last.hash } });
          refused.run(`anchor_refused:${kind}`, value);
          return message;
        }
        const at = now();
        const jws = signer.sign(anchor_type, { iss: 'mainstay-keeper', kind, seq, hash, at });
        insert.run(kind, seq, hash, at, jws);
        ledger.append('anchored', null, { kind, seq, hash }, jws);
        return { ...request, at, jws };
      });
      if (typeof outcome !== 'string') return outcome;
      throw new AppError('Conflict', outcome, {
        field: 'seq',
        hint: 'Compare it with a copy of the mirror or an export: somebody may have changed the past, or a backup was put back.',
      });
    },

    async anchors(unchecked) {
      const { kind, limit } = parsed(AnchorsQuery, unchecked);
      return newest.all(kind, limit) as Anchor[];
    },

    alerts: () =>
      (refusal.all() as { value: string }[])
        .map(({ value }) => JSON.parse(value) as { message: string; at: number })
        .filter(({ at }) => now() - at < alert_stands_ms)
        .map(({ message, at }) => ({
          kind: 'anchor_refused',
          message,
          hint: 'Compare the audit trail with its mirror or an export, and find out who could write to it.',
          since: at,
        })),
  };
}
