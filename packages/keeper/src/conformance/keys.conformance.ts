/** Laws of keys: those that prove people, and those that the keeper signs with. */
import { verifyGrant } from '@mainstay/contract/grant';
import { newId } from '@mainstay/contract/ids';
import { keeperOperations, planHash, signing_key_target } from '@mainstay/contract/keeper-api';
import { applyKeyChanges, pinKey, trustedKeys } from '@mainstay/contract/key-changes';
import type { Actor } from '@mainstay/contract/operation';
import { describe, expect, it } from 'vitest';
import { deployProposal, makePerson, type Person, plainProposal, wordOn } from '../testing/proposals.ts';
import { type StartKeeper, worldForTests } from './world.ts';

export function keyLaws(name: string, start: StartKeeper): void {
  const world = worldForTests(start);

  describe(`proof of people (${name})`, () => {
    const removal = () => plainProposal(world.people.olga.actor, 'servers.remove', 'server/web1');

    it('by a signed proposal is its own confirmation, once', async () => {
      await world.admitAll();
      const proposal = removal();
      proposal.proof = await world.people.olga.sign(
        { says: 'propose', about: await planHash(proposal.plan) },
        world.now,
      );
      const decision = await world.keeper.decide(proposal);
      expect(await world.verified(decision, 'control-plane')).toMatchObject({
        ok: true,
        grant: { actor: { proof: 'signed', role: 'owner' } },
      });
      expect(await world.keeper.decide(proposal)).toEqual(decision);
      const replayed = { ...proposal, operation_id: newId('operation') };
      expect(await world.keeper.decide(replayed)).toMatchObject({
        decision: 'denied',
        reason: expect.stringMatching(/used before/),
      });
    });

    it('by a signed proposal leaves nothing to be confirmed where others have to approve it', async () => {
      await world.admitAll(world.people.axel);
      const proposal = plainProposal(world.people.olga.actor, 'credentials.remove', 'credential/github');
      const requirement = { approvals: 1, proof: 'signed' };
      expect(await world.keeper.decide(proposal)).toMatchObject({
        requirement: { ...requirement, confirmation: true },
      });
      const about = await planHash(proposal.plan);
      const signed = {
        ...proposal,
        operation_id: newId('operation'),
        proof: await world.people.olga.sign({ says: 'propose', about }, world.now),
      };
      expect(await world.keeper.decide(signed)).toMatchObject({ requirement: { ...requirement, confirmation: false } });
      const proof = await world.people.axel.sign(
        { says: 'approve', about, operation_id: signed.operation_id },
        world.now,
      );
      const word = await wordOn(signed, 'approve', world.people.axel.actor, { proof });
      expect(await world.keeper.speak(word)).toMatchObject({ decision: 'approved' });
    });

    it('by a signed confirmation lets a destructive operation through; a session does not', async () => {
      await world.admitAll();
      const proposal = removal();
      expect(await world.keeper.decide(proposal)).toMatchObject({
        decision: 'waiting',
        requirement: { confirmation: true, proof: 'signed', approvals: 0 },
      });
      await expect(
        world.keeper.speak(await wordOn(proposal, 'confirm', world.people.olga.actor)),
      ).rejects.toMatchObject({
        code: 'Forbidden',
      });
      const { operation_id } = proposal;
      const proof = await world.people.olga.sign(
        { says: 'confirm', about: await planHash(proposal.plan), operation_id },
        world.now,
      );
      const word = await wordOn(proposal, 'confirm', world.people.olga.actor, { proof });
      expect(await world.keeper.speak(word)).toMatchObject({ decision: 'approved' });
      // The same word again, as after a lost answer, gives the same.
      expect(await world.keeper.speak(word)).toMatchObject({ decision: 'approved' });
    });

    it('is asked of approvers where policy does, and their role is the one that was admitted with the key', async () => {
      await world.admitAll(world.people.axel, world.people.anna);
      const proposal = plainProposal(world.people.dora.actor, 'secrets.set', 'secret/token');
      const about = await planHash(proposal.plan);
      await world.keeper.decide(proposal);
      const say = async (person: Person, actor: Actor) =>
        world.keeper.speak(
          await wordOn(proposal, 'approve', actor, {
            proof: await person.sign({ says: 'approve', about, operation_id: proposal.operation_id }, world.now),
          }),
        );
      // A gateway that is taken over says of an approver that they are an owner.
      await expect(say(world.people.anna, { ...world.people.anna.actor, role: 'owner' })).rejects.toMatchObject({
        code: 'Forbidden',
        message: expect.stringContaining('takes the role admin'),
      });
      await expect(
        world.keeper.speak(await wordOn(proposal, 'approve', world.people.axel.actor)),
      ).rejects.toMatchObject({
        code: 'Forbidden',
      });
      expect(await say(world.people.axel, world.people.axel.actor)).toMatchObject({ decision: 'approved' });
    });

    it.each([
      ['was signed 601 s ago', { iat: -601 }, /601 s ago by the keeper's clock/],
      ['was signed 601 s ahead', { iat: 601 }, /in the future/],
      ['is about another plan', { about: 'f'.repeat(64) }, /something else/],
      ['says something else', { says: 'approve' as const }, /says "approve"/],
      ['is about another operation', { operation_id: newId('operation') }, /another operation/],
      ['names another person', { user_id: newId('user') }, /another person/],
    ])('fails when the statement %s', async (_, change, message) => {
      await world.admitAll();
      const proposal = removal();
      const iat = Math.floor(world.now / 1000) + ('iat' in change ? change.iat : 0);
      const about = await planHash(proposal.plan);
      proposal.proof = await world.people.olga.sign({ says: 'propose', about, ...change, iat }, world.now);
      expect(await world.keeper.decide(proposal)).toMatchObject({
        decision: 'denied',
        reason: expect.stringMatching(message),
      });
    });

    it('fails with a key that is unknown, waits for admission, was revoked, or is another person’s', async () => {
      const proposal = removal();
      const about = await planHash(proposal.plan);
      const decide = async (by: Person, actor: Actor) =>
        world.keeper.decide({
          ...removal(),
          actor,
          proof: await by.sign({ says: 'propose', about }, world.now),
        });
      expect(await decide(world.people.olga, world.people.olga.actor)).toMatchObject({
        decision: 'denied',
        reason: expect.stringMatching(/does not know/),
      });
      await world.admitAll(world.people.axel);
      await world.keeper.registerKey(world.people.anna.registration);
      expect(await decide(world.people.anna, world.people.anna.actor)).toMatchObject({
        decision: 'denied',
        reason: expect.stringMatching(/nobody has admitted/),
      });
      expect(await decide(world.people.axel, world.people.olga.actor)).toMatchObject({
        decision: 'denied',
        reason: expect.stringMatching(/another person/),
      });
      const proof = await world.people.olga.sign({ says: 'revoke_key', about: world.people.axel.key_id }, world.now);
      expect(await world.keeper.revokeKey({ key_id: world.people.axel.key_id, proof })).toMatchObject({
        state: 'revoked',
      });
      expect(await decide(world.people.axel, world.people.axel.actor)).toMatchObject({
        decision: 'denied',
        reason: expect.stringMatching(/revoked/),
      });
    });

    it('begins with the first key of an owner; every later key waits for somebody who is known', async () => {
      expect(await world.keeper.registerKey(world.people.anna.registration)).toMatchObject({
        state: 'pending',
        trust: null,
      });
      expect(await world.keeper.registerKey(world.people.olga.registration)).toMatchObject({
        state: 'admitted',
        trust: 'first_use',
      });
      const mallory = await makePerson('mallory', 'owner');
      expect(await world.keeper.registerKey(mallory.registration)).toMatchObject({ state: 'pending' });
      const own = await mallory.sign({ says: 'admit_key', about: mallory.key_id }, world.now);
      await expect(world.keeper.admitKey({ key_id: mallory.key_id, proof: own })).rejects.toMatchObject({
        code: 'Forbidden',
      });
      // Without saying whose the key is, the signature could be taken for anybody's.
      const bare = await world.people.olga.sign({ says: 'admit_key', about: world.people.anna.key_id }, world.now);
      await expect(world.keeper.admitKey({ key_id: world.people.anna.key_id, proof: bare })).rejects.toMatchObject({
        code: 'Forbidden',
      });
      const admits = { user_id: world.people.anna.id, role: 'approver' as const };
      const proof = await world.people.olga.sign(
        { says: 'admit_key', about: world.people.anna.key_id, admits },
        world.now,
      );
      const admitted = await world.keeper.admitKey({ key_id: world.people.anna.key_id, proof });
      expect(admitted).toMatchObject({ state: 'admitted', role: 'approver', admitted_by: world.people.olga.key_id });
      await expect(world.keeper.admitKey({ key_id: world.people.anna.key_id, proof })).rejects.toMatchObject({
        code: 'Conflict',
      });
    });

    it('lets an admin admit nobody as owner, and an approver nobody at all', async () => {
      await world.admitAll(world.people.axel, world.people.anna);
      await world.keeper.registerKey(world.people.dora.registration);
      const admit = async (by: Person, role: 'owner' | 'deployer') =>
        world.keeper.admitKey({
          key_id: world.people.dora.key_id,
          proof: await by.sign(
            { says: 'admit_key', about: world.people.dora.key_id, admits: { user_id: world.people.dora.id, role } },
            world.now,
          ),
        });
      await expect(admit(world.people.axel, 'owner')).rejects.toMatchObject({ code: 'Forbidden' });
      await expect(admit(world.people.anna, 'deployer')).rejects.toMatchObject({ code: 'Forbidden' });
      expect(await admit(world.people.axel, 'deployer')).toMatchObject({ state: 'admitted', role: 'deployer' });
    });

    it('does not make less of the last key of an owner', async () => {
      await world.admitAll();
      const { olga } = world.people;
      const admits = { user_id: olga.id, role: 'viewer' } as const;
      const proof = await olga.sign({ says: 'admit_key', about: olga.key_id, admits }, world.now);
      await expect(world.keeper.admitKey({ key_id: olga.key_id, proof })).rejects.toMatchObject({ code: 'Conflict' });
      expect(await world.keeper.listKeys()).toMatchObject([{ role: 'owner', state: 'admitted' }]);
    });

    it('keeps the last key of an owner', async () => {
      await world.admitAll();
      const proof = await world.people.olga.sign({ says: 'revoke_key', about: world.people.olga.key_id }, world.now);
      await expect(world.keeper.revokeKey({ key_id: world.people.olga.key_id, proof })).rejects.toMatchObject({
        code: 'Conflict',
      });
    });
  });

  describe(`the signing key (${name})`, () => {
    const granted = async (operation: string, target: string) => {
      const proposal = plainProposal(world.people.olga.actor, operation, target);
      proposal.proof = await world.people.olga.sign(
        { says: 'propose', about: await planHash(proposal.plan) },
        world.now,
      );
      const decision = await world.keeper.decide(proposal);
      if (decision.decision !== 'approved') throw new Error(JSON.stringify(decision));
      return decision.grant;
    };

    it('is exchanged with overlap, and whoever pinned the old one follows', async () => {
      await world.admitAll();
      const [first] = await world.keeper.keys();
      const before = await deployProposal(world.people.olga.actor);
      const old = await world.keeper.decide(before);
      const grant = await granted(keeperOperations.rotate, signing_key_target);
      const next = await world.keeper.rotateSigningKey({ grant });
      expect(await world.keeper.rotateSigningKey({ grant })).toEqual(next);
      expect((await world.keeper.keys()).map(({ kid }) => kid)).toEqual([next.kid, first!.kid]);
      expect(await world.verified(old, before.targets[0]!)).toMatchObject({ ok: true });
      const after = await deployProposal(world.people.olga.actor);
      const { pinned } = await applyKeyChanges(pinKey(first!), await world.keeper.keyHistory());
      const decision = await world.keeper.decide(after);
      if (decision.decision !== 'approved') throw new Error('denied');
      const options = { keys: trustedKeys(pinned, world.now), audience: after.targets[0]!, now_ms: world.now };
      expect(await verifyGrant(decision.grant, options)).toMatchObject({ ok: true });
      const revoke = await granted(keeperOperations.revoke, `${signing_key_target}/${first!.kid}`);
      expect(await world.keeper.revokeSigningKey({ grant: revoke })).toEqual([next]);
      const revoked = await applyKeyChanges(pinned, await world.keeper.keyHistory());
      expect(trustedKeys(revoked.pinned, world.now)).toEqual([next]);
      expect(await world.keeper.verifyLedger()).toMatchObject({ ok: true });
    });

    it('is exchanged on no other grant, and the current one is not revoked', async () => {
      await world.admitAll();
      const [current] = await world.keeper.keys();
      const other = await granted('servers.remove', signing_key_target);
      await expect(world.keeper.rotateSigningKey({ grant: other })).rejects.toMatchObject({ code: 'Forbidden' });
      await expect(world.keeper.rotateSigningKey({ grant: 'a.b.c' })).rejects.toMatchObject({ code: 'Forbidden' });
      const grant = await granted(keeperOperations.revoke, `${signing_key_target}/${current!.kid}`);
      await expect(world.keeper.revokeSigningKey({ grant })).rejects.toMatchObject({ code: 'Conflict' });
      world.now += 3_601_000;
      await expect(world.keeper.revokeSigningKey({ grant })).rejects.toMatchObject({
        message: expect.stringMatching(/expired/),
      });
    });
  });
}
