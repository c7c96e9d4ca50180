/** Laws of taking an approved operation back (ADR 0027): what it was made against, once, and nothing else. */
import { type DesiredState, desiredStateDigest } from '@mainstay/contract/desired-state';
import { newId } from '@mainstay/contract/ids';
import { contentDigest, type Decision, type Proposal, planHash } from '@mainstay/contract/keeper-api';
import { describe, expect, it } from 'vitest';
import { undo_within_seconds } from '../decisions/undo.ts';
import { deployProposal } from '../testing/proposals.ts';
import { type StartKeeper, worldForTests } from './world.ts';

export function undoLaws(name: string, start: StartKeeper): void {
  const world = worldForTests(start);

  const deploy = async (document: DesiredState, basis: Proposal['basis'], undo_sha256?: string): Promise<Proposal> => {
    const proposal = await deployProposal(world.people.olga.actor, { document, basis });
    const { stack_id, version } = document;
    const action = { kind: 'desired_state' as const, stack_id, version, sha256: await desiredStateDigest(document) };
    const content_sha256 = await contentDigest(document);
    const plan = { ...proposal.plan, content_sha256, ...(undo_sha256 === undefined ? {} : { undo_sha256 }) };
    return { ...proposal, action, plan };
  };
  const granted = (decision: Decision) => {
    if (decision.decision !== 'approved') throw new Error(JSON.stringify(decision));
    return decision.grant;
  };
  const decided = async (proposal: Proposal) => granted(await world.keeper.decide(proposal));
  const changed = (document: DesiredState, version: number, poll_interval_seconds: number): DesiredState => ({
    ...document,
    version,
    poll_interval_seconds,
  });

  /** Version 2, which may be taken back to version 1. */
  const rolled = async () => {
    const first = (await deployProposal(world.people.olga.actor)).document!;
    const one = { ...first, version: 1 };
    const basis = { document: one, grant: await decided(await deploy(one, null)) };
    const two = changed(one, 2, 61);
    const proposal = await deploy(two, basis, await contentDigest(one));
    return { one, two, basis, proposal, grant: await decided(proposal), back: { ...one, version: 3 } };
  };
  const denied = (reason: RegExp) => ({ decision: 'denied', reason: expect.stringMatching(reason) });

  describe(`an operation that is taken back (${name})`, () => {
    it('brings the content that its plan named, as the version after it, under its own operation, and once', async () => {
      const { grant, back, proposal, one } = await rolled();
      const issued = await world.keeper.undo({ grant, document: back });
      if (issued.decision !== 'approved') throw new Error(issued.reason);
      expect(await world.verified({ ...issued, policy: '', approvals: [] }, 'control-plane')).toMatchObject({
        ok: true,
        grant: {
          operation_id: proposal.operation_id,
          plan_hash: await planHash(proposal.plan),
          action: { kind: 'desired_state', version: 3, sha256: await desiredStateDigest(back) },
        },
      });
      expect(await world.keeper.undo({ grant, document: back }), 'asked again').toEqual(issued);
      expect(await world.keeper.undo({ grant, document: { ...one, version: 4 } })).toMatchObject(
        denied(/not of the version after/),
      );
      const { entries } = await world.keeper.ledger({ after: 0, limit: 100 });
      expect(entries.filter(({ kind }) => kind === 'undone')).toMatchObject([{ operation_id: proposal.operation_id }]);
      // What comes after it may be planned against it.
      const next = await deploy(
        changed(one, 4, 62),
        { document: back, grant: issued.grant },
        await contentDigest(back),
      );
      expect(await world.keeper.decide(next)).toMatchObject({ decision: 'approved' });
    });

    it('brings nothing else: no other content, no other stack, no other version', async () => {
      const { grant, back, two } = await rolled();
      expect(await world.keeper.undo({ grant, document: changed(back, 3, 99) })).toMatchObject(denied(/is not what/));
      expect(await world.keeper.undo({ grant, document: { ...two, version: 3 } })).toMatchObject(denied(/is not what/));
      const elsewhere = { ...back, stack_id: newId('stack') };
      expect(await world.keeper.undo({ grant, document: elsewhere })).toMatchObject(denied(/another stack/));
      expect(await world.keeper.undo({ grant, document: { ...back, version: 9 } })).toMatchObject(denied(/version/));
    });

    it('must have been approved here with something to go back to', async () => {
      const { grant, back, basis, proposal } = await rolled();
      expect(await world.keeper.undo({ grant: basis.grant, document: back })).toMatchObject(denied(/names nothing/));
      const [head, body] = grant.split('.');
      expect(await world.keeper.undo({ grant: `${head}.${body}.AAAA`, document: back })).toMatchObject(
        denied(/not approved/),
      );
      // A grant that follows from it is not the approval itself.
      const issued = await world.keeper.undo({ grant, document: back });
      if (issued.decision !== 'approved') throw new Error(issued.reason);
      expect(await world.keeper.undo({ grant: issued.grant, document: back })).toMatchObject(denied(/not approved/));
      expect(proposal.plan.undo_sha256).toBeDefined();
    });

    it('is not one that something newer was approved after, nor one of more than a day ago', async () => {
      const { grant, back, two } = await rolled();
      await decided(await deploy(changed(two, 3, 62), { document: two, grant }, await contentDigest(two)));
      expect(await world.keeper.undo({ grant, document: back })).toMatchObject(denied(/newer/));
      const other = await deploy(changed(two, 4, 63), { document: two, grant }, await contentDigest(two));
      const later = await decided(other);
      world.now += (undo_within_seconds + 1) * 1000;
      expect(await world.keeper.undo({ grant: later, document: { ...two, version: 5 } })).toMatchObject(
        denied(/too long ago/),
      );
    });

    it('goes back to what it was made against: a plan that names anything else is denied', async () => {
      const { two, basis, grant } = await rolled();
      const next = changed(two, 3, 62);
      const other = await contentDigest(changed(two, 1, 17));
      expect(await world.keeper.decide(await deploy(next, { document: two, grant }, other))).toMatchObject(
        denied(/made against/),
      );
      expect(await world.keeper.decide(await deploy(next, null, await contentDigest(two)))).toMatchObject(
        denied(/made against/),
      );
      // A basis that was never signed.
      const unsigned = changed(two, 2, 17);
      const forged = await deploy(next, { document: unsigned, grant: basis.grant }, await contentDigest(unsigned));
      expect(await world.keeper.decide(forged)).toMatchObject(denied(/not signed/));
    });
  });
}
