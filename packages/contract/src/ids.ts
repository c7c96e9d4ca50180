/** Ids are a prefix that tells the noun, and a UUIDv7 (RFC 9562 §5.7) without dashes, so that they sort by time. */
import * as z from 'zod';

export const idPrefixes = {
  stack: 'stk',
  server: 'srv',
  operation: 'op',
  event: 'evt',
  user: 'usr',
  secret: 'sec',
  credential: 'crd',
  instance: 'ins',
  enrolment: 'enr',
  session: 'ses',
  run: 'run',
  schedule: 'sch',
  message: 'msg',
  audit: 'aud',
  installation: 'mns',
  access_key: 'key',
  inquiry: 'inq',
} as const;
export type IdKind = keyof typeof idPrefixes;

/** The millisecond of the newest id, and its place among those of that millisecond. */
const newest = { ms: 0, place: 0 };
const places_max = 0xfff;

/**
 * A new id of this noun. Ids that one process makes in one millisecond sort in the order in which they were made (RFC 9562 §6.2, method 1: a counter
 * in the twelve bits behind the version, begun at random in their lower half), up to some thousands of them.
 */
export function newId(kind: IdKind, now_ms: number = Date.now()): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  for (let i = 0; i < 6; i++) bytes[i] = Math.floor(now_ms / 2 ** (8 * (5 - i))) & 0xff;
  newest.place = newest.ms === now_ms ? Math.min(newest.place + 1, places_max) : ((bytes[6]! << 8) | bytes[7]!) >> 5;
  newest.ms = now_ms;
  bytes[6] = (newest.place >> 8) | 0x70;
  bytes[7] = newest.place & 0xff;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  let hex = '';
  for (const byte of bytes) hex += byte.toString(16).padStart(2, '0');
  return `${idPrefixes[kind]}_${hex}`;
}

export function idSchema(kind: IdKind) {
  return z
    .string()
    .regex(new RegExp(`^${idPrefixes[kind]}_[0-9a-f]{32}$`), `must be an id of the form ${idPrefixes[kind]}_…`);
}
