/**
 * How long proposals are kept: what waits until it ends; what ended, as long as somebody may still ask what became of it. The ledger holds for
 * good what was decided and who said what, and `signed-names.ts` what later proposals are held to, so that a row is needed for neither.
 */
import type { KeeperDatabase } from '../ledger/database.ts';

export type ProposalRetention = {
  /** Days that an ended proposal is kept. */
  days: number;
  /** Ended proposals that are kept at most. */
  count: number;
  /** Of those for many servers, each of which may still come for its own, so many of the newest are kept for however long. */
  fleets: number;
};

export const defaultRetention: ProposalRetention = { days: 90, count: 20_000, fleets: 50 };

/** Rows that go at one time: whoever proposes something waits for it. */
const pruned_at_once = 100;
const day_ms = 86_400_000;
/** The words of the indexes, so that they are used. */
const is_ended = "state <> 'waiting' AND json_type(subject, '$.fleet') IS NULL";
const is_ended_fleet = "state <> 'waiting' AND json_type(subject, '$.fleet') IS NOT NULL";

export function createProposalPruning(
  { sql }: KeeperDatabase,
  now: () => number,
  { days, count, fleets }: ProposalRetention,
): () => void {
  sql.exec(`CREATE INDEX IF NOT EXISTS proposals_ended ON proposals (created_at) WHERE ${is_ended}`);
  sql.exec(`CREATE INDEX IF NOT EXISTS proposals_fleets ON proposals (created_at) WHERE ${is_ended_fleet}`);
  /** The newest that is too many. */
  const last = sql.prepare(
    `SELECT created_at FROM proposals WHERE ${is_ended} ORDER BY created_at DESC LIMIT 1 OFFSET ?`,
  );
  const old = sql.prepare(
    `SELECT operation_id FROM proposals WHERE ${is_ended} AND created_at <= ? ORDER BY created_at LIMIT ?`,
  );
  const oldFleets = sql.prepare(
    `SELECT operation_id FROM proposals WHERE ${is_ended_fleet} ORDER BY created_at DESC LIMIT ? OFFSET ?`,
  );
  const removals = ['words', 'undos', 'proposals'].map((table) =>
    sql.prepare(`DELETE FROM ${table} WHERE operation_id = ?`),
  );

  /** Inside a write. */
  return () => {
    const too_many = (last.get(count) as { created_at: number } | undefined)?.created_at ?? 0;
    const rows = [
      ...old.all(Math.max(now() - days * day_ms, too_many), pruned_at_once),
      ...oldFleets.all(pruned_at_once, fleets),
    ] as { operation_id: string }[];
    for (const { operation_id } of rows) for (const removal of removals) removal.run(operation_id);
  };
}
