/**
 * Lines of services and builds that wait for the control plane: numbered, bounded by bytes, the oldest dropped first and
 * counted. The reader's cursor is stored with its lines in one write, so that a restarted agent reads on exactly behind them.
 */
import type { DatabaseSync } from 'node:sqlite';
import { agentApiLimits } from '@mainstay/contract/agent-answers';
import type { AgentLogLine } from '@mainstay/contract/agent-api';
import type { LogLine, LogSink } from '../supervisor/supervisor.ts';
import { createOutboxStore, firstWithin } from './outbox-store.ts';

export const log_bytes_waiting_max = 64 * 1024 * 1024;
/** What a line costs beside its text, bytes. */
const line_overhead_bytes = 96;
/** Cursors of the sources that were written last; those of ended instances go in time. */
const cursors_kept_max = 10_000;
/** A batch stays well under the bound of a body, whatever its text escapes to. */
const batch_bytes_max = agentApiLimits.body_bytes_max / 4;

export type LogOutbox = LogSink & {
  batch(): AgentLogLine[];
  acknowledge(seq: number): void;
  waiting(): number;
  dropped(): number;
};

type Row = { seq: number; bytes: number; line: string };

const schema = `
CREATE TABLE IF NOT EXISTS log_lines (seq INTEGER PRIMARY KEY AUTOINCREMENT, bytes INTEGER NOT NULL, line TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS log_cursors (source_id TEXT PRIMARY KEY, cursor TEXT NOT NULL) STRICT;
`;

export type LogOutboxOptions = {
  bytes_max?: number;
  /** Called when lines came in, to wake the shipping. */
  onLines?: () => void;
  /** Told the outcome of each write: null when it was stored. */
  onOutcome?: (error: unknown) => void;
};

export function createLogOutbox(database: DatabaseSync, options: LogOutboxOptions = {}): LogOutbox {
  const { transaction, counter, setCounter } = createOutboxStore(database);
  database.exec(schema);
  const bytes_max = options.bytes_max ?? log_bytes_waiting_max;
  const insert = database.prepare('INSERT INTO log_lines (bytes, line) VALUES (?, ?)');
  const putCursor = database.prepare('INSERT OR REPLACE INTO log_cursors VALUES (?, ?)');
  const getCursor = database.prepare('SELECT cursor FROM log_cursors WHERE source_id = ?');
  const dropCursors = database.prepare(
    `DELETE FROM log_cursors WHERE rowid IN (SELECT rowid FROM log_cursors ORDER BY rowid DESC LIMIT -1 OFFSET ${cursors_kept_max})`,
  );
  const oldest = database.prepare('SELECT seq, bytes, line FROM log_lines ORDER BY seq LIMIT ?');
  const sizeUpTo = database.prepare(
    'SELECT count(*) AS n, coalesce(sum(bytes), 0) AS bytes FROM log_lines WHERE seq <= ?',
  );
  const remove = database.prepare('DELETE FROM log_lines WHERE seq <= ?');
  const shift = database.prepare('UPDATE log_lines SET seq = -(seq + ?)');
  const unshift = database.prepare('UPDATE log_lines SET seq = -seq WHERE seq < 0');
  const dropSequence = database.prepare(`DELETE FROM sqlite_sequence WHERE name = 'log_lines'`);
  const putSequence = database.prepare(`INSERT INTO sqlite_sequence (name, seq) VALUES ('log_lines', ?)`);
  const lastSeq = database.prepare(`SELECT seq FROM sqlite_sequence WHERE name = 'log_lines'`);
  const last_seq = () => (lastSeq.get() as { seq: number } | undefined)?.seq ?? 0;
  const everything = sizeUpTo.get(Number.MAX_SAFE_INTEGER) as { n: number; bytes: number };
  let waiting = everything.n;
  let bytes = everything.bytes;
  let dropped = counter('dropped_lines');
  let last_sent = 0;
  let writes = 0;

  const makeRoom = () => {
    while (bytes > bytes_max && waiting > 0) {
      const rows = oldest.all(1_000) as Row[];
      let over = bytes - bytes_max;
      let last = 0;
      let taken = 0;
      for (const row of rows) {
        if (over <= 0) break;
        over -= row.bytes;
        bytes -= row.bytes;
        last = row.seq;
        taken++;
      }
      remove.run(last);
      waiting -= taken;
      dropped += taken;
    }
    setCounter('dropped_lines', dropped);
  };

  return {
    async write(source_id, lines, cursor) {
      const before = { waiting, bytes, dropped };
      try {
        transaction(() => {
          for (const line of lines) {
            const text = cutLine(line.text);
            const size = Buffer.byteLength(text) + line_overhead_bytes;
            insert.run(size, JSON.stringify({ ...line, text }));
            waiting++;
            bytes += size;
          }
          putCursor.run(source_id, cursor);
          if (++writes % 1_000 === 0) dropCursors.run();
          if (bytes > bytes_max) makeRoom();
        });
        options.onOutcome?.(null);
      } catch (error) {
        // A full disk must not hold up the service that prints: its lines are dropped, and counted.
        ({ waiting, bytes } = before);
        dropped = before.dropped + lines.length;
        options.onOutcome?.(error);
      }
      options.onLines?.();
    },
    cursor: (source_id) => (getCursor.get(source_id) as { cursor: string } | undefined)?.cursor ?? null,
    batch() {
      const waits = oldest.iterate(agentApiLimits.log_lines_per_batch_max) as Iterable<Row>;
      const rows = firstWithin(waits, batch_bytes_max, ({ bytes }) => bytes);
      last_sent = Math.max(last_sent, rows.at(-1)?.seq ?? 0);
      return rows.map(({ seq, line }) => ({ seq, ...(JSON.parse(line) as LogLine) }));
    },
    acknowledge(seq) {
      transaction(() => {
        // More is acknowledged than was ever sent from here: the outbox was lost once. Go on behind it with new numbers.
        if (seq > last_sent) {
          const last = seq + last_seq();
          shift.run(seq);
          unshift.run();
          dropSequence.run();
          putSequence.run(last);
          return;
        }
        const gone = sizeUpTo.get(seq) as { n: number; bytes: number };
        remove.run(seq);
        waiting -= gone.n;
        bytes -= gone.bytes;
      });
    },
    waiting: () => waiting,
    dropped: () => dropped,
  };
}

/** Cuts a line to the bound of the protocol, and says so at its end. */
function cutLine(text: string): string {
  const bound = agentApiLimits.log_line_bytes_max;
  if (text.length <= bound) return text;
  const mark = ` … [line cut: it had ${text.length} characters]`;
  return text.slice(0, bound - mark.length) + mark;
}
