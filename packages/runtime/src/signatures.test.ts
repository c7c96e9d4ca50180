/** Both ways of verifying judge every grant the same: this one on Node, and Web Crypto, which is the default. */
import { generateKeyPairSync } from 'node:crypto';
import { sha256Hex } from '@mainstay/contract/canonical';
import { type KeeperKey, keeperKeyId, verifyGrant } from '@mainstay/contract/grant';
import { newId } from '@mainstay/contract/ids';
import { CompactSign } from 'jose';
import { expect, test } from 'vitest';
import { nodeSignatures, sha256Of } from './signatures.ts';

const pair = generateKeyPairSync('ed25519');
const x = pair.publicKey.export({ format: 'jwk' })['x'] as string;
const key: KeeperKey = { kty: 'OKP', crv: 'Ed25519', x, kid: await keeperKeyId(x) };
const now_ms = 1_800_000_000_000;

const content = {
  iss: 'mainstay-keeper',
  jti: '0'.repeat(32),
  iat: now_ms / 1000,
  exp: now_ms / 1000 + 600,
  aud: ['srv_1'],
  operation: 'stacks.apply',
  operation_id: newId('operation'),
  plan_hash: '0'.repeat(64),
  actor: { kind: 'user', id: 'usr_1', name: 'ängström', role: 'owner', proof: 'session' },
  action: { kind: 'control_plane' },
};
const sign = (payload: string, header: object = {}) =>
  new CompactSign(new TextEncoder().encode(payload))
    .setProtectedHeader({ alg: 'EdDSA', kid: key.kid, ...header })
    .sign(pair.privateKey);
const good = await sign(JSON.stringify(content));
const [header, payload, signature] = good.split('.') as [string, string, string];
const headerOf = (fields: object) => Buffer.from(JSON.stringify(fields)).toString('base64url');
const swapped = (text: string) => (text.startsWith('A') ? 'B' : 'A') + text.slice(1);

const cases: [title: string, jws: string, reason: string | null, keys?: KeeperKey[]][] = [
  ['a grant that the key signed', good, null],
  ['another payload under the same signature', `${header}.${swapped(payload)}.${signature}`, 'bad_signature'],
  ['another signature', `${header}.${payload}.${swapped(signature)}`, 'bad_signature'],
  ['a signature that is cut off', `${header}.${payload}.${signature.slice(0, 40)}`, 'bad_signature'],
  ['no signature', `${header}.${payload}.`, 'bad_signature'],
  ['a part too many', `${good}.${signature}`, 'malformed'],
  ['no algorithm', `${headerOf({ alg: 'none', kid: key.kid })}.${payload}.`, 'malformed'],
  ['an algorithm with a shared secret', `${headerOf({ alg: 'HS256', kid: key.kid })}.${payload}.aaaa`, 'malformed'],
  [
    'a header that must be understood',
    `${headerOf({ alg: 'EdDSA', kid: key.kid, crit: ['b64'], b64: false })}.${payload}.${signature}`,
    'malformed',
  ],
  ['a payload that is no grant', await sign('{}'), 'malformed'],
  ['a payload that is no JSON', await sign('{'), 'bad_signature'],
  ['a key that is not pinned', await sign(JSON.stringify(content), { kid: 'f'.repeat(64) }), 'unknown_key'],
  [
    'a key whose id is not its own',
    await sign(JSON.stringify(content), { kid: 'e'.repeat(64) }),
    'unknown_key',
    [{ ...key, kid: 'e'.repeat(64) }],
  ],
  [
    'a key that is no point of the curve',
    await sign(JSON.stringify(content), { kid: await keeperKeyId('AAAA') }),
    'bad_signature',
    [{ ...key, x: 'AAAA', kid: await keeperKeyId('AAAA') }],
  ],
];

test.for(cases)('%s is judged the same by Node and by Web Crypto', async ([, jws, reason, keys = [key]]) => {
  const options = { keys, audience: 'srv_1', now_ms };
  const judged = await verifyGrant(jws, { ...options, signatures: nodeSignatures });
  expect(judged).toEqual(await verifyGrant(jws, options));
  expect(judged).toMatchObject(reason === null ? { ok: true, grant: content } : { ok: false, reason });
});

test.for([`${good}\n`, `${good.slice(0, -1)}=`])('no other spelling of a signed grant is taken', async (jws) => {
  const judged = await verifyGrant(jws, { keys: [key], audience: 'srv_1', now_ms, signatures: nodeSignatures });
  expect(judged).toMatchObject({ ok: false, reason: 'bad_signature' });
});

test.for(['', 'a', 'ä\u2028\u{1F6A2}', 'x'.repeat(100_000)])('a digest is the one of Web Crypto', async (text) => {
  expect(sha256Of(text)).toBe(await sha256Hex(text));
});
