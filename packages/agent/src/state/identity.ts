/**
 * Who this agent is: what enrolment gave it. A file of its own (identity.json, 0600) beside the journal, so that an agent
 * whose journal is damaged can still tell its control plane so.
 */
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '@mainstay/contract/errors';
import { idSchema } from '@mainstay/contract/ids';
import { KeyChange } from '@mainstay/contract/key-changes';
import * as z from 'zod';

export const Identity = z.object({
  server_id: idSchema('server'),
  server: z.string(),
  credential: z.string(),
  control_plane_url: z.string(),
  /** The keeper's keys as they were pinned, and followed since; a grant signed by any other is refused. */
  keeper: KeyChange.pick({ current: true, retiring: true, revoked: true }).extend({ seq: z.int().min(0) }),
  enrolment_grant: z.string(),
  /** The stack that the enrolment names; null when a stack was not chosen yet. */
  stack_id: z.string().nullable(),
});
export type Identity = z.infer<typeof Identity>;

/** The stored identity, or null before enrolment. Throws AppError when the file cannot be read or is damaged. */
export function loadIdentity(home: string): Identity | null {
  const path = join(home, 'identity.json');
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new AppError('Unavailable', `The agent's identity ${path} cannot be read.`, {
      hint: 'Check its owner and mode (0600).',
      cause: error,
    });
  }
  try {
    return Identity.parse(JSON.parse(text));
  } catch (error) {
    throw new AppError('Unavailable', `The agent's identity ${path} is damaged.`, {
      hint: 'Put a backup of it in its place, or remove it and enrol again with a new token.',
      cause: error,
    });
  }
}

/** Stores the identity whole or not at all. */
export function saveIdentity(home: string, identity: Identity): void {
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const path = join(home, 'identity.json');
  const file = openSync(`${path}.new`, 'w', 0o600);
  writeSync(file, JSON.stringify(identity));
  fsyncSync(file);
  closeSync(file);
  renameSync(`${path}.new`, path);
}
