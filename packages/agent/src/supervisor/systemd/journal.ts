/**
 * Reads the journal of the machine: one `journalctl --follow` for all instances, begun anew where it stood when an instance
 * comes, and single reads for what an instance printed before it was followed and at its end. The follower is read no faster
 * than its lines are stored, and the journal keeps them meanwhile, within the bounds that the machine sets it.
 *
 * Entries are found by the identifier of their stream, which is the instance's id: what a process printed that ended at once
 * has lost its unit when journald looks, but not that. Who wrote it is held against the user that the kernel tells.
 */
import { spawn } from 'node:child_process';
import type { Clock } from '@mainstay/runtime/clock';
import type { Exec } from '@mainstay/runtime/exec';
import type { Logger } from '@mainstay/runtime/log';
import { fields, isBehind, type JournalEntry, parseEntry } from './journal-entry.ts';
import type { JournalSource } from './journal-source.ts';

const line_bytes_max = 4 * 1024 * 1024;
const entries_max = 1_000;
const retry_ms = 1_000;

type Argv = [string, ...string[]];

/** Reads entries with these identifiers from the cursor on, its own included; all there are without one. */
export function readCommand(cursor: string | null, identifiers: readonly string[], follow: boolean): Argv {
  return [
    'journalctl',
    ...['--quiet', '--no-pager', '--all', '--output=json', `--output-fields=${fields.join(',')}`],
    // By itself --follow shows entries of this boot only, as /proc names it; in a sandbox within a container that is another's.
    ...(follow ? ['--follow', '--no-tail', '--merge'] : []),
    // Not --after-cursor: that leaves out the first entry it finds, though the one of the cursor is not among those wanted.
    ...(cursor === null ? [] : [`--cursor=${cursor}`]),
    '_TRANSPORT=stdout',
    ...identifiers.map((identifier) => `SYSLOG_IDENTIFIER=${identifier}`),
  ];
}

export type Journal = {
  /** Follows an instance from now on; first catches up with what it printed since its cursor when it ran before. */
  follow(source: JournalSource, ran_before: boolean): Promise<void>;
  /** Stores what an instance printed to its end, and follows it no more. False when it could not all be stored. */
  finish(source: JournalSource): Promise<boolean>;
  close(): Promise<void>;
};

export function createJournal(options: { exec: Exec; clock: Clock; log: Logger }): Journal {
  const { exec, clock, log } = options;
  const sources = new Map<string, JournalSource>();
  const closing = new AbortController();
  /** The last entry that the follower is done with, of any instance. */
  let position: string | null = null;
  let anchoring: Promise<void> | null = null;
  let reading = new AbortController();
  let following: Promise<void> | null = null;

  async function hand(entries: readonly JournalEntry[]): Promise<void> {
    const groups = Map.groupBy(entries, (entry) => entry.identifier);
    await Promise.all([...groups].map(([identifier, own]) => sources.get(identifier)?.take(own)));
  }

  async function followAll(): Promise<void> {
    while (!closing.signal.aborted && sources.size > 0) {
      const { signal } = reading;
      const argv = readCommand(position, [...sources.keys()], true);
      for await (const entries of readEntries(argv, signal)) {
        await hand(entries);
        // One that was begun anew meanwhile reads these again; who has them already leaves them out.
        if (signal.aborted) break;
        position = entries.at(-1)?.cursor ?? position;
      }
      if (signal.aborted || closing.signal.aborted) continue;
      log.warn('the reader of the journal ended; it is begun anew');
      await clock.sleep(retry_ms, closing.signal);
    }
  }

  /** Before anything is followed: the entry that is the last one now. */
  async function anchor(): Promise<void> {
    const result = await exec(['journalctl', '--quiet', '--no-pager', '--lines=1', '--output=json'], {
      timeout_ms: 30_000,
    });
    position = parseCursor(result.stdout);
  }

  function begin(): void {
    reading.abort();
    reading = new AbortController();
    following ??= followAll()
      .catch((error: unknown) => log.error({ err: error }, 'the journal cannot be read'))
      .finally(() => {
        following = null;
        if (!closing.signal.aborted && sources.size > 0) begin();
      });
  }

  async function readRest(source: JournalSource): Promise<boolean> {
    const argv = readCommand(source.cursor(), [source.identifier], false);
    for await (const entries of readEntries(argv, closing.signal)) {
      if (!(await source.take(entries))) return false;
    }
    return !closing.signal.aborted;
  }

  return {
    async follow(source, ran_before) {
      anchoring ??= anchor();
      await anchoring;
      const before = position;
      if (ran_before) await readRest(source);
      if (closing.signal.aborted) return;
      // The follower did not know it while it read on.
      if (before === null || (position !== null && isBehind(position, before))) position = before;
      sources.set(source.identifier, source);
      begin();
    },
    async finish(source) {
      sources.delete(source.identifier);
      if (sources.size === 0) reading.abort();
      // Returns when journald has read all that was written to it.
      await exec(['journalctl', '--sync'], { timeout_ms: 30_000 });
      const whole = await readRest(source);
      source.close();
      return whole;
    },
    async close() {
      closing.abort();
      reading.abort();
      for (const source of sources.values()) source.close();
      await following;
    },
  };
}

function parseCursor(text: string): string | null {
  try {
    return (JSON.parse(text) as { __CURSOR?: string }).__CURSOR ?? null;
  } catch {
    return null;
  }
}

/** Runs journalctl and gives its entries as they come, a bounded number at a time; it waits while they are worked on. */
async function* readEntries([file, ...args]: Argv, signal: AbortSignal): AsyncGenerator<JournalEntry[]> {
  if (signal.aborted) return;
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  const end = () => void child.kill('SIGKILL');
  signal.addEventListener('abort', end, { once: true });
  child.once('error', () => child.stdout.destroy());
  let rest: Buffer = Buffer.alloc(0);
  try {
    for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
      const bytes = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
      const stop = bytes.lastIndexOf(10) + 1;
      rest = bytes.length - stop > line_bytes_max ? Buffer.alloc(0) : bytes.subarray(stop);
      const entries = bytes
        .subarray(0, stop)
        .toString('utf8')
        .split('\n')
        .map(parseEntry)
        .filter((entry) => entry !== null);
      for (let at = 0; at < entries.length; at += entries_max) yield entries.slice(at, at + entries_max);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    signal.removeEventListener('abort', end);
    end();
  }
}
