/**
 * Follows the file that an instance writes its output to, into the log sink, each line exactly once over restarts of the
 * agent: the sink stores the cursor in the same write as the lines. The service writes to the file by itself, so neither
 * the agent's end nor a slow sink stops it.
 *
 * Disk is bounded: what is stored is cut out of the file as a hole (fallocate(2), FALLOC_FL_PUNCH_HOLE), so that offsets stay
 * as they are and no byte that the service writes meanwhile is lost, as copy-and-truncate would. Where a file system has no
 * holes, the file is truncated when all of it was read. A service faster than the sink loses whole lines, and is told so.
 */
import { closeSync, fstatSync, ftruncateSync, openSync, readSync } from 'node:fs';
import { promisify } from 'node:util';
import type { LastLine } from '@mainstay/contract/crash-report';
import type { Clock } from '@mainstay/runtime/clock';
import type { Exec } from '@mainstay/runtime/exec';
import type { Logger } from '@mainstay/runtime/log';
import { keepLast } from './last-lines.ts';
import { splitLines } from './lines.ts';
import type { LogLine, LogSink } from './supervisor.ts';

/** Bytes on disk of one stream, at most, but for what is written between two looks. */
export const stream_bytes_max = 8 * 1024 * 1024;
const piece_bytes = 256 * 1024;
/** Dropped output is read to count its lines, up to this many bytes. */
const counted_bytes_max = 32 * 1024 * 1024;
const block_bytes = 4_096;
const retry_ms_max = 5_000;
const yieldToLoop = promisify(setImmediate);

/** `offset`: first byte that is not stored yet. `skipping`: it is inside a line that was cut, whose rest is left out. */
type Cursor = { inode: number; offset: number; skipping: boolean };

export type LogTail = {
  /** True when the file changed since it was last read. Costs one fstat(2). */
  hasMore(): boolean;
  /** Stores what there is, a bounded piece at a time, until nothing is left or it is closed. Never rejects. */
  pump(): Promise<void>;
  /** Stores the rest, a last line without newline included. False when it could not, or was closed meanwhile. */
  finish(): Promise<boolean>;
  /** The newest lines. */
  lastLines(): LastLine[];
  /** Stops reading after the write that is under way. */
  close(): Promise<void>;
};

export type LogTailOptions = {
  path: string;
  source_id: string;
  line: Omit<LogLine, 'at' | 'text'>;
  sink: LogSink;
  clock: Clock;
  exec: Exec;
  log: Logger;
  bytes_max?: number;
};

