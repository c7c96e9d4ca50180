/** Proposals and the words on them, as rows of the ledger's file. A row keeps what a judgement needs again, and not the documents. */
import type { Actor, Approval, Requirement } from '@mainstay/contract/operation';
import type { GrantTerms } from '../grants.ts';
import type { KeeperDatabase } from '../ledger/database.ts';
import type { Subject } from '../policy/judge.ts';
import type { ServerParts } from './server-parts.ts';
import { createSignedNames } from './signed-names.ts';

export type ProposalState = 'waiting' | 'approved' | 'denied' | 'rejected' | 'expired' | 'withdrawn';

/** What stands in the row as JSON: what is judged, and what would be signed. */
export type Judged = {
  subject: Subject;
  terms: GrantTerms;
  /** What changes, such as `stack/shop`. */
  target: string;
  /** Content that it may be taken back to; missing where it may not be. */
  undo_sha256?: string;
  /** What the state of a server comes to, where that is to be signed. */
  server_parts?: ServerParts;
  /** The states of many servers, where those are to be signed: each is given its own when it asks. */
  fleet?: { server_id: string; version: number; sha256: string; parts: ServerParts }[];
  /** The proposer signed the plan when they proposed it. */
  is_signed: boolean;
};

export type ProposalRow = {
  operation_id: string;
  digest: string;
  plan_hash: string;
  judged: Judged;
  state: ProposalState;
  requirement: Requirement | null;
  policy: string | null;
  reason: string | null;
  hint: string | null;
  grant_jws: string | null;
  created_at: number;
  expires_at: number | null;
};
type Stored = Omit<ProposalRow, 'judged' | 'requirement'> & { subject: string; requirement: string | null };

export type ProposalStore = ReturnType<typeof createProposalStore>;

export function createProposalStore(database: KeeperDatabase) {
  const { sql } = database;
  const { remember, ...names } = createSignedNames(database);
  sql.exec(
    'CREATE TABLE IF NOT EXISTS undos (operation_id TEXT PRIMARY KEY, sha256 TEXT NOT NULL, grant_jws TEXT NOT NULL) STRICT',
  );
  const one = sql.prepare('SELECT * FROM proposals WHERE operation_id = ?');
  const save = sql.prepare(
    `INSERT INTO proposals
       (operation_id, digest, plan_hash, subject, state, requirement, policy, reason, hint, grant_jws, created_at, expires_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const change = sql.prepare(
    `UPDATE proposals SET state = ?, requirement = ?, policy = ?, reason = ?, hint = ?, grant_jws = ?, expires_at = ?
     WHERE operation_id = ?`,
  );
  const wordsOf = sql.prepare('SELECT approval FROM words WHERE operation_id = ? ORDER BY rowid');
  const addWord = sql.prepare(
    'INSERT OR REPLACE INTO words (operation_id, user_id, verdict, approval) VALUES (?, ?, ?, ?)',
  );
  const undoOf = sql.prepare('SELECT sha256, grant_jws FROM undos WHERE operation_id = ?');
  const addUndo = sql.prepare('INSERT INTO undos (operation_id, sha256, grant_jws) VALUES (?, ?, ?)');
  const waiting = sql.prepare("SELECT count(*) AS n FROM proposals WHERE state = 'waiting'");
  const overdue = sql.prepare(
    "SELECT operation_id FROM proposals WHERE state = 'waiting' AND expires_at <= ? ORDER BY expires_at LIMIT 100",
  );

  const columns = (row: ProposalRow) =>
    [
      row.requirement ? JSON.stringify(row.requirement) : null,
      row.policy,
      row.reason,
      row.hint,
      row.grant_jws,
    ] as const;

  return {
    ...names,
    find(operation_id: string): ProposalRow | null {
      const row = one.get(operation_id) as Stored | undefined;
      if (!row) return null;
      const { subject, requirement, ...rest } = row;
      return {
        ...rest,
        judged: JSON.parse(subject) as Judged,
        requirement: requirement === null ? null : (JSON.parse(requirement) as Requirement),
      };
    },
    insert(row: ProposalRow): void {
      const { operation_id, digest, plan_hash, judged, state, created_at, expires_at } = row;
      save.run(operation_id, digest, plan_hash, JSON.stringify(judged), state, ...columns(row), created_at, expires_at);
    },
    update(row: ProposalRow): void {
      change.run(row.state, ...columns(row), row.expires_at, row.operation_id);
      if (row.state === 'approved') remember(row.judged);
    },
    words: (operation_id: string) =>
      (wordsOf.all(operation_id) as { approval: string }[]).map(({ approval }) => JSON.parse(approval) as Approval),
    /** A person has one word of each kind on a proposal; saying it again replaces it. */
    addWord(operation_id: string, { id }: Actor, approval: Approval): void {
      addWord.run(operation_id, id, approval.verdict, JSON.stringify(approval));
    },
    /** By which an operation was taken back; null when it was not. */
    undoOf: (operation_id: string) =>
      (undoOf.get(operation_id) as { sha256: string; grant_jws: string } | undefined) ?? null,
    addUndo(operation_id: string, sha256: string, grant_jws: string): void {
      addUndo.run(operation_id, sha256, grant_jws);
    },
    waitingCount: () => (waiting.get() as { n: number }).n,
    overdue: (now: number) => (overdue.all(now) as { operation_id: string }[]).map(({ operation_id }) => operation_id),
  };
}
