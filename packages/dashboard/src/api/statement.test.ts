import { newId } from '@mainstay/contract/ids';
import { openStatement, personKeyId } from '@mainstay/contract/proof';
import { expect, test } from 'vitest';
import { keyIdOf, newBrowserKey, signStatement } from './statement.ts';

const said = {
  says: 'confirm',
  user_id: newId('user', 1),
  about: 'ab'.repeat(32),
  operation_id: newId('operation', 1),
} as const;

test('the keeper reads in a statement what was said, and knows the key by the same id', async () => {
  const key = await newBrowserKey();
  const jws = await signStatement(key, said, 1_700_000_000_500);
  const opened = await openStatement(jws, key.public_key);
  expect(opened).toMatchObject({ ...said, iat: 1_700_000_000 });
  expect(opened?.jti).toMatch(/^[0-9a-f]{32}$/);
  expect(await keyIdOf(key.public_key)).toBe(await personKeyId(key.public_key));
});

test('two statements of the same words are two statements', async () => {
  const key = await newBrowserKey();
  const opened = await Promise.all(
    [1, 2].map(async () => openStatement(await signStatement(key, said, 1_000), key.public_key)),
  );
  expect(opened[0]?.jti).not.toBe(opened[1]?.jti);
});

test('a statement does not hold for another key, nor with other words', async () => {
  const [key, other] = [await newBrowserKey(), await newBrowserKey()];
  const jws = await signStatement(key, said, 1_000);
  expect(await openStatement(jws, other.public_key)).toBeNull();
  const [header, , signature] = jws.split('.');
  const changed = btoa(JSON.stringify({ ...said, says: 'approve', iat: 1, jti: 'a'.repeat(32) })).replaceAll('=', '');
  expect(await openStatement(`${header}.${changed}.${signature}`, key.public_key)).toBeNull();
});

test('the private half cannot be taken out', async () => {
  const { private_key } = await newBrowserKey();
  expect(private_key.extractable).toBe(false);
  await expect(crypto.subtle.exportKey('jwk', private_key)).rejects.toThrow();
});
