/**
 * Values of secrets, kept so that a reboot needs no control plane. They are sealed (AES-256-GCM) under a key in a file of
 * its own (secrets.key, 0600), so that a copy of the journal, made for a backup or a bug report, gives none away (ADR 0013). Whoever
 * can read both files as this user or root can read the values, as they can in the memory of the services.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { AppError } from '@mainstay/contract/errors';
import type { Journal } from './journal.ts';

export type SecretCache = {
  /** The value, or null when it is not here or its seal does not fit. */
  get(commitment: string): string | null;
  put(values: ReadonlyMap<string, string>): void;
  /** Forgets all but these. */
  keep(commitments: ReadonlySet<string>): void;
};

export function createSecretCache(journal: Journal, key_path: string): SecretCache {
  const key = loadKey(key_path);
  const { database } = journal;
  const select = database.prepare('SELECT sealed FROM secrets WHERE commitment = ?');
  const insert = database.prepare('INSERT OR REPLACE INTO secrets VALUES (?, ?)');
  const all = database.prepare('SELECT commitment FROM secrets');
  const drop = database.prepare('DELETE FROM secrets WHERE commitment = ?');

  const seal = (commitment: string, value: string) => {
    const nonce = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(commitment));
    const body = Buffer.concat([cipher.update(value, 'utf8'), cipher.final()]);
    return Buffer.concat([nonce, cipher.getAuthTag(), body]).toString('base64');
  };

  return {
    get(commitment) {
      const row = select.get(commitment) as { sealed: string } | undefined;
      if (!row) return null;
      const bytes = Buffer.from(row.sealed, 'base64');
      try {
        const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12)).setAAD(Buffer.from(commitment));
        decipher.setAuthTag(bytes.subarray(12, 28));
        return Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString('utf8');
      } catch {
        return null;
      }
    },
    put: (values) =>
      journal.write(() => {
        for (const [commitment, value] of values) insert.run(commitment, seal(commitment, value));
      }),
    keep(commitments) {
      const gone = (all.all() as { commitment: string }[]).filter((row) => !commitments.has(row.commitment));
      if (gone.length === 0) return;
      journal.write(() => {
        for (const row of gone) drop.run(row.commitment);
      });
    },
  };
}

function loadKey(path: string): Buffer {
  try {
    const key = Buffer.from(readFileSync(path, 'utf8').trim(), 'base64');
    if (key.length === 32) return key;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
      throw new AppError('Unavailable', `The key of the cached secrets, ${path}, cannot be read.`, {
        hint: 'Check its owner and mode (0600).',
        cause: error,
      });
    }
  }
  // A key that is missing or damaged only costs fetching the values again.
  const key = randomBytes(32);
  writeFileSync(`${path}.new`, key.toString('base64'), { mode: 0o600 });
  renameSync(`${path}.new`, path);
  return key;
}
