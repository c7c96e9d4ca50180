/** The values of secrets, and the keeper's own keys, in the hands of an attacker: what the agent takes of them, and what it does not. */
import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { get, instancesOf, serverProgram, settled, until } from '@mainstay/agent/testing/lab';
import { createStandInKeeper, signOffer } from '@mainstay/agent/testing/stand-in-keeper';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type AttackedServer, createAttackedServer } from './attacked-server.ts';
import { replaceKey } from './attacker-keeper.ts';

let at: AttackedServer;
beforeAll(async () => {
  at = await createAttackedServer();
});
afterAll(() => at.close());

test('a secret whose value was exchanged under its commitment starts nothing, and the release before serves on', async () => {
  const commitment = await at.lab.control.addSecret('the right value');
  at.lab.control.exchangeSecret(commitment, 'the value of the attacker');
  const deploy = async (version: number) => {
    const commit = at.lab.commit('web', { 'server.mjs': serverProgram('three') });
    const web = await at.lab.service('web', commit, { route: { prefix: '/' } }, { secrets: { KEY: commitment } });
    at.lab.control.offerRaw(await at.honest(at.lab.document(version, { web })));
    return settled(at.agent, version);
  };
  const receipt = await deploy(3);
  expect(receipt.state).toBe('failed');
  expect(receipt.message).toMatch(/not the one that was signed for/);
  expect((await get(at.lab.proxy_port)).text).toBe('two');
  expect(instancesOf(at.lab.home)).toEqual(at.pids);
  at.lab.control.exchangeSecret(commitment, 'the right value');
  expect((await deploy(4)).state).toBe('succeeded');
  expect(JSON.parse((await get(at.lab.proxy_port, '/env')).text)['KEY']).toBe('the right value');
});

test('what a stolen key signs is refused once it was revoked, whatever older list of keys is shown, and what ran goes on', async () => {
  const { kid } = at.lab.control.keeper.key;
  const thief = await createStandInKeeper(createPrivateKey(readFileSync(join(at.keeper_folder, 'keys', `${kid}.pem`))));
  expect(thief.key.kid).toBe(kid);
  await replaceKey(at.keeper);
  const history = await at.keeper.keyHistory();
  at.lab.control.tellKeyChanges(history);
  await until(async () => (await at.agent.observe()).keeper_keys_seq === history.length, 'the change to be followed');
  const served = (await get(at.lab.proxy_port)).text;
  const expectRefused = async (key_changes: string[]) => {
    const stolen = await signOffer(thief, await at.documentOf(5, 'evil'), { aud: [at.lab.control.server_id] });
    at.lab.control.offerRaw({ ...stolen, key_changes });
    expect(await at.refusal()).toMatchObject({ reason: 'revoked_key', message: expect.stringContaining('revoked') });
    expect((await get(at.lab.proxy_port)).text).toBe(served);
  };
  await expectRefused([]);
  // Back to the list in which the key still retired, and after a restart, which must not forget.
  at.lab.control.tellKeyChanges(history.slice(0, 1));
  await at.agent.stop({ services: false });
  at.agent = at.lab.agent();
  await at.agent.start();
  await expectRefused(history.slice(0, 1));
  expect((await at.agent.observe()).keeper_keys_seq).toBe(history.length);
  at.lab.control.offerRaw(await at.honest(await at.documentOf(5, 'five')));
  expect((await settled(at.agent, 5)).state).toBe('succeeded');
  expect((await get(at.lab.proxy_port)).text).toBe('five');
});
