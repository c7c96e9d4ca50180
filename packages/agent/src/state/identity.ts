/**
 * Who this agent is: what enrolment gave it. A file of its own (identity.json, 0600) beside the journal, so that an agent
 * whose journal is damaged can still tell its control plane so.
 */
import { hash, randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
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
  saveWhole(home, 'identity.json', identity);
  rmSync(join(home, attempt_file), { force: true });
}

const attempt_file = 'enrolment.json';
const Attempt = z.object({ token_sha256: z.string(), credential: z.string() });

/**
 * The credential that this agent enrols with by this token. It is stored before it is first sent (enrolment.json, 0600), so that an agent
 * that was ended before it had its identity asks again as the same one.
 */
export function credentialFor(home: string, token: string): string {
  const token_sha256 = hash('sha256', token.trim());
  try {
    const attempt = Attempt.parse(JSON.parse(readFileSync(join(home, attempt_file), 'utf8')));
    if (attempt.token_sha256 === token_sha256) return attempt.credential;
  } catch {
    // None yet, or damaged: it begins anew.
  }
  const credential = newCredential();
  saveWhole(home, attempt_file, { token_sha256, credential });
  return credential;
}

/** A secret by which the control plane knows this server from its enrolment on: 32 random bytes. */
export function newCredential(): string {
  return `mag_${randomBytes(32).toString('base64url')}`;
}

/** Stores a small file whole or not at all, for the agent alone. */
export function saveWhole(home: string, name: string, value: unknown): void {
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const path = join(home, name);
  const file = openSync(`${path}.new`, 'w', 0o600);
  writeSync(file, JSON.stringify(value));
  fsyncSync(file);
  closeSync(file);
  renameSync(`${path}.new`, path);
}
