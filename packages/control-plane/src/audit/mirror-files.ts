/**
 * Where entries stand in the mirror: a file a day, in parts of a bounded size, one entry a line as in an export. So the files
 * in the order of their names are the chain itself, `git blame` tells the signed commit of every line, and a commit writes
 * little however long the day was.
 */
import { exportLine } from '@mainstay/contract/audit';
import type { ChainedRow } from './audit-store.ts';

/** The file that entries are put into now. */
export type OpenFile = { path: string; content: string };

/** Characters after which a day goes on in its next part. */
export const part_max = 256 * 1024;

const path_pattern = /^(\d{4})\/(\d\d)\/(\d\d)-(\d{4,})\.jsonl$/;

/** Puts entries to the end of the open file, and into new ones. Gives every file that changed, the open one last. */
export function filesWith(open: OpenFile | null, rows: readonly ChainedRow[]): OpenFile[] {
  const changed: OpenFile[] = [];
  let file = open;
  for (const row of rows) {
    const path = pathFor(file, dayOf(row));
    if (file?.path !== path) file = { path, content: '' };
    file = { path, content: `${file.content}${exportLine(row.seq, row.prev, row.hash, row.body)}\n` };
    if (changed.at(-1)?.path === path) changed.pop();
    changed.push(file);
  }
  return changed;
}

/** A day never comes after a later one, whatever the clock did: the order of the files is that of the chain. */
function pathFor(open: OpenFile | null, day: string): string {
  const found = open === null ? null : path_pattern.exec(open.path);
  if (!open || !found) return `${day}-0001.jsonl`;
  const open_day = open.path.slice(0, 10);
  if (day > open_day) return `${day}-0001.jsonl`;
  if (open.content.length < part_max) return open.path;
  return `${open_day}-${String(Number(found[4]) + 1).padStart(4, '0')}.jsonl`;
}

/** The day of an entry, UTC, as a path such as `2026/01/31`. */
function dayOf({ body }: ChainedRow): string {
  const { at } = JSON.parse(body) as { at: number };
  return new Date(Math.min(Math.max(at, 0), 253_402_300_799_000)).toISOString().slice(0, 10).replaceAll('-', '/');
}
