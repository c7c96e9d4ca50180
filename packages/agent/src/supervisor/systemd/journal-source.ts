/**
 * The output of one instance on its way from the journal into the log sink, each line exactly once over restarts of the
 * agent: the sink stores the cursor in the same write as the lines, and what is not behind it is left out.
 */
import type { LastLine } from '@mainstay/contract/crash-report';
import type { Clock } from '@mainstay/runtime/clock';
import type { Logger } from '@mainstay/runtime/log';
import { keepLast } from '../last-lines.ts';
import type { InstanceSpec, LogLine, LogSink } from '../supervisor.ts';
import { isBehind, type JournalEntry } from './journal-entry.ts';

const retry_ms_max = 5_000;

/** `open`: the streams that are inside a line that was cut, whose rest is left out. */
type Stored = { cursor: string; open: JournalEntry['stream'][] };

export type JournalSource = {
  readonly identifier: string;
  /** Of the last entry that is stored. */
  cursor(): string | null;
  /** Stores what is new of these; the reader waits for it. False when it was closed before they were stored. */
  take(entries: readonly JournalEntry[]): Promise<boolean>;
  lastLines(): LastLine[];
  /** Gives up on what cannot be stored. */
  close(): void;
};

export type JournalSourceOptions = {
  spec: Pick<InstanceSpec, 'id' | 'service' | 'release_id'>;
  /** Entries of other users are not its own, whatever they call themselves. */
  uid: number;
  sink: LogSink;
  clock: Clock;
  log: Logger;
};

export function createJournalSource(options: JournalSourceOptions): JournalSource {
  const { spec, uid, sink, clock, log } = options;
  const source_id = `${spec.id}/journal`;
  const closing = new AbortController();
  const last_lines: LastLine[] = [];
  const text = sink.cursor(source_id);
  let stored: Stored | null = text === null ? null : (JSON.parse(text) as Stored);
  let taking: Promise<boolean> = Promise.resolve(true);

  async function write(lines: LogLine[], next: Stored): Promise<boolean> {
    for (let wait_ms = 100; !closing.signal.aborted; wait_ms = Math.min(wait_ms * 2, retry_ms_max)) {
      try {
        await sink.write(source_id, lines, JSON.stringify(next));
        stored = next;
        keepLast(last_lines, lines);
        return true;
      } catch (error) {
        log.warn({ err: error, source_id }, 'lines of a service cannot be stored; trying again');
        await clock.sleep(wait_ms, closing.signal);
      }
    }
    return false;
  }

  async function takeNow(entries: readonly JournalEntry[]): Promise<boolean> {
    const before = stored;
    const fresh = entries.filter((entry) => before === null || isBehind(entry.cursor, before.cursor));
    const last = fresh.at(-1);
    if (last === undefined) return true;
    const open = new Set(before?.open ?? []);
    const lines: LogLine[] = [];
    for (const { at, stream, text, uid: from, is_open } of fresh) {
      if (from !== uid) continue;
      if (!open.has(stream)) lines.push({ at, service: spec.service, release_id: spec.release_id, stream, text });
      if (is_open) open.add(stream);
      else open.delete(stream);
    }
    return write(lines, { cursor: last.cursor, open: [...open] });
  }

  return {
    identifier: spec.id,
    cursor: () => stored?.cursor ?? null,
    take(entries) {
      taking = taking.then(() => takeNow(entries));
      return taking;
    },
    lastLines: () => [...last_lines],
    close: () => closing.abort(),
  };
}
