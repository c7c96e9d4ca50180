import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newId } from '@mainstay/contract/ids';
import type { Proposal } from '@mainstay/contract/keeper-api';
import { type ServerState, serverContentDigest, serverStateDigest } from '@mainstay/contract/server-state';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createKeeper, type Keeper } from '../keeper.ts';
import { makePerson, type Person, plainProposal, wordOn } from '../testing/proposals.ts';

/** What touches a firewall takes another person; everything else passes. */
const policies = `schema: 1
rules:
  - { name: all, effect: allow }
  - { name: firewalls, match: { operations: ['*.firewall*'] }, effect: require, require: { approvals: 1 } }
`;
const server_id = newId('server');
const begun: Omit<ServerState, 'schema' | 'server_id' | 'version'> = {
  security: { mode: 'daemon-port', ssh_from: ['203.0.113.0/24'], firewall: 'auto', cut_ssh: false },
  tunnel: null,
  agent: null,
  drained: false,
};
const open_security = { ...begun.security, mode: 'none' as const };
const tunnel = { kind: 'cloudflared' as const, token: 'a'.repeat(64) };

let folder: string;
let keeper: Keeper;
let olga: Person;
let anna: Person;
let version: number;

const start = () => createKeeper({ directory: join(folder, 'keeper'), policies: join(folder, 'policies') });
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mainstay-keeper-parts-'));
  mkdirSync(join(folder, 'policies'));
  writeFileSync(join(folder, 'policies', 'test.yaml'), policies);
  keeper = await start();
  olga = await makePerson('olga', 'owner');
  anna = await makePerson('anna', 'approver');
  version = 0;
  const invited = await keeper.decide({
    ...plainProposal(olga.actor, 'servers.invite', 'server/web1'),
    action: { kind: 'invitation', server_id, token_sha256: 'f'.repeat(64), stack_id: null },
  });
  expect(invited.decision).toBe('approved');
});
afterEach(() => {
  keeper.close();
  rmSync(folder, { recursive: true, force: true });
});

async function proposal(operation: string, change: Partial<typeof begun>): Promise<Proposal> {
  const server_document: ServerState = { schema: 1, server_id, version: ++version, ...begun, ...change };
  const base = plainProposal(olga.actor, operation, 'server/web1');
  const sha256 = await serverStateDigest(server_document);
  return {
    ...base,
    plan: { ...base.plan, content_sha256: await serverContentDigest(server_document) },
    action: { kind: 'server_state', server_id, version, sha256 },
    server_document,
    targets: [server_id, 'control-plane'],
  };
}
const propose = async (operation: string, change: Partial<typeof begun>) =>
  keeper.decide(await proposal(operation, change));
const approved = { decision: 'approved' };
const refused = (part: string) => ({
  decision: 'denied',
  reason: expect.stringContaining(`does not change the ${part} of a server`),
});

describe('the state of a server', () => {
  it('is changed by each operation in its own part', async () => {
    expect(await propose('servers.drain', { drained: true })).toMatchObject(approved);
    expect(await propose('servers.tunnel_set', { drained: true, tunnel })).toMatchObject(approved);
    const agent = { version: '1.2.3', manifest_sha256: 'b'.repeat(64) };
    expect(await propose('servers.update_agent', { drained: true, tunnel, agent })).toMatchObject(approved);
    expect(await propose('servers.undrain', { tunnel, agent })).toMatchObject(approved);
    expect(await propose('servers.tunnel_remove', { agent })).toMatchObject(approved);
  });

  it.each(['servers.drain', 'servers.update_agent', 'servers.tunnel_set', 'servers.label'])(
    'gets no other security under the name of %s',
    async (operation) => {
      expect(await propose('servers.undrain', {})).toMatchObject(approved);
      expect(await propose(operation, { security: open_security })).toMatchObject(refused('security'));
      expect(await propose(operation, { security: { ...begun.security, cut_ssh: true } })).toMatchObject({
        decision: 'denied',
        reason: expect.stringContaining('may not cut SSH'),
      });
    },
  );

  it('gets no agent and no tunnel under another name', async () => {
    const agent = { version: '1.2.3', manifest_sha256: 'b'.repeat(64) };
    expect(await propose('servers.drain', { drained: true, agent })).toMatchObject(refused('agent'));
    expect(await propose('servers.update_agent', { agent, tunnel })).toMatchObject(refused('tunnel'));
    expect(await propose('servers.update_agent', { agent, drained: true })).toMatchObject(refused('drained'));
  });

  it('keeps what was signed for it, and what was only proposed does not count', async () => {
    expect(await propose('servers.undrain', {})).toMatchObject(approved);
    const asked = await proposal('servers.firewall_set', { security: open_security });
    expect(await keeper.decide(asked)).toMatchObject({ decision: 'waiting' });
    expect(await propose('servers.drain', { security: open_security })).toMatchObject(refused('security'));
    expect(await keeper.speak(await wordOn(asked, 'approve', anna.actor))).toMatchObject(approved);
    keeper.close();
    keeper = await start();
    expect(await propose('servers.drain', { security: open_security, drained: true })).toMatchObject(approved);
    // What did not come into force is gone back from, to what the server was installed with.
    expect(await propose('servers.drain', { drained: true })).toMatchObject(approved);
  });

  it('begins with the security that it was installed with, which is taken at its word once', async () => {
    expect(await propose('servers.drain', { drained: true })).toMatchObject(approved);
    expect(await propose('servers.undrain', { security: open_security })).toMatchObject(refused('security'));
  });
});

describe('an enrolment', () => {
  it.each(['servers.drain', 'servers.remove'])('is not given under the name of %s', async (operation) => {
    const decision = await keeper.decide({
      ...plainProposal(olga.actor, operation, 'server/web1'),
      action: { kind: 'enrolment', server_id, stack_id: newId('stack') },
    });
    expect(decision).toMatchObject({ decision: 'denied', reason: expect.stringContaining('does not lead to') });
  });
});
