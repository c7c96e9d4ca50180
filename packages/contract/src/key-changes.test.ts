import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { CompactSign } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import { type KeeperKey, keeperKeyId } from './grant.ts';
import { applyKeyChanges, type KeyChange, key_change_type, pinKey, trustedKeys } from './key-changes.ts';

type Pair = { key: KeeperKey; secret: KeyObject };

async function makePair(): Promise<Pair> {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const x = publicKey.export({ format: 'jwk' })['x'] as string;
  return { key: { kty: 'OKP', crv: 'Ed25519', x, kid: await keeperKeyId(x) }, secret: privateKey };
}

const at = 1_760_000_000;
let [one, two, three]: Pair[] = [];

beforeAll(async () => {
  [one, two, three] = [await makePair(), await makePair(), await makePair()];
});

function ring(seq: number, current: Pair, change: Partial<KeyChange> = {}): KeyChange {
  const kind = seq === 1 ? 'rotated' : 'revoked';
  return { iss: 'mainstay-keeper', kind, seq, at, current: current.key, retiring: [], revoked: [], ...change };
}

const sign = (by: Pair, change: unknown, typ = key_change_type) =>
  new CompactSign(new TextEncoder().encode(JSON.stringify(change)))
    .setProtectedHeader({ alg: 'EdDSA', kid: by.key.kid, typ })
    .sign(by.secret);

describe('key changes', () => {
  it('lead from the pinned key to the current one, through every key between', async () => {
    const changes = [
      await sign(one!, ring(1, two!, { retiring: [{ ...one!.key, until: at + 60 }] })),
      await sign(two!, ring(2, three!)),
    ];
    const { pinned, applied } = await applyKeyChanges(pinKey(one!.key), changes);
    expect({ applied, pinned }).toEqual({
      applied: 2,
      pinned: { seq: 2, current: three!.key, retiring: [], revoked: [] },
    });
    expect((await applyKeyChanges(pinned, changes)).applied).toBe(0);
  });

  it('are followed by who pinned a key in the middle of the chain', async () => {
    const changes = [await sign(one!, ring(1, two!)), await sign(two!, ring(2, three!))];
    expect((await applyKeyChanges(pinKey(two!.key), changes)).pinned.current).toEqual(three!.key);
  });

  it('keep a retiring key trusted until its time, and no longer', async () => {
    const change = await sign(one!, ring(1, two!, { retiring: [{ ...one!.key, until: at + 60 }] }));
    const { pinned } = await applyKeyChanges(pinKey(one!.key), [change]);
    expect(trustedKeys(pinned, (at + 59) * 1000)).toEqual([two!.key, one!.key]);
    expect(trustedKeys(pinned, (at + 60) * 1000)).toEqual([two!.key]);
  });

  it.each([
    ['signed by a key that is not the current one', () => sign(two!, ring(1, two!))],
    [
      'that names one key and is signed by another',
      async () => sign({ key: one!.key, secret: two!.secret }, ring(1, two!)),
    ],
    ['of another type', () => sign(one!, ring(1, two!), 'mainstay-grant+jws')],
    [
      'whose key id does not fit its key',
      () => sign(one!, ring(1, { ...two!, key: { ...two!.key, kid: one!.key.kid } })),
    ],
    ['that revokes its own current key', () => sign(one!, ring(1, two!, { revoked: [two!.key.kid] }))],
    ['with a field more', () => sign(one!, { ...ring(1, two!), extra: 1 })],
    ['that is no JWS', async () => 'nonsense'],
  ])('are not followed when there is one %s', async (_, forge) => {
    const before = pinKey(one!.key);
    expect(await applyKeyChanges(before, [await forge()])).toEqual({ pinned: before, applied: 0 });
  });

  it('with a lower number, or without a key that was revoked before, replace nothing', async () => {
    const { pinned } = await applyKeyChanges(pinKey(one!.key), [
      await sign(one!, ring(5, one!, { revoked: [three!.key.kid] })),
    ]);
    expect(pinned.seq).toBe(5);
    for (const change of [ring(4, two!, { revoked: [three!.key.kid] }), ring(5, two!), ring(6, two!)]) {
      expect(await applyKeyChanges(pinned, [await sign(one!, change)])).toEqual({ pinned, applied: 0 });
    }
  });

  it('end the trust in a key that is revoked, also while it retires', async () => {
    const { pinned } = await applyKeyChanges(pinKey(one!.key), [
      await sign(one!, ring(1, two!, { retiring: [{ ...one!.key, until: at + 60 }], revoked: [one!.key.kid] })),
    ]);
    expect(trustedKeys(pinned, at * 1000)).toEqual([two!.key]);
  });
});
