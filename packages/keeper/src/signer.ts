/**
 * The signing keys: Ed25519, the private half of the current one in a file of its own (`keys/<kid>.pem`, 0600), never in a database.
 * Whoever holds that file can make servers do things; nothing else in Mainstay can.
 *
 *   current ──rotate──▶ retiring ──its time is over──▶ no longer taken by agents
 *                          └──revoke──▶ revoked: only what the ledger says was really signed with it still counts, and only here
 *
 * A key that retires never signs again: its private half is deleted when the next one is in force.
 */
import { createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '@mainstay/contract/errors';
import { type KeeperKey, keeperKeyId } from '@mainstay/contract/grant';
import { type KeyChange, key_change_type } from '@mainstay/contract/key-changes';
import { readKeyFile, takeOverKeyFile, writeKeyFile } from './key-files.ts';
import type { KeeperDatabase } from './ledger/database.ts';

export type SigningKeyState = 'current' | 'retiring' | 'revoked';
type KeyRow = { kid: string; x: string; state: SigningKeyState; created_at: number; until: number | null };

export type Signer = {
  current(): KeeperKey;
  /** Keys that signatures may be of now: the current one first, then those that retire. */
  keys(): KeeperKey[];
  stateOf(kid: string): SigningKeyState | null;
  history(): string[];
  /** A compact JWS of that type over the payload, by the current key. */
  sign(typ: string, payload: unknown): string;
  /** The payload, when any key of this keeper signed it with that type; revoked ones included. */
  openAny(jws: string, typ: string): unknown;
  /** The key id that a JWS names. */
  kidOf(jws: string): string | null;
  /** Makes the next key. Call `record` inside a write, `finish` after it. */
  prepareRotation(): Promise<{ next: KeeperKey; record(): string; finish(): void }>;
  /** Inside a write: takes the trust from a key that retires. */
  recordRevocation(kid: string): void;
  /** True when a key was there already, and nothing was known of it: the ledger was lost. */
  readonly is_ledger_lost: boolean;
};

/** How long a key is still taken after the next one is in force, seconds: longer than an invitation may wait. */
export const key_overlap_seconds = 691_200;

export async function loadSigner(directory: string, database: KeeperDatabase, now: () => number): Promise<Signer> {
  const folder = join(directory, 'keys');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { sql } = database;
  const pathOf = (kid: string) => join(folder, `${kid}.pem`);
  const rows = () => sql.prepare('SELECT * FROM signing_keys ORDER BY created_at DESC, kid').all() as KeyRow[];
  const insert = (key: KeeperKey) =>
    sql
      .prepare("INSERT INTO signing_keys (kid, x, state, created_at, until) VALUES (?, ?, 'current', ?, NULL)")
      .run(key.kid, key.x, now());

  const is_taken_over = await takeOverKeyFile(join(directory, 'signing-key.pem'), async (key) =>
    pathOf((await publicKeyOf(key)).kid),
  );
  const known = rows().find(({ state }) => state === 'current');
  const files = readdirSync(folder).filter((name) => name.endsWith('.pem'));
  if (!known && files.length > 1) {
    throw new AppError(
      'Unavailable',
      `The keeper's folder ${folder} holds several keys, and its ledger names none of them.`,
      {
        hint: 'Put a backup of ledger.db in its place, or leave only the key that servers know.',
      },
    );
  }
  const only = files[0];
  let secret: KeyObject;
  if (known) secret = readKeyFile(pathOf(known.kid));
  else if (only !== undefined) secret = readKeyFile(join(folder, only));
  else secret = generateKeyPairSync('ed25519').privateKey;
  let key = await publicKeyOf(secret);
  if (known && known.kid !== key.kid) {
    throw new AppError('Unavailable', `The keeper's key ${pathOf(known.kid)} is another one than its name says.`, {
      hint: 'Put a backup of it in its place.',
    });
  }
  if (!known) {
    if (only === undefined) writeKeyFile(pathOf(key.kid), secret);
    database.write(() => insert(key));
  }
  // What a crash in the middle of a rotation left behind.
  for (const name of known ? files : []) if (name !== `${key.kid}.pem`) rmSync(join(folder, name));

  const opened = new Map<string, KeyObject>();
  const publicOf = ({ kid, x }: Pick<KeyRow, 'kid' | 'x'>) => {
    const found = opened.get(kid) ?? createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
    opened.set(kid, found);
    return found;
  };
  const retiring = () =>
    rows()
      .filter(({ state, until }) => state === 'retiring' && (until ?? 0) * 1000 > now())
      .slice(0, 16);
  const signWith = (by: KeyObject, kid: string, typ: string, payload: unknown) => {
    const text = `${encode({ alg: 'EdDSA', kid, typ })}.${encode(payload)}`;
    return `${text}.${sign(null, Buffer.from(text), by).toString('base64url')}`;
  };
  const recordChange = (kind: KeyChange['kind'], current: KeeperKey) => {
    const { seq } = sql.prepare('SELECT coalesce(max(seq), 0) AS seq FROM key_changes').get() as { seq: number };
    const change: KeyChange = {
      iss: 'mainstay-keeper',
      kind,
      seq: seq + 1,
      at: Math.floor(now() / 1000),
      current,
      retiring: retiring().map(({ until, ...row }) => ({ ...keyOfRow(row), until: until ?? 0 })),
      revoked: rows()
        .filter(({ state }) => state === 'revoked')
        .map(({ kid }) => kid),
    };
    const jws = signWith(secret, key.kid, key_change_type, change);
    sql.prepare('INSERT INTO key_changes (seq, jws) VALUES (?, ?)').run(change.seq, jws);
    return jws;
  };

  return {
    is_ledger_lost: !known && only !== undefined && !is_taken_over,
    current: () => key,
    keys: () => [key, ...retiring().map(keyOfRow)],
    stateOf: (kid) => rows().find((row) => row.kid === kid)?.state ?? null,
    history: () =>
      (sql.prepare('SELECT jws FROM key_changes ORDER BY seq').all() as { jws: string }[]).map(({ jws }) => jws),
    sign: (typ, payload) => signWith(secret, key.kid, typ, payload),
    kidOf: (jws) => headerOf(jws)?.kid ?? null,

    openAny(jws, typ) {
      const header = headerOf(jws);
      if (header?.alg !== 'EdDSA' || header.typ !== typ) return null;
      const row = rows().find(({ kid }) => kid === header.kid);
      const [head, payload, signature, ...more] = jws.split('.');
      if (!row || payload === undefined || signature === undefined || more.length > 0) return null;
      const bytes = Buffer.from(signature, 'base64url');
      if (!verify(null, Buffer.from(`${head}.${payload}`), publicOf(row), bytes)) return null;
      return decode(payload);
    },

    async prepareRotation() {
      const { privateKey } = generateKeyPairSync('ed25519');
      const next = await publicKeyOf(privateKey);
      writeKeyFile(pathOf(next.kid), privateKey);
      return {
        next,
        record() {
          const until = Math.floor(now() / 1000) + key_overlap_seconds;
          sql.prepare("UPDATE signing_keys SET state = 'retiring', until = ? WHERE kid = ?").run(until, key.kid);
          const jws = recordChange('rotated', next);
          insert(next);
          return jws;
        },
        finish() {
          const before = key;
          key = next;
          secret = privateKey;
          rmSync(pathOf(before.kid), { force: true });
        },
      };
    },

    recordRevocation(kid) {
      sql.prepare("UPDATE signing_keys SET state = 'revoked' WHERE kid = ?").run(kid);
      recordChange('revoked', key);
    },
  };
}

async function publicKeyOf(secret: KeyObject): Promise<KeeperKey> {
  const x = createPublicKey(secret).export({ format: 'jwk' })['x'] as string;
  return { kty: 'OKP', crv: 'Ed25519', x, kid: await keeperKeyId(x) };
}

function keyOfRow({ kid, x }: Pick<KeyRow, 'kid' | 'x'>): KeeperKey {
  return { kty: 'OKP', crv: 'Ed25519', x, kid };
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function decode(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString());
  } catch {
    return null;
  }
}

function headerOf(jws: string): { alg?: string; kid?: string; typ?: string } | null {
  const header = decode(jws.split('.', 1)[0] ?? '');
  return typeof header === 'object' ? header : null;
}
