/**
 * Canonical JSON (RFC 8785) and the SHA-256 over it: what plans and desired states are identified by.
 * Web standards only, so that the same digest comes out in Node, browsers and Workers.
 */
import canonicalize from 'canonicalize';

/** RFC 8785 text of a JSON value. Throws on values that JSON does not have (NaN, functions, cycles). */
export function canonicalJson(value: unknown): string {
  const text = canonicalize(value as object);
  if (text === undefined) throw new TypeError('value is not JSON');
  return text;
}

/** Lower-case hexadecimal SHA-256, 64 characters. */
export async function sha256Hex(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return toHex(new Uint8Array(digest));
}

/** SHA-256 over the canonical JSON of a value. */
export async function digestOf(value: unknown): Promise<string> {
  return sha256Hex(canonicalJson(value));
}

/**
 * Commitment to a secret: HMAC-SHA-256 (RFC 2104) of the value under a random key that travels only with the value.
 * Whoever sees the commitment learns nothing of the value; whoever changes the value is found out.
 */
export async function commitmentOf(key_hex: string, value: string): Promise<string> {
  const key = await crypto.subtle.importKey('raw', fromHex(key_hex), { name: 'HMAC', hash: 'SHA-256' }, false, [
    'sign',
  ]);
  const mac = await crypto.subtle.sign('HMAC', key, new TextEncoder().encode(value));
  return toHex(new Uint8Array(mac));
}

function toHex(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0');
  return text;
}

function fromHex(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(text.slice(i * 2, i * 2 + 2), 16);
  return bytes;
}
