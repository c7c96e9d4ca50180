import { existsSync, mkdirSync, mkdtempSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newId } from '@mainstay/contract/ids';
import { pinKey } from '@mainstay/contract/key-changes';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createStandInKeeper, type StandInKeeper } from '../testing/stand-in-keeper.ts';
import { type Identity, loadIdentity, saveIdentity } from './identity.ts';
import { createKeeperKeys } from './keeper-keys.ts';

let home: string;
let one: StandInKeeper;
let two: StandInKeeper;
let three: StandInKeeper;
beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'mainstay-keys-'));
  [one, two, three] = [await createStandInKeeper(), await createStandInKeeper(), await createStandInKeeper()];
  const identity: Identity = {
    server_id: newId('server'),
    server: 'local',
    credential: 'secret',
    control_plane_url: 'http://127.0.0.1:1',
    keeper: pinKey(one.key),
    enrolment_grant: 'grant',
    stack_id: null,
  };
  saveIdentity(home, identity);
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

/** As a start of the agent has them. */
const keys = () => createKeeperKeys(home, loadIdentity(home)!);

test('a change that the current key signed is followed, and still is after a restart', async () => {
  const changes = [
    await one.signKeyChange({ seq: 1, current: two.key }),
    await two.signKeyChange({ seq: 2, current: three.key, revoked: [two.key.kid] }),
  ];
  expect(await keys().follow(changes)).toBe(true);
  expect(keys().pinned()).toEqual({ seq: 2, current: three.key, retiring: [], revoked: [two.key.kid] });
  expect(await keys().follow(changes)).toBe(false);
});

test('after a restart an older list brings no revoked key back', async () => {
  const rotated = await one.signKeyChange({ seq: 1, current: two.key, retiring: [{ ...one.key, until: 2 ** 40 }] });
  const revoked = await two.signKeyChange({ seq: 2, current: two.key, kind: 'revoked', revoked: [one.key.kid] });
  await keys().follow([rotated, revoked]);
  expect(await keys().follow([rotated])).toBe(false);
  expect(await keys().follow([await one.signKeyChange({ seq: 3, current: three.key })])).toBe(false);
  expect(keys().pinned()).toMatchObject({ seq: 2, current: two.key, revoked: [one.key.kid] });
});

test('changes that come together from two sides are all followed', async () => {
  const at = keys();
  const first = await one.signKeyChange({ seq: 1, current: two.key });
  const second = await two.signKeyChange({ seq: 2, current: three.key });
  expect(await Promise.all([at.follow([first]), at.follow([second]), at.follow([first, second])])).toEqual([
    true,
    true,
    false,
  ]);
  expect(at.pinned().current).toEqual(three.key);
});

test('a change that cannot be stored does not count, and is followed when it can', async () => {
  const at = keys();
  const change = await one.signKeyChange({ seq: 1, current: two.key });
  // A folder in the place of the staged file: the write fails, whoever the user is.
  mkdirSync(join(home, 'identity.json.new'));
  await expect(at.follow([change])).rejects.toThrow();
  expect(at.pinned()).toEqual(pinKey(one.key));
  rmdirSync(join(home, 'identity.json.new'));
  expect(existsSync(join(home, 'identity.json'))).toBe(true);
  expect(await at.follow([change])).toBe(true);
});
