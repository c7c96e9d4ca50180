/**
 * What the agent has accepted and what it has applied. `accepted` is the newest desired state that the keeper allowed; it
 * becomes `applied` in the same write in which its releases begin to serve. Between the two, and for ever when it failed,
 * `applied` is what is kept running. Neither expires.
 */
import type { Receipt } from '@mainstay/contract/agent-api';
import type { DesiredState } from '@mainstay/contract/desired-state';
import type { Grant } from '@mainstay/contract/grant';
import type { Journal } from './journal.ts';

/** Seconds after its expiry in which a grant is still taken, for clocks that are apart; nonces are kept that long. */
const clock_tolerance_ms = 60_000;
export const receipts_kept_max = 100;
/** Unexpired nonces kept at most; older ones are also held off by their version. */
export const nonces_kept_max = 10_000;

export type StoredState = {
  stack_id: string;
  version: number;
  sha256: string;
  operation_id: string;
  grant_jws: string;
  document: DesiredState;
  accepted_at: number;
};

export type SeenNonce = { stack_id: string; version: number; sha256: string };

type DocumentRow = Omit<StoredState, 'document'> & { document: string };

export type DesiredStates = {
  accepted(): StoredState | null;
  applied(): StoredState | null;
  /** Stores a newly accepted state with its nonce and its running receipt. */
  accept(state: StoredState, grant: Grant, receipt: Receipt): void;
  /** The accepted state is applied from now on; part of a larger write. */
  markApplied(state: StoredState): void;
  seen(jti: string): SeenNonce | null;
  noteNonce(grant: Grant, nonce: SeenNonce): void;
  receipt(stack_id: string, version: number): Receipt | null;
  /** The highest version of a stack that was ever accepted here; 0 when there was none. */
  highest(stack_id: string): number;
  saveReceipt(stack_id: string, receipt: Receipt): void;
};

export function createDesiredStates(journal: Journal): DesiredStates {
  const { database } = journal;
  const selectDocument = database.prepare('SELECT * FROM documents WHERE slot = ?');
  const putDocument = database.prepare(
    `INSERT OR REPLACE INTO documents (slot, stack_id, version, sha256, operation_id, grant_jws, document, accepted_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const selectNonce = database.prepare('SELECT stack_id, version, sha256 FROM nonces WHERE jti = ?');
  const putNonce = database.prepare('INSERT OR IGNORE INTO nonces VALUES (?, ?, ?, ?, ?)');
  const dropNonces = database.prepare(
    `DELETE FROM nonces WHERE expires_at < ?
       OR jti IN (SELECT jti FROM nonces ORDER BY expires_at DESC LIMIT -1 OFFSET ${nonces_kept_max})`,
  );
  const selectReceipt = database.prepare('SELECT receipt FROM receipts WHERE stack_id = ? AND version = ?');
  const selectHighest = database.prepare('SELECT MAX(version) AS version FROM receipts WHERE stack_id = ?');
  const putReceipt = database.prepare('INSERT OR REPLACE INTO receipts (stack_id, version, receipt) VALUES (?, ?, ?)');
  // The highest of each stack stays: without it, a lower version of a stack that was here long ago would be taken again.
  const dropReceipts = database.prepare(
    `DELETE FROM receipts WHERE rowid IN (SELECT rowid FROM receipts ORDER BY rowid DESC LIMIT -1 OFFSET ${receipts_kept_max})
       AND version < (SELECT MAX(version) FROM receipts AS own WHERE own.stack_id = receipts.stack_id)`,
  );

  const load = (slot: string): StoredState | null => {
    const row = selectDocument.get(slot) as (DocumentRow & { slot: string }) | undefined;
    if (!row) return null;
    const { slot: _, document, ...rest } = row;
    return { ...rest, document: JSON.parse(document) as DesiredState };
  };
  const save = (slot: string, state: StoredState) => {
    const { stack_id, version, sha256, operation_id, grant_jws, document, accepted_at } = state;
    putDocument.run(slot, stack_id, version, sha256, operation_id, grant_jws, JSON.stringify(document), accepted_at);
  };
  let accepted = load('accepted');
  let applied = load('applied');
  /** The receipt that was asked for last: each round of the reconciler asks for the same one. */
  let asked: { stack_id: string; version: number; receipt: Receipt | null } | null = null;

  const states: DesiredStates = {
    accepted: () => accepted,
    applied: () => applied,
    accept(state, grant, receipt) {
      journal.write(() => {
        save('accepted', state);
        states.noteNonce(grant, state);
        states.saveReceipt(state.stack_id, receipt);
        journal.afterwards(() => {
          accepted = state;
        });
      });
    },
    markApplied(state) {
      journal.write(() => save('applied', state));
      journal.afterwards(() => {
        applied = state;
      });
    },
    seen: (jti) => (selectNonce.get(jti) as SeenNonce | undefined) ?? null,
    noteNonce(grant, { stack_id, version, sha256 }) {
      journal.write(() => {
        dropNonces.run(grant.iat * 1000 - clock_tolerance_ms);
        putNonce.run(grant.jti, stack_id, version, sha256, grant.exp * 1000 + clock_tolerance_ms);
      });
    },
    highest(stack_id) {
      const row = selectHighest.get(stack_id) as { version: number | null } | undefined;
      return row?.version ?? 0;
    },
    receipt(stack_id, version) {
      if (asked?.stack_id === stack_id && asked.version === version) return asked.receipt;
      const row = selectReceipt.get(stack_id, version) as { receipt: string } | undefined;
      const receipt = row ? (JSON.parse(row.receipt) as Receipt) : null;
      // What a write has not stored yet may be taken back.
      if (!database.isTransaction) asked = { stack_id, version, receipt };
      return receipt;
    },
    saveReceipt(stack_id, receipt) {
      asked = null;
      journal.write(() => {
        putReceipt.run(stack_id, receipt.version, JSON.stringify(receipt));
        dropReceipts.run();
      });
    },
  };
  return states;
}
