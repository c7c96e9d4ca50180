/**
 * How far an update of the agent is: update.json in its home. Both executables read it, and so does the watchdog between them.
 * ```
 *            ┌─ connected ──────────────▶ confirmed
 *   trial ───┤
 *            └─ not connected in time ──▶ reverting ──▶ reverted
 * ```
 * `trial` is written before the executable is exchanged, `reverting` before it is put back: whatever a power cut leaves, the executable
 * that starts next sees by its own digest which side it is on.
 */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';

export const UpdateRecord = z.object({
  state: z.enum(['trial', 'confirmed', 'reverting', 'reverted']),
  version: z.string(),
  manifest_sha256: z.string(),
  /** Of the executable. */
  sha256: z.string(),
  previous_version: z.string(),
  at: z.int(),
  /** Why it was put back. */
  reason: z.string().nullable(),
});
export type UpdateRecord = z.infer<typeof UpdateRecord>;

const pathIn = (home: string) => join(home, 'update.json');

/** Null where there was no update yet, or its record is damaged: then what is wanted is simply done anew. */
export function readUpdate(home: string): UpdateRecord | null {
  try {
    return UpdateRecord.parse(JSON.parse(readFileSync(pathIn(home), 'utf8')));
  } catch {
    return null;
  }
}

export function saveUpdate(home: string, record: UpdateRecord): void {
  const path = pathIn(home);
  const file = openSync(`${path}.new`, 'w', 0o600);
  writeSync(file, `${JSON.stringify(record, null, 2)}\n`);
  fsyncSync(file);
  closeSync(file);
  renameSync(`${path}.new`, path);
}

export function forgetUpdate(home: string): void {
  rmSync(pathIn(home), { force: true });
}
