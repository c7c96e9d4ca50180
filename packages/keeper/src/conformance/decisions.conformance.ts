/** Laws of decisions: approvals, proposals, anchors, policies. */
import { type DesiredState, desiredStateDigest } from '@mainstay/contract/desired-state';
import { newId } from '@mainstay/contract/ids';
import { contentDigest, type Proposal, planHash } from '@mainstay/contract/keeper-api';
import type { Actor } from '@mainstay/contract/operation';
import { describe, expect, it } from 'vitest';
import { deployProposal, plainProposal, wordOn } from '../testing/proposals.ts';
import { type StartKeeper, worldForTests } from './world.ts';

export function decisionLaws(name: string, start: StartKeeper): void {
  const world = worldForTests(start);

  const proposed = async (actor: Actor = world.people.dora.actor) => {
    const proposal = await deployProposal(actor);
    expect(await world.keeper.decide(proposal)).toMatchObject({
      decision: 'waiting',
      requirement: { policy: 'test/deployers', approvals: 2, role: 'approver', expires_at: world.now + 3_600_000 },
    });
    return proposal;
  };
  describe(`approvals (${name})`, () => {
    it('that are enough bring one signature, which the target verifies, and which stays the same', async () => {
      const proposal = await proposed();
      expect(await world.keeper.speak(await wordOn(proposal, 'approve', world.people.anna.actor))).toMatchObject({
        decision: 'waiting',
      });
      const decision = await world.keeper.speak(
        await wordOn(proposal, 'approve', world.people.axel.actor, { reason: 'looks right' }),
      );
      expect(await world.verified(decision, proposal.targets[0]!)).toMatchObject({
        ok: true,
        grant: { operation_id: proposal.operation_id, actor: { id: world.people.dora.id } },
      });
      expect(decision).toMatchObject({ approvals: [{ actor: { name: 'anna' } }, { reason: 'looks right' }] });
      expect(await world.keeper.decide(proposal)).toEqual(decision);
      expect(await world.keeper.decisionOf(proposal.operation_id)).toEqual(decision);
    });

    it('that are signed name their operation, so that none is moved to another with the same plan', async () => {
      const { anna } = world.people;
      await world.admitAll(anna);
      const proposal = await proposed();
      const about = await planHash(proposal.plan);
      const signed = async (operation_id: string | null) =>
        wordOn(proposal, 'approve', anna.actor, {
          proof: await anna.sign({ says: 'approve', about, operation_id }, world.now),
        });
      const { operation_id } = await proposed();
      for (const other of [null, operation_id])
        await expect(world.keeper.speak(await signed(other))).rejects.toMatchObject({ code: 'Forbidden' });
      expect(await world.keeper.speak(await signed(proposal.operation_id))).toMatchObject({ decision: 'waiting' });
    });

    it('by a statement whose header was made to be strange are refused', async () => {
      const proposal = await proposed();
      for (const header of [{ alg: 'EdDSA', kid: ['x'] }, { alg: 'EdDSA', kid: {} }, { alg: 'none' }, null, 7]) {
        const head = Buffer.from(JSON.stringify(header)).toString('base64url');
        const word = await wordOn(proposal, 'approve', world.people.anna.actor, { proof: `${head}.e30.AAAA` });
        await expect(world.keeper.speak(word)).rejects.toMatchObject({ code: 'Forbidden' });
      }
    });

    it('at the same moment count once each, and sign once', async () => {
      const proposal = await proposed();
      const words = [
        await wordOn(proposal, 'approve', world.people.anna.actor),
        await wordOn(proposal, 'approve', world.people.axel.actor),
      ];
      const decisions = await Promise.all(words.map((word) => world.keeper.speak(word)));
      expect(decisions.map(({ decision }) => decision).sort()).toEqual(['approved', 'waiting']);
      const { entries } = await world.keeper.ledger({});
      expect(entries.filter(({ kind }) => kind === 'approved')).toHaveLength(1);
    });

    it('of one person count once, however often they are given', async () => {
      const proposal = await proposed();
      const word = await wordOn(proposal, 'approve', world.people.anna.actor);
      for (const decision of await Promise.all([
        world.keeper.speak(word),
        world.keeper.speak(word),
        world.keeper.speak(word),
      ]))
        expect(decision).toMatchObject({ decision: 'waiting', approvals: [{ verdict: 'approve' }] });
    });

    it.each([
      ['the proposer', () => world.people.dora.actor, /proposed themselves/],
      [
        'the proposer under another name',
        () => ({ ...world.people.dora.actor, name: 'nobody', role: 'owner' as const }),
        /themselves/,
      ],
      ['a viewer', () => ({ ...world.people.anna.actor, role: 'viewer' as const }), /takes the role approver/],
      ['a deployer', () => ({ ...world.people.anna.actor, role: 'deployer' as const }), /takes the role approver/],
      ['a webhook', () => ({ ...world.people.anna.actor, kind: 'webhook' as const }), /Only people/],
      ['somebody unproven', () => ({ ...world.people.anna.actor, proof: 'none' as const }), /not proven/],
      [
        'somebody said to be proven by a key',
        () => ({ ...world.people.anna.actor, proof: 'signed' as const }),
        /not proven/,
      ],
    ])('of %s are refused', async (_, actor, message) => {
      const proposal = await proposed();
      const word = await wordOn(proposal, 'approve', actor());
      await expect(world.keeper.speak(word)).rejects.toMatchObject({
        code: 'Forbidden',
        message: expect.stringMatching(message),
      });
      expect(await world.keeper.decisionOf(proposal.operation_id)).toMatchObject({
        decision: 'waiting',
        approvals: [],
      });
    });

    it('of a plan that is outdated are refused', async () => {
      const proposal = await proposed();
      const word = await wordOn(proposal, 'approve', world.people.anna.actor, { plan_hash: 'f'.repeat(64) });
      await expect(world.keeper.speak(word)).rejects.toMatchObject({ code: 'Conflict', field: 'plan_hash' });
    });

    it('that come too late are refused, and the operation stays expired', async () => {
      const proposal = await proposed();
      await world.keeper.speak(await wordOn(proposal, 'approve', world.people.anna.actor));
      world.now += 3_600_000;
      await expect(
        world.keeper.speak(await wordOn(proposal, 'approve', world.people.axel.actor)),
      ).rejects.toMatchObject({
        code: 'Conflict',
        message: expect.stringContaining('expired'),
      });
      expect(await world.keeper.decide(proposal)).toMatchObject({ decision: 'expired' });
    });

    it('are ended by one rejection, with its reason', async () => {
      const proposal = await proposed();
      const word = await wordOn(proposal, 'reject', world.people.anna.actor, { reason: 'not today' });
      expect(await world.keeper.speak(word)).toMatchObject({ decision: 'rejected', reason: 'not today' });
      await expect(
        world.keeper.speak(await wordOn(proposal, 'approve', world.people.axel.actor)),
      ).rejects.toMatchObject({
        code: 'Conflict',
      });
    });

    it('end when the proposal is taken back, which can be said twice', async () => {
      const proposal = await proposed();
      await world.keeper.withdraw(proposal.operation_id);
      await world.keeper.withdraw(proposal.operation_id);
      expect(await world.keeper.decisionOf(proposal.operation_id)).toMatchObject({ decision: 'withdrawn' });
    });
  });

  describe(`a proposal (${name})`, () => {
    it('is decided once; another one under its id is refused', async () => {
      const proposal = await deployProposal(world.people.olga.actor);
      const first = await world.keeper.decide(proposal);
      expect(first).toMatchObject({ decision: 'approved', policy: 'test/owners' });
      expect(await world.keeper.decide(proposal)).toEqual(first);
      const other = { ...proposal, about: { ...proposal.about, servers: [] } };
      await expect(world.keeper.decide(other)).rejects.toMatchObject({ code: 'Conflict', field: 'operation_id' });
      expect(await world.keeper.decisionOf(newId('operation'))).toBeNull();
    });

    it('for a stack is signed under the name that this stack has had, and about nothing else', async () => {
      const { olga } = world.people;
      const shop = await deployProposal(olga.actor);
      expect(await world.keeper.decide(shop)).toMatchObject({ decision: 'approved' });
      // What is shown is about another stack than what is to be signed.
      const shown = await deployProposal(olga.actor);
      shown.plan = { ...shown.plan, target: 'stack/staging' };
      expect(await world.keeper.decide(shown)).toMatchObject({ decision: 'denied' });
      // The removal of `staging`, under the id of `shop`.
      const document: DesiredState = {
        ...shop.document!,
        version: 3,
        stack: 'staging',
        removed: { delete_data: true },
      };
      const removal: Proposal = {
        ...shop,
        operation_id: newId('operation'),
        document,
        plan: {
          ...shop.plan,
          operation: 'stacks.remove',
          target: 'stack/staging',
          content_sha256: await contentDigest(document),
        },
        action: {
          kind: 'desired_state',
          stack_id: document.stack_id,
          version: 3,
          sha256: await desiredStateDigest(document),
        },
        about: { ...shop.about, stack: 'staging' },
      };
      expect(await world.keeper.decide(removal)).toMatchObject({
        decision: 'denied',
        reason: expect.stringContaining('shop'),
      });
    });

    it('for a stack names no server: which of them run it is said by their enrolments', async () => {
      const proposal = await deployProposal(world.people.olga.actor, { targets: ['control-plane', newId('server')] });
      expect(await world.keeper.decide(proposal)).toMatchObject({
        decision: 'denied',
        reason: expect.stringContaining('enrolment'),
      });
    });

    it('that no policy allows is denied, and stays so', async () => {
      const proposal = plainProposal(world.people.anna.actor, 'stacks.pause', 'stack/shop');
      const denied = await world.keeper.decide(proposal);
      expect(denied).toMatchObject({ decision: 'denied', policy: null, reason: expect.stringContaining('No policy') });
      expect(await world.keeper.decide(proposal)).toEqual(denied);
    });

    it('of the wrong shape is refused with the field named', async () => {
      const proposal = { ...(await deployProposal(world.people.olga.actor)), operation_id: 'op_1' };
      await expect(world.keeper.decide(proposal)).rejects.toMatchObject({
        code: 'InvalidInput',
        field: 'operation_id',
      });
    });

    it.each(['secrets.set', 'stacks.pause'])('that takes the name %s for what it does is denied', async (operation) => {
      const proposal = await deployProposal(world.people.olga.actor);
      proposal.plan.operation = operation;
      expect(await world.keeper.decide(proposal)).toMatchObject({
        decision: 'denied',
        reason: expect.stringMatching(/does not lead to/),
      });
    });
  });

  describe(`anchors (${name})`, () => {
    it('only grow; fewer entries or another hash are refused, and a person is told', async () => {
      const hash = 'a'.repeat(64);
      const first = await world.keeper.anchor({ kind: 'audit', seq: 10, hash });
      expect(await world.keeper.anchor({ kind: 'audit', seq: 10, hash })).toEqual(first);
      await world.keeper.anchor({ kind: 'audit', seq: 12, hash });
      await world.keeper.anchor({ kind: 'mirror', seq: 1, hash: 'b'.repeat(40) });
      expect(await world.keeper.alerts()).toEqual([]);
      await expect(world.keeper.anchor({ kind: 'audit', seq: 11, hash })).rejects.toMatchObject({ code: 'Conflict' });
      await expect(world.keeper.anchor({ kind: 'audit', seq: 12, hash: 'c'.repeat(64) })).rejects.toMatchObject({
        code: 'Conflict',
      });
      expect((await world.keeper.anchors({ kind: 'audit' })).map(({ seq }) => seq)).toEqual([12, 10]);
      expect(await world.keeper.alerts()).toMatchObject([{ kind: 'anchor_refused' }]);
      expect(await world.keeper.verifyLedger()).toMatchObject({ ok: true, problem: null });
    });
  });

  describe(`policies (${name})`, () => {
    it('can be read, and tried with cases that decide nothing', async () => {
      const view = await world.keeper.policies();
      expect(view).toMatchObject({ source: 'folder', error: null, files: [{ name: 'test.yaml' }] });
      expect(view.rules.map(({ name }) => name)).toContain('test/deployers');
      const deploy = { operation: 'stacks.deploy', actor: { role: 'deployer' as const } };
      const results = await world.keeper.testPolicies({
        cases: [
          { name: 'right', propose: deploy, expect: { decision: 'waiting', approvals: 2, policy: 'test/deployers' } },
          { name: 'wrong', propose: deploy, expect: { decision: 'approved' } },
        ],
      });
      expect(results.map(({ passed, message }) => ({ passed, message }))).toEqual([
        { passed: true, message: null },
        { passed: false, message: 'decision is waiting, expected approved.' },
      ]);
      expect((await world.keeper.ledger({})).entries.filter(({ kind }) => kind !== 'policies_in_force')).toEqual([]);
    });
  });
}
