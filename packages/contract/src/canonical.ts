/**
 * Canonical JSON (RFC 8785) and the SHA-256 over it: what plans and desired states are identified by.
 * Web standards only, so that the same digest comes out in Node, browsers and Workers.
 */

/** How deep a value may be nested. */
export const canonical_depth_max = 1_000;

/**
 * RFC 8785 text of a JSON value: names sorted by UTF-16 code units, no blanks, strings and numbers as `JSON.stringify` writes them.
 * Properties that are undefined are left out. Throws on values that JSON does not have (NaN, functions, lone surrogates, cycles).
 */
export function canonicalJson(value: unknown): string {
  return textOf(value, 0);
}

function textOf(value: unknown, depth: number): string {
  if (typeof value === 'string') return textOfString(value);
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'number' && Number.isFinite(value)) return JSON.stringify(value);
  if (typeof value !== 'object') throw new TypeError('value is not JSON');
  if (depth >= canonical_depth_max) throw new TypeError(`value is nested deeper than ${canonical_depth_max} levels`);
  if (Array.isArray(value)) return `[${value.map((item) => textOf(item, depth + 1)).join(',')}]`;
  let text = '';
  // Without a function `sort` compares code units, as section 3.2.3 asks.
  for (const name of Object.keys(value).sort()) {
    const property = (value as Record<string, unknown>)[name];
    if (property === undefined) continue;
    text += `${text === '' ? '' : ','}${textOfString(name)}:${textOf(property, depth + 1)}`;
  }
  return `{${text}}`;
}

/** ASCII without quotes, backslashes and control characters: nothing to escape, which is quicker seen than done. */
const plain = /^[ !#-[\]-~]*$/;

function textOfString(text: string): string {
  if (plain.test(text)) return `"${text}"`;
  if (!text.isWellFormed()) throw new TypeError('value is not JSON: a text with a lone surrogate');
  return JSON.stringify(text);
}

type NodeCrypto = { hash(algorithm: 'sha256', text: string, encoding: 'hex'): string };
type Process = { getBuiltinModule?(name: 'node:crypto'): NodeCrypto | undefined };

/** Where there is Node, its own hash: Web Crypto hands each text to another thread, which takes far longer than hashing it. */
const node = (globalThis as { process?: Process }).process?.getBuiltinModule?.('node:crypto');

/** Lower-case hexadecimal SHA-256, 64 characters. */
export async function sha256Hex(text: string): Promise<string> {
  if (node) return node.hash('sha256', text, 'hex');
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
