/**
 * What journalctl prints, one JSON object a line, and the order of its cursors. Two streams of one instance come as two
 * priorities (systemd-cat). A line that journald split because it was too long (48 KiB) is told by `_LINE_BREAK`, and was cut
 * far before by us; journald itself leaves out empty lines and takes NUL for the end of a line.
 */
import { splitLines } from '../lines.ts';

export const priorities = { stdout: 'info', stderr: 'err' } as const;
const stderr_priority = '3';

export type JournalEntry = {
  cursor: string;
  /** UTC milliseconds, when journald received it. */
  at: number;
  identifier: string;
  /** User of the process that opened the stream, as the kernel told journald. */
  uid: number;
  stream: 'stdout' | 'stderr';
  text: string;
  /** The next entry of the stream goes on with the same line. */
  is_open: boolean;
};

/** The fields that are asked for; journalctl adds cursor and times. */
export const fields = ['MESSAGE', 'PRIORITY', 'SYSLOG_IDENTIFIER', '_UID', '_LINE_BREAK'];

/** Null for what is no entry with a text. */
export function parseEntry(line: string): JournalEntry | null {
  let fields: Record<string, unknown>;
  try {
    fields = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return null;
  }
  const { __CURSOR: cursor, SYSLOG_IDENTIFIER: identifier, MESSAGE: message } = fields;
  if (typeof cursor !== 'string' || typeof identifier !== 'string') return null;
  // What is not printable comes as an array of its bytes.
  const bytes = Buffer.from(Array.isArray(message) ? (message as number[]) : String(message ?? ''));
  return {
    cursor,
    at: Math.floor(Number(fields['__REALTIME_TIMESTAMP']) / 1000),
    identifier,
    uid: Number(fields['_UID']),
    stream: fields['PRIORITY'] === stderr_priority ? 'stderr' : 'stdout',
    text: splitLines(bytes, false, true).lines[0] ?? '',
    is_open: fields['_LINE_BREAK'] === 'line-max',
  };
}

/** True when the entry of one cursor is behind that of the other: by number within one journal, else by time. */
export function isBehind(cursor: string, other: string): boolean {
  const [a, b] = [partsOf(cursor), partsOf(other)];
  const key = a['s'] === b['s'] ? 'i' : 't';
  return BigInt(`0x${a[key] ?? '0'}`) > BigInt(`0x${b[key] ?? '0'}`);
}

function partsOf(cursor: string): Record<string, string> {
  return Object.fromEntries(cursor.split(';').map((part) => part.split('=') as [string, string]));
}