export function createLogTail(options: LogTailOptions): LogTail {
  const { path, source_id, sink, clock, exec, log } = options;
  const bytes_max = options.bytes_max ?? stream_bytes_max;
  const fd = openSync(path, 'r+');
  const inode = fstatSync(fd).ino;
  const cursor = restore();
  const closing = new AbortController();
  const buffer = Buffer.allocUnsafe(piece_bytes);
  const last_lines: LastLine[] = [];
  let seen_size = 0;
  let hole_end = 0;
  let holes_work = true;
  let pumping: Promise<void> | null = null;
  let closed = false;

  function restore(): Cursor {
    const stored = sink.cursor(source_id);
    if (stored !== null) {
      const parsed = JSON.parse(stored) as Cursor;
      if (parsed.inode === inode) return parsed;
    }
    return { inode, offset: 0, skipping: false };
  }

  const size = () => fstatSync(fd).size;

  async function store(lines: string[], next: Omit<Cursor, 'inode'>): Promise<boolean> {
    const at = clock.now();
    const records = lines.map((text) => ({ ...options.line, at, text }));
    for (let wait_ms = 100; ; wait_ms = Math.min(wait_ms * 2, retry_ms_max)) {
      try {
        await sink.write(source_id, records, JSON.stringify({ inode, offset: next.offset, skipping: next.skipping }));
        break;
      } catch (error) {
        log.warn({ err: error, source_id }, 'lines of a service cannot be stored; trying again');
        await clock.sleep(wait_ms, closing.signal);
        if (closing.signal.aborted) return false;
      }
    }
    cursor.offset = next.offset;
    cursor.skipping = next.skipping;
    keepLast(last_lines, records);
    return true;
  }

  /** Leaves out the oldest output that is not stored, so that half of the room is free again. */
  async function drop(to: number): Promise<boolean> {
    const from = cursor.offset;
    // What is left begins inside a line, which is left out as well.
    let dropped = 1;
    let at = Math.max(from, to - counted_bytes_max);
    const counted_from = at;
    while (at < to) {
      const length = readSync(fd, buffer, 0, Math.min(buffer.length, to - at), at);
      if (length === 0) break;
      for (let i = buffer.indexOf(10); i >= 0 && i < length; i = buffer.indexOf(10, i + 1)) dropped++;
      at += length;
      await yieldToLoop();
    }
    const least = counted_from > from ? 'more than ' : '';
    const mebibytes = Math.ceil((to - from) / 1024 / 1024);
    const note = `… ${least}${dropped} lines dropped (${mebibytes} MiB): written faster than they could be stored`;
    return store([note], { offset: to, skipping: true });
  }

  async function makeRoom(): Promise<void> {
    const until = Math.floor(cursor.offset / block_bytes) * block_bytes;
    if (until - hole_end < bytes_max / 4) return;
    if (holes_work) {
      const result = await exec(['fallocate', '--punch-hole', '--offset', '0', '--length', String(until), '--', path], {
        timeout_ms: 30_000,
      });
      holes_work = result.code === 0;
      if (holes_work) {
        hole_end = until;
        return;
      }
      log.warn(
        { path, stderr: result.stderr.slice(0, 500) },
        'no holes in files here; output files are truncated instead',
      );
    }
    const present = size();
    if (present > cursor.offset && present < bytes_max * 4) return;
    const lost = Math.ceil((present - cursor.offset) / 1024);
    ftruncateSync(fd, 0);
    const note = lost > 0 ? [`… ${lost} KiB dropped: written faster than they could be stored`] : [];
    if (await store(note, { offset: 0, skipping: lost > 0 })) hole_end = 0;
  }

  /** One piece. False when there is nothing more to be had now. */
  async function step(final: boolean): Promise<boolean> {
    const present = size();
    seen_size = present;
    if (present < cursor.offset) {
      cursor.offset = 0;
      cursor.skipping = false;
      hole_end = 0;
    }
    if (present - cursor.offset > bytes_max) {
      if (!(await drop(present - bytes_max / 2))) return false;
    }
    const length = readSync(fd, buffer, 0, buffer.length, cursor.offset);
    if (length === 0) return false;
    const at_end = final && cursor.offset + length >= present;
    const split = splitLines(buffer.subarray(0, length), cursor.skipping, at_end);
    if (split.consumed === 0) return false;
    const next = { offset: cursor.offset + split.consumed, skipping: split.skipping };
    if (!(await store(split.lines, next))) return false;
    await makeRoom();
    return true;
  }

  async function run(final: boolean): Promise<void> {
    try {
      while (!closing.signal.aborted && (await step(final))) await yieldToLoop();
    } catch (error) {
      log.error({ err: error, path }, 'the output of a service cannot be read');
    }
  }

  const pump = (final: boolean) => {
    pumping ??= run(final).finally(() => {
      pumping = null;
    });
    return pumping;
  };

  return {
    hasMore: () => !closed && size() !== seen_size,
    pump: () => pump(false),
    async finish() {
      while (pumping) await pumping;
      await pump(true);
      return !closing.signal.aborted && cursor.offset === size();
    },
    lastLines: () => [...last_lines],
    async close() {
      closing.abort();
      await pumping;
      if (!closed) closeSync(fd);
      closed = true;
    },
  };
}
