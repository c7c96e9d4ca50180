/** Files of private keys: mode 0600, written whole or not at all. */
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { chmodSync, closeSync, fsyncSync, openSync, readFileSync, renameSync, statSync, writeSync } from 'node:fs';
import { AppError } from '@mainstay/contract/errors';

export function readKeyFile(path: string): KeyObject {
  let pem: string;
  try {
    pem = readFileSync(path, 'utf8');
    if ((statSync(path).mode & 0o077) !== 0) chmodSync(path, 0o600);
  } catch (error) {
    throw new AppError('Unavailable', `The keeper's key ${path} cannot be read.`, {
      hint: 'Check that it is there, its owner and its mode (0600); put a backup of it in its place.',
      cause: error,
    });
  }
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType !== 'ed25519') throw new Error(`it is of type ${key.asymmetricKeyType}`);
    return key;
  } catch (error) {
    throw new AppError('Unavailable', `The keeper's key ${path} is damaged.`, {
      hint: 'Put a backup of it in its place. A new key would have to be enrolled on every server.',
      cause: error,
    });
  }
}

/** Writes the key beside its place and renames it, so that a crash leaves either no key or a whole one. */
export function writeKeyFile(path: string, key: KeyObject): void {
  const staged = `${path}.new`;
  const file = openSync(staged, 'w', 0o600);
  writeSync(file, key.export({ format: 'pem', type: 'pkcs8' }) as string);
  fsyncSync(file);
  closeSync(file);
  renameSync(staged, path);
}

/** Moves the one key of earlier versions to its new place. False when there is none. */
export async function takeOverKeyFile(path: string, to: (key: KeyObject) => Promise<string>): Promise<boolean> {
  if (statSync(path, { throwIfNoEntry: false }) === undefined) return false;
  renameSync(path, await to(readKeyFile(path)));
  return true;
}
