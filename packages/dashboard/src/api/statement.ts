/**
 * Statements of a person, signed with a key of the browser: a compact JWS (RFC 7515) with ES256 (RFC 7518 §3.4), whose `kid` is the
 * key's thumbprint (RFC 7638). WebCrypto gives the signature as JWS wants it, so that no library is needed. The keeper verifies it by
 * the contract's `proof.ts`, and a test here does the same.
 */
import type { PersonKey, ProofStatement } from '@mainstay/contract/proof';
import { hex, randomHex } from './random.ts';

export type BrowserKey = { private_key: CryptoKey; public_key: Extract<PersonKey, { kty: 'EC' }> };

const algorithm = { name: 'ECDSA', namedCurve: 'P-256' } as const;

/** A new key whose private half the browser gives to nobody, this page included. */
export async function newBrowserKey(): Promise<BrowserKey> {
  const { privateKey, publicKey } = await crypto.subtle.generateKey(algorithm, false, ['sign', 'verify']);
  const { x, y } = await crypto.subtle.exportKey('jwk', publicKey);
  return { private_key: privateKey, public_key: { kty: 'EC', crv: 'P-256', x: x ?? '', y: y ?? '' } };
}

/** Id of the key: its thumbprint, 64 hexadecimal digits. */
export async function keyIdOf({ crv, kty, x, y }: BrowserKey['public_key']): Promise<string> {
  // RFC 7638 §3: the required members alone, in this order.
  const digest = await crypto.subtle.digest('SHA-256', encoded(JSON.stringify({ crv, kty, x, y })));
  return hex(new Uint8Array(digest));
}

export type Said = Omit<ProofStatement, 'iat' | 'jti'>;

/** Signs what the person says; it holds once, and for ten minutes around now. */
export async function signStatement(key: BrowserKey, said: Said, now_ms: number): Promise<string> {
  const jti = randomHex(16);
  const header = { alg: 'ES256', kid: await keyIdOf(key.public_key), typ: 'mainstay-proof+jws' };
  const payload: ProofStatement = { ...said, iat: Math.floor(now_ms / 1000), jti };
  const text = [header, payload].map((part) => base64url(encoded(JSON.stringify(part)))).join('.');
  const signature = await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, key.private_key, encoded(text));
  return `${text}.${base64url(new Uint8Array(signature))}`;
}

function encoded(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

function base64url(bytes: Uint8Array): string {
  const text = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
  return text.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}
