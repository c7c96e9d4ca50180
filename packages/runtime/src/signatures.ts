/**
 * SHA-256 and Ed25519 by `node:crypto`, which does at once, on this thread, what Web Crypto hands to another one: for a few kilobytes
 * that hand-over costs several times what is computed.
 */
import { createPublicKey, hash, type KeyObject, verify } from 'node:crypto';
import type { Signatures } from '@mainstay/contract/grant';

/** Lower-case hexadecimal SHA-256 of a text in UTF-8, 64 characters; as `sha256Hex` of the contract. */
export function sha256Of(text: string): string {
  return hash('sha256', text, 'hex');
}

const compact = /^([\w-]+\.([\w-]+))\.([\w-]+)$/;

/** The key that was used last: importing one costs a third of verifying with it, and there is rarely another. */
let imported: { x: string; key: KeyObject } | null = null;

function publicKey(x: string): KeyObject {
  if (imported?.x !== x)
    imported = { x, key: createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' }) };
  return imported.key;
}

/** For `verifyGrant`. */
export const nodeSignatures: Signatures = {
  keyId: (x) => sha256Of(`{"crv":"Ed25519","kty":"OKP","x":"${x}"}`),
  open(jws, { x }) {
    const [, signed, payload, signature] = compact.exec(jws) ?? [];
    if (!signed || !payload || !signature) throw new TypeError('not a compact JWS');
    if (!verify(null, Buffer.from(signed), publicKey(x), Buffer.from(signature, 'base64url')))
      throw new Error('not signed by this key');
    return Buffer.from(payload, 'base64url');
  },
};
