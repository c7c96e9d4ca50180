/**
 * Secrets at rest: AES-256-GCM under a key in a file of its own (0600), so that a copy of the database gives none away.
 * A sealed text is bound to what it belongs to, so that it cannot be moved to another row.
 */
import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { AppError } from '@mainstay/contract/errors';

export type Seal = {
  /** @param owner What it belongs to, such as `secret/shop/DATABASE_URL`. */
  seal(owner: string, text: string): string;
  open(owner: string, sealed: string): string;
  /** Keyed digest: tells whether two texts are the same, and nothing of what they are. */
  fingerprint(text: string): string;
};

export function loadSeal(path: string): Seal {
  const key = loadKey(path);
  return {
    fingerprint: (text) => createHmac('sha256', key).update(text).digest('hex'),
    seal(owner, text) {
      const nonce = randomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(owner));
      const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
      return Buffer.concat([nonce, cipher.getAuthTag(), body]).toString('base64url');
    },
    open(owner, sealed) {
      const bytes = Buffer.from(sealed, 'base64url');
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12)).setAAD(Buffer.from(owner));
      decipher.setAuthTag(bytes.subarray(12, 28));
      try {
        return Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString('utf8');
      } catch (cause) {
        throw new AppError(
          'Unavailable',
          `${owner} cannot be unsealed: it was changed, or the key ${path} is not the one that sealed it.`,
          {
            hint: 'Put the key file back that belongs to this state file, or set the value again.',
            cause,
          },
        );
      }
    },
  };
}

function loadKey(path: string): Buffer {
  try {
    const key = Buffer.from(readFileSync(path, 'utf8').trim(), 'base64');
    if (key.length !== 32) throw new Error('wrong length');
    return key;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
      throw new AppError('Unavailable', `The key of the secrets, ${path}, cannot be read.`, {
        hint: 'Put a backup of it in its place.',
        cause: error,
      });
    }
  }
  const key = randomBytes(32);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(`${path}.new`, key.toString('base64'), { mode: 0o600 });
  renameSync(`${path}.new`, path);
  chmodSync(path, 0o600);
  return key;
}
