/**
 * How the keeper's signing key is exchanged without anybody's word but its own. A key change is a whole key ring, numbered, signed
 * (compact JWS, RFC 7515, EdDSA) by the key that was current before it. Who pinned that key can follow; nobody else can lead.
 *
 *   pinned K1 ──[1: current K2, retiring K1, signed by K1]──▶ K2 ──[2: current K2, revoked K1, signed by K2]──▶ K2
 *
 * Each change says the whole ring, so that leaving one out hides nothing that a later one says; numbers only grow, so that an old
 * ring cannot replace a newer one; and a key that was revoked once stays so.
 */
import { compactVerify, decodeProtectedHeader, importJWK } from 'jose';
import * as z from 'zod';
import { KeeperKey, keeperKeyId } from './grant.ts';

/** The `typ` of the JWS, so that no other signed thing of the keeper's can pass for a key change. */
export const key_change_type = 'mainstay-key-change+jws';

export const KeyChange = z.strictObject({
  iss: z.literal('mainstay-keeper'),
  kind: z.enum(['rotated', 'revoked']),
  seq: z.int().min(1).describe('Number of the ring; a lower one never replaces a higher one.'),
  at: z.int().describe('Seconds since the epoch.'),
  /** What signs from now on. */
  current: KeeperKey,
  /** What signed before, and how long it is still taken, seconds since the epoch. */
  retiring: z.array(KeeperKey.extend({ until: z.int() })).max(16),
  /** Ids of keys that are not to be taken any more, whatever they signed. */
  revoked: z.array(z.string().max(64)).max(1_000),
});
export type KeyChange = z.infer<typeof KeyChange>;

/** What somebody trusts who verifies grants. Starts as one key; plain JSON, to be stored as it is. */
export type PinnedKeys = Pick<KeyChange, 'seq' | 'current' | 'retiring' | 'revoked'>;

/** How many changes are looked at, and how long one may be; a keeper that rotates daily needs fewer in two years. */
export const key_changes_max = 1_000;
const key_change_bytes_max = 131_072;

/** Begins with a key that is trusted by other means, such as the key id in an enrolment token. */
export function pinKey(key: KeeperKey): PinnedKeys {
  return { seq: 0, current: key, retiring: [], revoked: [] };
}

/** The keys that grants may be signed with at that time, the current one first. */
export function trustedKeys(pinned: PinnedKeys, now_ms: number): KeeperKey[] {
  const retiring = pinned.retiring.filter(({ kid, until }) => until * 1000 > now_ms && !pinned.revoked.includes(kid));
  return [pinned.current, ...retiring.map(({ until: _, ...key }) => key)];
}

/** The change, when this key signed it and it is sound in itself. */
export async function openKeyChange(jws: string, key: KeeperKey): Promise<KeyChange | null> {
  try {
    const header = decodeProtectedHeader(jws);
    if (jws.length > key_change_bytes_max || header.typ !== key_change_type || header.kid !== key.kid) return null;
    const { payload } = await compactVerify(jws, await importJWK(key, 'EdDSA'), { algorithms: ['EdDSA'] });
    const change = KeyChange.parse(JSON.parse(new TextDecoder().decode(payload)));
    for (const { kid, x } of [change.current, ...change.retiring]) if ((await keeperKeyId(x)) !== kid) return null;
    return change.revoked.includes(change.current.kid) ? null : change;
  } catch {
    return null;
  }
}

/**
 * Follows a chain of changes (oldest first) from what is pinned. What is old already, or not signed by the key that is current by
 * then, is passed over and changes nothing. `applied` counts the changes that were followed; store `pinned` when it is not 0.
 */
export async function applyKeyChanges(
  pinned: PinnedKeys,
  changes: readonly string[],
): Promise<{ pinned: PinnedKeys; applied: number }> {
  let now = pinned;
  let applied = 0;
  for (const jws of changes.slice(-key_changes_max)) {
    const change = await openKeyChange(jws, now.current);
    if (!change || change.seq <= now.seq) continue;
    if (now.revoked.some((kid) => !change.revoked.includes(kid))) continue;
    const { seq, current, retiring, revoked } = change;
    now = { seq, current, retiring, revoked };
    applied++;
  }
  return { pinned: now, applied };
}
