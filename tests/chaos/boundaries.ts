/**
 * The boundaries between the steps of a change, seen from outside: each is the moment when what the step leaves is in the control
 * plane's or the keeper's file. The files are only read; the programs do not know that somebody looks.
 */
import { DatabaseSync } from 'node:sqlite';
import { type Installation, pause } from './installation.ts';

type Boundary = { file: 'store' | 'ledger'; sql: string };

/** Each asks for a number that grows when the step has taken place. In the order of the path. */
export const boundaries = {
  propose: { file: 'store', sql: 'select count(*) n from operations' },
  decide: { file: 'ledger', sql: 'select count(*) n from proposals' },
  sign: { file: 'ledger', sql: "select count(*) n from proposals where state = 'approved'" },
  publish: { file: 'store', sql: "select coalesce(max(seq), 0) n from bus_messages where stream = 'ops_pending'" },
  consume: {
    file: 'store',
    sql: "select coalesce(max(position), 0) n from bus_consumers where stream = 'ops_pending'",
  },
  'start run': { file: 'store', sql: 'select count(*) n from runs' },
  'carry out': { file: 'store', sql: "select count(*) n from run_steps where key = 'carry_out' and attempt > 0" },
  commit: { file: 'store', sql: "select count(*) n from operations where run_id is not null and state <> 'approved'" },
  observe: { file: 'store', sql: "select count(*) n from run_steps where key = 'observe' and attempt > 0" },
  settle: {
    file: 'store',
    sql: 'select count(*) n from operations where run_id is not null and finished_at is not null',
  },
  audit: { file: 'store', sql: 'select coalesce(max(seq), 0) n from audit_entries' },
} as const satisfies Record<string, Boundary>;

export type BoundaryName = keyof typeof boundaries;
export const boundaryNames = Object.keys(boundaries) as BoundaryName[];

export type Watch = {
  /** Settles as soon as the boundary was crossed since the watch began; false when it was not in time. */
  crossed(timeout_ms: number): Promise<boolean>;
  close(): void;
};

export function watchBoundary(files: Installation['files'], name: BoundaryName): Watch {
  const { file, sql } = boundaries[name];
  const database = new DatabaseSync(files[file], { readOnly: true });
  database.exec('PRAGMA busy_timeout = 5000');
  const statement = database.prepare(sql);
  const count = () => (statement.get() as { n: number }).n;
  const before = count();
  return {
    async crossed(timeout_ms) {
      const end = Date.now() + timeout_ms;
      while (Date.now() < end) {
        if (count() > before) return true;
        await pause(1);
      }
      return false;
    },
    close: () => database.close(),
  };
}
