/**
 * Events that wait for the control plane. Bounded in number and bytes: when full, the oldest that is only information goes
 * first, and is counted. An event gets its number when it is first sent, so that what was dropped leaves no gap, and the
 * same batch keeps its numbers however often it is sent.
 */
import type { DatabaseSync } from 'node:sqlite';
import { agentApiLimits } from '@mainstay/contract/agent-answers';
import type { AgentEvent } from '@mainstay/contract/agent-api';
import { createOutboxStore, firstWithin } from './outbox-store.ts';

export const events_waiting_max = 50_000;
export const event_bytes_waiting_max = 64 * 1024 * 1024;
/** A batch stays well under the bound of a body. */
const batch_bytes_max = agentApiLimits.body_bytes_max / 2;

export type NewAgentEvent = Pick<AgentEvent, 'kind' | 'message'> &
  Partial<Omit<AgentEvent, 'seq' | 'kind' | 'message'>>;

export type EventOutbox = {
  add(event: NewAgentEvent, at: number): void;
  /** The next batch to be sent, oldest first; the same one until it is acknowledged. */
  batch(): AgentEvent[];
  /** Everything up to this number is stored on the other side. */
  acknowledge(seq: number): void;
  waiting(): number;
  dropped(): number;
};

type Row = { id: number; seq: number | null; event: string };

const schema = `
CREATE TABLE IF NOT EXISTS events (id INTEGER PRIMARY KEY AUTOINCREMENT, seq INTEGER UNIQUE, is_info INTEGER NOT NULL, event TEXT NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS events_droppable ON events (is_info, id) WHERE seq IS NULL;
`;

export function createEventOutbox(
  database: DatabaseSync,
  limit = events_waiting_max,
  bytes_max = event_bytes_waiting_max,
): EventOutbox {
  const { transaction, counter, setCounter } = createOutboxStore(database);
  database.exec(schema);
  const insert = database.prepare('INSERT INTO events (is_info, event) VALUES (?, ?)');
  const dropOldest = database.prepare(
    `DELETE FROM events WHERE id IN (SELECT id FROM events WHERE seq IS NULL ORDER BY is_info DESC, id LIMIT ?)
     RETURNING octet_length(event) AS bytes`,
  );
  const oldest = database.prepare('SELECT id, seq, event FROM events ORDER BY id LIMIT ?');
  const number = database.prepare('UPDATE events SET seq = ? WHERE id = ?');
  const remove = database.prepare('DELETE FROM events WHERE seq <= ? RETURNING octet_length(event) AS bytes');
  const renumber = database.prepare('UPDATE events SET seq = NULL WHERE seq IS NOT NULL');
  const count = database.prepare('SELECT count(*) AS n, coalesce(sum(octet_length(event)), 0) AS bytes FROM events');
  const before = count.get() as { n: number; bytes: number };
  let waiting = before.n;
  let bytes = before.bytes;
  let dropped = counter('dropped_events');

  const forget = (rows: unknown[]) => {
    waiting -= rows.length;
    for (const row of rows) bytes -= (row as { bytes: number }).bytes;
    return rows.length;
  };
  const isFull = () => waiting >= limit || bytes >= bytes_max;
  /** Makes room by a hundredth of what waits at once, so that a full outbox does not pay for each event. */
  const makeRoom = () => {
    let gone = 0;
    do {
      gone = forget(dropOldest.all(Math.max(1, Math.floor(waiting / 100))));
      dropped += gone;
    } while (gone > 0 && isFull());
    setCounter('dropped_events', dropped);
  };

  return {
    add(event, at) {
      const full = { at, severity: 'info', service: null, release_id: null, operation_id: null, data: null, ...event };
      full.message = full.message.slice(0, 4_000);
      if (isFull()) makeRoom();
      if (isFull()) {
        dropped++;
        return;
      }
      const text = JSON.stringify(full);
      insert.run(full.severity === 'info' ? 1 : 0, text);
      waiting++;
      bytes += Buffer.byteLength(text);
    },
    batch() {
      const waits = oldest.iterate(agentApiLimits.events_per_batch_max) as Iterable<Row>;
      const rows = firstWithin(waits, batch_bytes_max, (row) => Buffer.byteLength(row.event));
      if (rows.some((row) => row.seq === null)) {
        transaction(() => {
          let next = counter('last_seq');
          for (const row of rows) {
            if (row.seq !== null) continue;
            row.seq = ++next;
            number.run(row.seq, row.id);
          }
          setCounter('last_seq', next);
        });
      }
      return rows.map((row) => ({ seq: row.seq!, ...(JSON.parse(row.event) as Omit<AgentEvent, 'seq'>) }));
    },
    acknowledge(seq) {
      transaction(() => {
        // More is acknowledged than was ever numbered here: the outbox was lost once. Go on behind it with new numbers.
        if (seq > counter('last_seq')) {
          renumber.run();
          setCounter('last_seq', seq);
        } else {
          forget(remove.all(seq));
        }
      });
    },
    waiting: () => waiting,
    dropped: () => dropped,
  };
}
