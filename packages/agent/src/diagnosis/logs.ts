/**
 * The last lines of the agent or of a unit: out of the journal of the machine where systemd runs it, otherwise what the agent remembers or a
 * log file holds. Names of units in commands are the agent's own, never those of whoever asks.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { type DiagnosedLog, diagnosisLimits } from '@mainstay/contract/diagnosis';
import type { Exec } from '@mainstay/runtime/exec';
import type { Mask } from './mask.ts';

const command_ms = 5_000;
/** Of one log as JSON, so that two of them and all else fit into an answer. */
const log_bytes_max = 72 * 1024;
const output_bytes_max = 4 * 1024 * 1024;
const file_bytes_max = 256 * 1024;

export type Line = { at: number | null; text: string };
/** `journal`: a unit, or a pattern of units of the agent's own making. */
export type LogPlace =
  | { kind: 'journal'; pattern: string }
  | { kind: 'file'; path: string }
  | { kind: 'memory'; source: string; lines: () => readonly Line[] };

export function journalCommand(pattern: string, lines: number): [string, ...string[]] {
  return [
    'journalctl',
    ...['--quiet', '--no-pager', '--all', '--output=json', '--output-fields=MESSAGE', `--lines=${lines}`],
    // Newest first: where there is more than is taken, it is the old that is lost.
    '--reverse',
    `--unit=${pattern}`,
  ];
}

/** Entries of `journalctl --output=json --reverse`, oldest first; what is not printable comes as an array of its bytes. */
export function parseJournal(text: string): Line[] {
  const lines = text.split('\n').reverse();
  return lines.flatMap((line) => {
    try {
      const { MESSAGE: message, __REALTIME_TIMESTAMP: at } = JSON.parse(line) as Record<string, unknown>;
      const said = Buffer.from(Array.isArray(message) ? (message as number[]) : String(message ?? '')).toString('utf8');
      return [{ at: Math.floor(Number(at) / 1000), text: said }];
    } catch {
      return [];
    }
  });
}

export type LogRequest = { name: string; place: LogPlace; lines: number; mask: Mask; exec: Exec; signal: AbortSignal };

/** Reads the last lines of a log, masked, each bounded, and as many of the newest as fit. */
export async function readLog({ name, place, lines, mask, exec, signal }: LogRequest): Promise<DiagnosedLog> {
  const { source, read } = await linesOf(place, lines, exec, signal);
  const kept: Line[] = [];
  let bytes = 0;
  const newest = read.slice(-lines);
  for (const { at, text } of newest.toReversed()) {
    const line = { at, text: shortened(mask(plain(name === 'agent' ? ownLine(text) : text))) };
    bytes += Buffer.byteLength(JSON.stringify(line)) + 1;
    if (bytes > log_bytes_max) break;
    kept.unshift(line);
  }
  return { name, source: source.slice(0, 500), lines: kept, cut: kept.length < newest.length };
}

async function linesOf(
  place: LogPlace,
  lines: number,
  exec: Exec,
  signal: AbortSignal,
): Promise<{ source: string; read: readonly Line[] }> {
  switch (place.kind) {
    case 'journal': {
      const argv = journalCommand(place.pattern, lines);
      const { stdout } = await exec(argv, { timeout_ms: command_ms, output_bytes_max, signal });
      return { source: `journal of the server, ${place.pattern}`, read: parseJournal(stdout) };
    }
    case 'file':
      return { source: place.path, read: lastLinesOf(place.path) };
    case 'memory':
      return { source: place.source, read: place.lines() };
  }
}

function lastLinesOf(path: string): Line[] {
  try {
    const file = openSync(path, 'r');
    try {
      const { size } = fstatSync(file);
      const bytes = Buffer.alloc(Math.min(size, file_bytes_max));
      readSync(file, bytes, 0, bytes.length, size - bytes.length);
      const lines = bytes.toString('utf8').split('\n');
      // The first is the rest of one where the file is longer.
      const whole = size > bytes.length ? lines.slice(1) : lines;
      return whole.filter((text) => text !== '').map((text) => ({ at: null, text }));
    } finally {
      closeSync(file);
    }
  } catch {
    return [];
  }
}

/** The agent logs JSON, which is for programs to read. */
function ownLine(text: string): string {
  try {
    const { level, msg, name: _, time: __, ...more } = JSON.parse(text) as Record<string, unknown>;
    if (typeof level !== 'string' || typeof msg !== 'string') return text;
    return `${level} ${msg}${Object.keys(more).length > 0 ? ` ${JSON.stringify(more)}` : ''}`;
  } catch {
    return text;
  }
}

/** Without colours and other words to a terminal. */
function plain(text: string): string {
  return text.replace(terminal, '');
}
const esc = String.fromCharCode(27);
const terminal = new RegExp(`${esc}\\[[0-9;?]*[A-Za-z]|[\\u0000-\\u0008\\u000b-\\u001f\\u007f]`, 'g');

function shortened(text: string): string {
  if (text.length <= diagnosisLimits.line_characters_max) return text;
  // A cut must not leave half of a pair.
  return `${text.slice(0, diagnosisLimits.line_characters_max).replace(/[\ud800-\udbff]$/, '')}…`;
}
