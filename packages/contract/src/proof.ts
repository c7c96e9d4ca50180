/**
 * Proof of people: a statement that a person's own key signed. The private half never leaves the person's machine (the CLI's
 * device key, the browser's non-extractable key); the public half is known to the keeper and to nobody it has to trust. A compact JWS
 * (RFC 7515), EdDSA with Ed25519 (RFC 8037) or ES256 (RFC 7518 §3.4), whose `kid` is the key's thumbprint (RFC 7638).
 */
import {
  CompactSign,
  calculateJwkThumbprint,
  compactVerify,
  decodeProtectedHeader,
  exportJWK,
  generateKeyPair,
  importJWK,
} from 'jose';
import * as z from 'zod';
import { Digest } from './desired-state.ts';
import { idSchema } from './ids.ts';
import { Role } from './operation.ts';

export const PersonKey = z
  .union([
    z.strictObject({ kty: z.literal('OKP'), crv: z.literal('Ed25519'), x: z.string().max(64) }),
    z.strictObject({ kty: z.literal('EC'), crv: z.literal('P-256'), x: z.string().max(64), y: z.string().max(64) }),
  ])
  .meta({ id: 'PersonKey' });
export type PersonKey = z.infer<typeof PersonKey>;

/** How far the clock of the person's machine may be from the keeper's, seconds; also how long a statement holds. */
export const statement_lifetime_seconds = 600;

export const ProofStatement = z.strictObject({
  /** What the person says: that it is proposed, confirmed, approved, or rejected; that a key is good, or bad. */
  says: z.enum(['propose', 'confirm', 'approve', 'reject', 'admit_key', 'revoke_key']),
  user_id: idSchema('user'),
  /** Hash of the plan; with keys, the thumbprint of the key in hexadecimal. */
  about: Digest,
  /** The operation that is meant; null where it has no id yet. */
  operation_id: idSchema('operation').nullable(),
  /** With `admit_key` for another person: whose key it is and what that person may be, so that nobody can say something else of it. */
  admits: z.strictObject({ user_id: idSchema('user'), role: Role }).optional(),
  iat: z.int().describe('Seconds since the epoch.'),
  jti: z.string().min(16).max(64).describe('Nonce: the keeper takes it once.'),
});
export type ProofStatement = z.infer<typeof ProofStatement>;

/** Id of a person's key: its JWK thumbprint (RFC 7638, SHA-256) in hexadecimal. */
export async function personKeyId(key: PersonKey): Promise<string> {
  const thumbprint = await calculateJwkThumbprint(key, 'sha256');
  const text = atob(thumbprint.replaceAll('-', '+').replaceAll('_', '/'));
  return Array.from(text, (byte) => byte.charCodeAt(0).toString(16).padStart(2, '0')).join('');
}

/** Key id that a statement names, which says nothing yet about who signed it. */
export function keyIdOf(jws: string): string | null {
  try {
    const { kid } = decodeProtectedHeader(jws) as { kid?: unknown };
    return typeof kid === 'string' ? kid : null;
  } catch {
    return null;
  }
}

/** The statement, when this key signed it. Whether it is fresh, unused and about the right thing is the caller's to see. */
export async function openStatement(jws: string, key: PersonKey): Promise<ProofStatement | null> {
  const alg = key.kty === 'OKP' ? 'EdDSA' : 'ES256';
  try {
    const { payload } = await compactVerify(jws, await importJWK(key, alg), { algorithms: [alg] });
    return ProofStatement.parse(JSON.parse(new TextDecoder().decode(payload)));
  } catch {
    return null;
  }
}

/** Something that signs what a person says: the CLI's device key, or the browser's key that cannot be taken out of it. */
export type PersonSigner = {
  /** The key's id. */
  id: string;
  public_key: PersonKey;
  sign(statement: Omit<ProofStatement, 'iat' | 'jti'>): Promise<string>;
};

type PrivateKey = Awaited<ReturnType<typeof importJWK>>;

export async function signerOf(key: PrivateKey, public_key: PersonKey, now: () => number): Promise<PersonSigner> {
  const id = await personKeyId(public_key);
  const alg = public_key.kty === 'OKP' ? 'EdDSA' : 'ES256';
  return {
    id,
    public_key,
    sign(statement) {
      const nonce = crypto.getRandomValues(new Uint8Array(16));
      const jti = Array.from(nonce, (byte) => byte.toString(16).padStart(2, '0')).join('');
      const payload: ProofStatement = { ...statement, iat: Math.floor(now() / 1000), jti };
      return new CompactSign(new TextEncoder().encode(JSON.stringify(payload)))
        .setProtectedHeader({ alg, kid: id, typ: 'mainstay-proof+jws' })
        .sign(key);
    },
  };
}

/** A new Ed25519 key as the text of its file (JWK, RFC 8037), private half included. */
export async function newDeviceKey(): Promise<string> {
  const { privateKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true });
  const { kty, crv, x, d } = await exportJWK(privateKey);
  return JSON.stringify({ kty, crv, x, d });
}

/** @throws when the text is no such key. */
export async function openDeviceKey(text: string, now: () => number): Promise<PersonSigner> {
  const jwk = JSON.parse(text) as { x: string };
  const public_key = PersonKey.parse({ kty: 'OKP', crv: 'Ed25519', x: jwk.x });
  return signerOf(await importJWK(jwk, 'EdDSA'), public_key, now);
}
