/**
 * The signing key: Ed25519, in a file of its own (0600), never in a database. Whoever holds this file can make servers do
 * things; nothing else in Mainstay can.
 */
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { AppError } from '@mainstay/contract/errors';
import { Grant, type KeeperKey, keeperKeyId } from '@mainstay/contract/grant';
import { CompactSign, compactVerify } from 'jose';

export type Signer = {
  key: KeeperKey;
  sign(grant: Grant): Promise<string>;
  /** The grant, if this signer signed it; its expiry is not looked at. */
  open(jws: string): Promise<Grant | null>;
  /** Keyed fingerprint of a token, so that the token itself is stored nowhere. */
  tokenDigest(token: string): string;
};

export async function loadSigner(directory: string): Promise<Signer> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const private_key = loadKey(join(directory, 'signing-key.pem'));
  const public_key = createPublicKey(private_key);
  const x = public_key.export({ format: 'jwk' })['x'] as string;
  const kid = await keeperKeyId(x);
  return {
    key: { kty: 'OKP', crv: 'Ed25519', x, kid },
    sign: (grant) =>
      new CompactSign(new TextEncoder().encode(JSON.stringify(Grant.parse(grant))))
        .setProtectedHeader({ alg: 'EdDSA', kid, typ: 'mainstay-grant+jws' })
        .sign(private_key),
    async open(jws) {
      try {
        const verified = await compactVerify(jws, public_key, { algorithms: ['EdDSA'] });
        return Grant.parse(JSON.parse(new TextDecoder().decode(verified.payload)));
      } catch {
        return null;
      }
    },
    tokenDigest: (token) => createHash('sha256').update(token).digest('hex'),
  };
}

function loadKey(path: string): KeyObject {
  let pem: string;
  try {
    pem = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
      throw new AppError('Unavailable', `The keeper's key ${path} cannot be read.`, {
        hint: 'Check its owner and mode (0600).',
        cause: error,
      });
    }
    return makeKey(path);
  }
  if ((statSync(path).mode & 0o077) !== 0) chmodSync(path, 0o600);
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
function makeKey(path: string): KeyObject {
  const { privateKey } = generateKeyPairSync('ed25519');
  const staged = `${path}.new`;
  const file = openSync(staged, 'w', 0o600);
  writeSync(file, privateKey.export({ format: 'pem', type: 'pkcs8' }) as string);
  fsyncSync(file);
  closeSync(file);
  renameSync(staged, path);
  return privateKey;
}
