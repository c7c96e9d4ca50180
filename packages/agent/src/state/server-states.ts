/**
 * The server states that this agent took: the newest it accepted, and the newest that came into force. As with desired states, neither
 * expires, and a lower version is never taken again. Before there is any, what the person who installed the agent chose holds (version 0).
 */
import { existsSync } from 'node:fs';
import type { ServerReceipt, ServerState } from '@mainstay/contract/server-state';
import { openSqlite } from '@mainstay/runtime/sqlite';
import type { Journal } from './journal.ts';

export type StoredServerState = {
  version: number;
  sha256: string;
  operation_id: string;
  document: ServerState;
  accepted_at: number;
};

export type ServerStates = {
  accepted(): StoredServerState | null;
  applied(): StoredServerState | null;
  /** Of the newest accepted one. */
  receipt(): ServerReceipt | null;
  /** Stores a newly accepted state with its running receipt. */
  accept(state: StoredServerState, grant_jws: string): void;
  /** How the accepted state ended; when it succeeded, it is applied from now on. */
  settle(receipt: ServerReceipt): void;
};

type Row = Omit<StoredServerState, 'document'> & { document: string; receipt: string };

export function createServerStates(journal: Journal): ServerStates {
  const { database } = journal;
  const put = database.prepare(
    `INSERT OR REPLACE INTO server_states (slot, version, sha256, operation_id, grant_jws, document, accepted_at, receipt)
     VALUES ('accepted', ?, ?, ?, ?, ?, ?, ?)`,
  );
  const putReceipt = database.prepare("UPDATE server_states SET receipt = ? WHERE slot = 'accepted'");
  const apply = database.prepare(
    `INSERT OR REPLACE INTO server_states SELECT 'applied', version, sha256, operation_id, grant_jws, document, accepted_at, receipt
     FROM server_states WHERE slot = 'accepted'`,
  );
  const load = (slot: string): { state: StoredServerState; receipt: ServerReceipt } | null => {
    const row = database.prepare('SELECT * FROM server_states WHERE slot = ?').get(slot) as Row | undefined;
    if (!row) return null;
    const { version, sha256, operation_id, accepted_at } = row;
    const document = JSON.parse(row.document) as ServerState;
    return {
      state: { version, sha256, operation_id, document, accepted_at },
      receipt: JSON.parse(row.receipt) as ServerReceipt,
    };
  };
  let accepted = load('accepted');
  let applied = load('applied')?.state ?? null;

  return {
    accepted: () => accepted?.state ?? null,
    applied: () => applied,
    receipt: () => accepted?.receipt ?? null,
    accept(state, grant_jws) {
      const { version, sha256, operation_id, document, accepted_at } = state;
      const receipt = runningServerReceipt(state);
      journal.write(() => {
        const texts = [JSON.stringify(document), accepted_at, JSON.stringify(receipt)] as const;
        put.run(version, sha256, operation_id, grant_jws, ...texts);
        journal.afterwards(() => {
          accepted = { state, receipt };
        });
      });
    },
    settle(receipt) {
      journal.write(() => {
        putReceipt.run(JSON.stringify(receipt));
        if (receipt.state === 'succeeded') apply.run();
        journal.afterwards(() => {
          if (!accepted) return;
          accepted = { ...accepted, receipt };
          if (receipt.state === 'succeeded') applied = accepted.state;
        });
      });
    },
  };
}

export function runningServerReceipt({ version, sha256, operation_id, accepted_at }: StoredServerState): ServerReceipt {
  const open = { state: 'running', message: null, hint: null, finished_at: null } as const;
  return { version, sha256, operation_id, started_at: accepted_at, ...open };
}

/** Forgets all of them, for a server that is enrolled as another one; the agent does not run then. */
export function forgetServerStates(journal_path: string): void {
  if (!existsSync(journal_path)) return;
  const database = openSqlite(journal_path);
  try {
    database.exec('DELETE FROM server_states');
  } finally {
    database.close();
  }
}
