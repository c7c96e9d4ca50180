/** The laws of the keeper, for every way to reach it: in the same process, and over its socket. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { verifyGrant } from '@mainstay/contract/grant';
import { newId } from '@mainstay/contract/ids';
import {
  type Decision,
  type KeeperApi,
  keeperOperations,
  planHash,
  signing_key_target,
} from '@mainstay/contract/keeper-api';
import { applyKeyChanges, pinKey, trustedKeys } from '@mainstay/contract/key-changes';
import type { Actor } from '@mainstay/contract/operation';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deployProposal, makePerson, type Person, plainProposal, wordOn } from '../testing/proposals.ts';

export type KeeperUnderTest = { keeper: KeeperApi; stop(): Promise<void> };
export type StartKeeper = (options: {
  directory: string;
  policies: string;
  now: () => number;
}) => Promise<KeeperUnderTest>;

const policies = `schema: 1
rules:
  - name: owners
    match: { actor: { kinds: [user], roles: [owner] } }
    effect: allow
  - name: deployers
    match: { operations: [stacks.deploy], actor: { roles: [deployer] } }
    effect: require
    require: { approvals: 2, role: approver, expires_seconds: 3600 }
  - name: secrets
    match: { operations: [secrets.set], actor: { roles: [deployer] } }
    effect: require
    require: { approvals: 1, role: admin, proof: signed }
  - name: removals
    match: { operations: ['*.remove', 'keeper.*'], actor: { roles: [owner] } }
    effect: require
    require: { confirmation: true, proof: signed }
`;

export function keeperLaws(name: string, start: StartKeeper): void {
  let folder: string;
  let now: number;
  let running: KeeperUnderTest;
  let keeper: KeeperApi;
  let [olga, dora, anna, axel]: Person[] = [];

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'mainstay-keeper-'));
    mkdirSync(join(folder, 'policies'));
    writeFileSync(join(folder, 'policies', 'test.yaml'), policies);
    now = 1_760_000_000_000;
    running = await start({ directory: join(folder, 'keeper'), policies: join(folder, 'policies'), now: () => now });
    keeper = running.keeper;
    olga = await makePerson('olga', 'owner');
    dora = await makePerson('dora', 'deployer');
    anna = await makePerson('anna', 'approver', 'P-256');
    axel = await makePerson('axel', 'admin');
  });
  afterEach(async () => {
    await running.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const proposed = async (actor: Actor = dora!.actor) => {
    const proposal = await deployProposal(actor);
    expect(await keeper.decide(proposal)).toMatchObject({
      decision: 'waiting',
      requirement: { policy: 'test/deployers', approvals: 2, role: 'approver', expires_at: now + 3_600_000 },
    });
    return proposal;
  };
  const admitAll = async (...people: Person[]) => {
    await keeper.registerKey(olga!.registration);
    for (const { registration, id, role, key_id } of people) {
      await keeper.registerKey(registration);
      const proof = await olga!.sign({ says: 'admit_key', about: key_id, admits: { user_id: id, role } }, now);
      await keeper.admitKey({ key_id, proof });
    }
  };
  const verified = async (decision: Decision | null, audience: string) => {
    if (decision?.decision !== 'approved') throw new Error(`not approved: ${JSON.stringify(decision)}`);
    return verifyGrant(decision.grant, { keys: await keeper.keys(), audience, now_ms: now });
  };

  describe(`approvals (${name})`, () => {
    it('that are enough bring one signature, which the target verifies, and which stays the same', async () => {
      const proposal = await proposed();
      expect(await keeper.speak(await wordOn(proposal, 'approve', anna!.actor))).toMatchObject({ decision: 'waiting' });
      const decision = await keeper.speak(await wordOn(proposal, 'approve', axel!.actor, { reason: 'looks right' }));
      expect(await verified(decision, proposal.targets[0]!)).toMatchObject({
        ok: true,
        grant: { operation_id: proposal.operation_id, actor: { id: dora!.id } },
      });
      expect(decision).toMatchObject({ approvals: [{ actor: { name: 'anna' } }, { reason: 'looks right' }] });
      expect(await keeper.decide(proposal)).toEqual(decision);
      expect(await keeper.decisionOf(proposal.operation_id)).toEqual(decision);
    });

    it('at the same moment count once each, and sign once', async () => {
      const proposal = await proposed();
      const words = [await wordOn(proposal, 'approve', anna!.actor), await wordOn(proposal, 'approve', axel!.actor)];
      const decisions = await Promise.all(words.map((word) => keeper.speak(word)));
      expect(decisions.map(({ decision }) => decision).sort()).toEqual(['approved', 'waiting']);
      const { entries } = await keeper.ledger({});
      expect(entries.filter(({ kind }) => kind === 'approved')).toHaveLength(1);
    });

    it('of one person count once, however often they are given', async () => {
      const proposal = await proposed();
      const word = await wordOn(proposal, 'approve', anna!.actor);
      for (const decision of await Promise.all([keeper.speak(word), keeper.speak(word), keeper.speak(word)]))
        expect(decision).toMatchObject({ decision: 'waiting', approvals: [{ verdict: 'approve' }] });
    });

    it.each([
      ['the proposer', () => dora!.actor, /proposed themselves/],
      [
        'the proposer under another name',
        () => ({ ...dora!.actor, name: 'nobody', role: 'owner' as const }),
        /themselves/,
      ],
      ['a viewer', () => ({ ...anna!.actor, role: 'viewer' as const }), /takes the role approver/],
      ['a webhook', () => ({ ...anna!.actor, kind: 'webhook' as const }), /Only people/],
      ['somebody unproven', () => ({ ...anna!.actor, proof: 'none' as const }), /not proven/],
      ['somebody said to be proven by a key', () => ({ ...anna!.actor, proof: 'signed' as const }), /not proven/],
    ])('of %s are refused', async (_, actor, message) => {
      const proposal = await proposed();
      const word = await wordOn(proposal, 'approve', actor());
      await expect(keeper.speak(word)).rejects.toMatchObject({
        code: 'Forbidden',
        message: expect.stringMatching(message),
      });
      expect(await keeper.decisionOf(proposal.operation_id)).toMatchObject({ decision: 'waiting', approvals: [] });
    });

    it('of a plan that is outdated are refused', async () => {
      const proposal = await proposed();
      const word = await wordOn(proposal, 'approve', anna!.actor, { plan_hash: 'f'.repeat(64) });
      await expect(keeper.speak(word)).rejects.toMatchObject({ code: 'Conflict', field: 'plan_hash' });
    });

    it('that come too late are refused, and the operation stays expired', async () => {
      const proposal = await proposed();
      await keeper.speak(await wordOn(proposal, 'approve', anna!.actor));
      now += 3_600_000;
      await expect(keeper.speak(await wordOn(proposal, 'approve', axel!.actor))).rejects.toMatchObject({
        code: 'Conflict',
        message: expect.stringContaining('expired'),
      });
      expect(await keeper.decide(proposal)).toMatchObject({ decision: 'expired' });
    });

    it('are ended by one rejection, with its reason', async () => {
      const proposal = await proposed();
      const word = await wordOn(proposal, 'reject', anna!.actor, { reason: 'not today' });
      expect(await keeper.speak(word)).toMatchObject({ decision: 'rejected', reason: 'not today' });
      await expect(keeper.speak(await wordOn(proposal, 'approve', axel!.actor))).rejects.toMatchObject({
        code: 'Conflict',
      });
    });

    it('end when the proposal is taken back, which can be said twice', async () => {
      const proposal = await proposed();
      await keeper.withdraw(proposal.operation_id);
      await keeper.withdraw(proposal.operation_id);
      expect(await keeper.decisionOf(proposal.operation_id)).toMatchObject({ decision: 'withdrawn' });
    });
  });

  describe(`a proposal (${name})`, () => {
    it('is decided once; another one under its id is refused', async () => {
      const proposal = await deployProposal(olga!.actor);
      const first = await keeper.decide(proposal);
      expect(first).toMatchObject({ decision: 'approved', policy: 'test/owners' });
      expect(await keeper.decide(proposal)).toEqual(first);
      const other = { ...proposal, targets: [newId('server')] };
      await expect(keeper.decide(other)).rejects.toMatchObject({ code: 'Conflict', field: 'operation_id' });
      expect(await keeper.decisionOf(newId('operation'))).toBeNull();
    });

    it('that no policy allows is denied, and stays so', async () => {
      const proposal = plainProposal(anna!.actor, 'stacks.pause', 'stack/shop');
      const denied = await keeper.decide(proposal);
      expect(denied).toMatchObject({ decision: 'denied', policy: null, reason: expect.stringContaining('No policy') });
      expect(await keeper.decide(proposal)).toEqual(denied);
    });

    it('of the wrong shape is refused with the field named', async () => {
      const proposal = { ...(await deployProposal(olga!.actor)), operation_id: 'op_1' };
      await expect(keeper.decide(proposal)).rejects.toMatchObject({ code: 'InvalidInput', field: 'operation_id' });
    });

    it('that takes another name for what it does is denied', async () => {
      const proposal = await deployProposal(olga!.actor);
      proposal.plan.operation = 'secrets.set';
      expect(await keeper.decide(proposal)).toMatchObject({
        decision: 'denied',
        reason: expect.stringMatching(/does not lead to/),
      });
    });
  });

  describe(`proof of people (${name})`, () => {
    const removal = () => plainProposal(olga!.actor, 'servers.remove', 'server/web1');

    it('by a signed proposal is its own confirmation, once', async () => {
      await admitAll();
      const proposal = removal();
      proposal.proof = await olga!.sign({ says: 'propose', about: await planHash(proposal.plan) }, now);
      const decision = await keeper.decide(proposal);
      expect(await verified(decision, 'control-plane')).toMatchObject({
        ok: true,
        grant: { actor: { proof: 'signed', role: 'owner' } },
      });
      expect(await keeper.decide(proposal)).toEqual(decision);
      const replayed = { ...proposal, operation_id: newId('operation') };
      expect(await keeper.decide(replayed)).toMatchObject({
        decision: 'denied',
        reason: expect.stringMatching(/used before/),
      });
    });

    it('by a signed confirmation lets a destructive operation through; a session does not', async () => {
      await admitAll();
      const proposal = removal();
      expect(await keeper.decide(proposal)).toMatchObject({
        decision: 'waiting',
        requirement: { confirmation: true, proof: 'signed', approvals: 0 },
      });
      await expect(keeper.speak(await wordOn(proposal, 'confirm', olga!.actor))).rejects.toMatchObject({
        code: 'Forbidden',
      });
      const { operation_id } = proposal;
      const proof = await olga!.sign({ says: 'confirm', about: await planHash(proposal.plan), operation_id }, now);
      const word = await wordOn(proposal, 'confirm', olga!.actor, { proof });
      expect(await keeper.speak(word)).toMatchObject({ decision: 'approved' });
      // The same word again, as after a lost answer, gives the same.
      expect(await keeper.speak(word)).toMatchObject({ decision: 'approved' });
    });

    it('is asked of approvers where policy does, and their role is the one that was admitted with the key', async () => {
      await admitAll(axel!, anna!);
      const proposal = plainProposal(dora!.actor, 'secrets.set', 'secret/token');
      const about = await planHash(proposal.plan);
      await keeper.decide(proposal);
      const say = async (person: Person, actor: Actor) =>
        keeper.speak(
          await wordOn(proposal, 'approve', actor, { proof: await person.sign({ says: 'approve', about }, now) }),
        );
      // A gateway that is taken over says of an approver that they are an owner.
      await expect(say(anna!, { ...anna!.actor, role: 'owner' })).rejects.toMatchObject({
        code: 'Forbidden',
        message: expect.stringContaining('takes the role admin'),
      });
      await expect(keeper.speak(await wordOn(proposal, 'approve', axel!.actor))).rejects.toMatchObject({
        code: 'Forbidden',
      });
      expect(await say(axel!, axel!.actor)).toMatchObject({ decision: 'approved' });
    });

    it.each([
      ['was signed 601 s ago', { iat: -601 }, /601 s ago by the keeper's clock/],
      ['was signed 601 s ahead', { iat: 601 }, /in the future/],
      ['is about another plan', { about: 'f'.repeat(64) }, /something else/],
      ['says something else', { says: 'approve' as const }, /says "approve"/],
      ['is about another operation', { operation_id: newId('operation') }, /another operation/],
      ['names another person', { user_id: newId('user') }, /another person/],
    ])('fails when the statement %s', async (_, change, message) => {
      await admitAll();
      const proposal = removal();
      const iat = Math.floor(now / 1000) + ('iat' in change ? change.iat : 0);
      const about = await planHash(proposal.plan);
      proposal.proof = await olga!.sign({ says: 'propose', about, ...change, iat }, now);
      expect(await keeper.decide(proposal)).toMatchObject({
        decision: 'denied',
        reason: expect.stringMatching(message),
      });
    });

    it('fails with a key that is unknown, waits for admission, was revoked, or is another person’s', async () => {
      const proposal = removal();
      const about = await planHash(proposal.plan);
      const decide = async (by: Person, actor: Actor) =>
        keeper.decide({
          ...removal(),
          actor,
          proof: await by.sign({ says: 'propose', about }, now),
        });
      expect(await decide(olga!, olga!.actor)).toMatchObject({
        decision: 'denied',
        reason: expect.stringMatching(/does not know/),
      });
      await admitAll(axel!);
      await keeper.registerKey(anna!.registration);
      expect(await decide(anna!, anna!.actor)).toMatchObject({
        decision: 'denied',
        reason: expect.stringMatching(/nobody has admitted/),
      });
      expect(await decide(axel!, olga!.actor)).toMatchObject({
        decision: 'denied',
        reason: expect.stringMatching(/another person/),
      });
      const proof = await olga!.sign({ says: 'revoke_key', about: axel!.key_id }, now);
      expect(await keeper.revokeKey({ key_id: axel!.key_id, proof })).toMatchObject({ state: 'revoked' });
      expect(await decide(axel!, axel!.actor)).toMatchObject({
        decision: 'denied',
        reason: expect.stringMatching(/revoked/),
      });
    });

    it('begins with the first key of an owner; every later key waits for somebody who is known', async () => {
      expect(await keeper.registerKey(anna!.registration)).toMatchObject({ state: 'pending', trust: null });
      expect(await keeper.registerKey(olga!.registration)).toMatchObject({ state: 'admitted', trust: 'first_use' });
      const mallory = await makePerson('mallory', 'owner');
      expect(await keeper.registerKey(mallory.registration)).toMatchObject({ state: 'pending' });
      const own = await mallory.sign({ says: 'admit_key', about: mallory.key_id }, now);
      await expect(keeper.admitKey({ key_id: mallory.key_id, proof: own })).rejects.toMatchObject({
        code: 'Forbidden',
      });
      // Without saying whose the key is, the signature could be taken for anybody's.
      const bare = await olga!.sign({ says: 'admit_key', about: anna!.key_id }, now);
      await expect(keeper.admitKey({ key_id: anna!.key_id, proof: bare })).rejects.toMatchObject({ code: 'Forbidden' });
      const admits = { user_id: anna!.id, role: 'approver' as const };
      const proof = await olga!.sign({ says: 'admit_key', about: anna!.key_id, admits }, now);
      const admitted = await keeper.admitKey({ key_id: anna!.key_id, proof });
      expect(admitted).toMatchObject({ state: 'admitted', role: 'approver', admitted_by: olga!.key_id });
      await expect(keeper.admitKey({ key_id: anna!.key_id, proof })).rejects.toMatchObject({ code: 'Conflict' });
    });

    it('lets an admin admit nobody as owner, and an approver nobody at all', async () => {
      await admitAll(axel!, anna!);
      await keeper.registerKey(dora!.registration);
      const admit = async (by: Person, role: 'owner' | 'deployer') =>
        keeper.admitKey({
          key_id: dora!.key_id,
          proof: await by.sign({ says: 'admit_key', about: dora!.key_id, admits: { user_id: dora!.id, role } }, now),
        });
      await expect(admit(axel!, 'owner')).rejects.toMatchObject({ code: 'Forbidden' });
      await expect(admit(anna!, 'deployer')).rejects.toMatchObject({ code: 'Forbidden' });
      expect(await admit(axel!, 'deployer')).toMatchObject({ state: 'admitted', role: 'deployer' });
    });

    it('keeps the last key of an owner', async () => {
      await admitAll();
      const proof = await olga!.sign({ says: 'revoke_key', about: olga!.key_id }, now);
      await expect(keeper.revokeKey({ key_id: olga!.key_id, proof })).rejects.toMatchObject({ code: 'Conflict' });
    });
  });

  describe(`the signing key (${name})`, () => {
    const granted = async (operation: string, target: string) => {
      const proposal = plainProposal(olga!.actor, operation, target);
      proposal.proof = await olga!.sign({ says: 'propose', about: await planHash(proposal.plan) }, now);
      const decision = await keeper.decide(proposal);
      if (decision.decision !== 'approved') throw new Error(JSON.stringify(decision));
      return decision.grant;
    };

    it('is exchanged with overlap, and whoever pinned the old one follows', async () => {
      await admitAll();
      const [first] = await keeper.keys();
      const before = await deployProposal(olga!.actor);
      const old = await keeper.decide(before);
      const grant = await granted(keeperOperations.rotate, signing_key_target);
      const next = await keeper.rotateSigningKey({ grant });
      expect(await keeper.rotateSigningKey({ grant })).toEqual(next);
      expect((await keeper.keys()).map(({ kid }) => kid)).toEqual([next.kid, first!.kid]);
      expect(await verified(old, before.targets[0]!)).toMatchObject({ ok: true });
      const after = await deployProposal(olga!.actor);
      const { pinned } = await applyKeyChanges(pinKey(first!), await keeper.keyHistory());
      const decision = await keeper.decide(after);
      if (decision.decision !== 'approved') throw new Error('denied');
      const options = { keys: trustedKeys(pinned, now), audience: after.targets[0]!, now_ms: now };
      expect(await verifyGrant(decision.grant, options)).toMatchObject({ ok: true });
      const revoke = await granted(keeperOperations.revoke, `${signing_key_target}/${first!.kid}`);
      expect(await keeper.revokeSigningKey({ grant: revoke })).toEqual([next]);
      const revoked = await applyKeyChanges(pinned, await keeper.keyHistory());
      expect(trustedKeys(revoked.pinned, now)).toEqual([next]);
      expect(await keeper.verifyLedger()).toMatchObject({ ok: true });
    });

    it('is exchanged on no other grant, and the current one is not revoked', async () => {
      await admitAll();
      const [current] = await keeper.keys();
      const other = await granted('servers.remove', signing_key_target);
      await expect(keeper.rotateSigningKey({ grant: other })).rejects.toMatchObject({ code: 'Forbidden' });
      await expect(keeper.rotateSigningKey({ grant: 'a.b.c' })).rejects.toMatchObject({ code: 'Forbidden' });
      const grant = await granted(keeperOperations.revoke, `${signing_key_target}/${current!.kid}`);
      await expect(keeper.revokeSigningKey({ grant })).rejects.toMatchObject({ code: 'Conflict' });
      now += 3_601_000;
      await expect(keeper.revokeSigningKey({ grant })).rejects.toMatchObject({
        message: expect.stringMatching(/expired/),
      });
    });
  });

  describe(`anchors (${name})`, () => {
    it('only grow; fewer entries or another hash are refused, and a person is told', async () => {
      const hash = 'a'.repeat(64);
      const first = await keeper.anchor({ kind: 'audit', seq: 10, hash });
      expect(await keeper.anchor({ kind: 'audit', seq: 10, hash })).toEqual(first);
      await keeper.anchor({ kind: 'audit', seq: 12, hash });
      await keeper.anchor({ kind: 'mirror', seq: 1, hash: 'b'.repeat(40) });
      expect(await keeper.alerts()).toEqual([]);
      await expect(keeper.anchor({ kind: 'audit', seq: 11, hash })).rejects.toMatchObject({ code: 'Conflict' });
      await expect(keeper.anchor({ kind: 'audit', seq: 12, hash: 'c'.repeat(64) })).rejects.toMatchObject({
        code: 'Conflict',
      });
      expect((await keeper.anchors({ kind: 'audit' })).map(({ seq }) => seq)).toEqual([12, 10]);
      expect(await keeper.alerts()).toMatchObject([{ kind: 'anchor_refused' }]);
      expect(await keeper.verifyLedger()).toMatchObject({ ok: true, problem: null });
    });
  });

  describe(`policies (${name})`, () => {
    it('can be read, and tried with cases that decide nothing', async () => {
      const view = await keeper.policies();
      expect(view).toMatchObject({ source: 'folder', error: null, files: [{ name: 'test.yaml' }] });
      expect(view.rules.map(({ name }) => name)).toContain('test/deployers');
      const deploy = { operation: 'stacks.deploy', actor: { role: 'deployer' as const } };
      const results = await keeper.testPolicies({
        cases: [
          { name: 'right', propose: deploy, expect: { decision: 'waiting', approvals: 2, policy: 'test/deployers' } },
          { name: 'wrong', propose: deploy, expect: { decision: 'approved' } },
        ],
      });
      expect(results.map(({ passed, message }) => ({ passed, message }))).toEqual([
        { passed: true, message: null },
        { passed: false, message: 'decision is waiting, expected approved.' },
      ]);
      expect((await keeper.ledger({})).entries.filter(({ kind }) => kind !== 'policies_in_force')).toEqual([]);
    });
  });
}
