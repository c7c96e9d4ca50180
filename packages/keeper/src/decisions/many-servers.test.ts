import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DesiredState, desiredStateDigest } from '@mainstay/contract/desired-state';
import { verifyGrant } from '@mainstay/contract/grant';
import { newId } from '@mainstay/contract/ids';
import { contentDigest, type Decision, type Issued, type Proposal, planHash } from '@mainstay/contract/keeper-api';
import {
  type ServerState,
  serverContentDigest,
  serverStateDigest,
  serverStatesDigest,
} from '@mainstay/contract/server-state';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createKeeper, type Keeper } from '../keeper.ts';
import { deployProposal, makePerson, type Person, plainProposal } from '../testing/proposals.ts';

const agent = { version: '2.0.0', manifest_sha256: 'b'.repeat(64) };
let folder: string;
let keeper: Keeper;
let olga: Person;
let web1: Enrolled;
let web2: Enrolled;
type Enrolled = { id: string; name: string; enrolment: string };

const grantOf = (decision: Decision | Issued) => {
  if (decision.decision !== 'approved') throw new Error(JSON.stringify(decision));
  return decision.grant;
};
const denied = (reason: string) => ({ decision: 'denied', reason: expect.stringContaining(reason) });

async function enrolled(name: string): Promise<Enrolled> {
  const id = newId('server');
  const token = `mst_${name}`;
  const token_sha256 = createHash('sha256').update(token).digest('hex');
  const action = { kind: 'invitation' as const, server_id: id, token_sha256, stack_id: null };
  const invitation = grantOf(
    await keeper.decide({ ...plainProposal(olga.actor, 'servers.invite', `server/${name}`), action }),
  );
  return { id, name, enrolment: grantOf(await keeper.enrol({ invitation, token })) };
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mainstay-keeper-many-'));
  keeper = await createKeeper({ directory: folder });
  olga = await makePerson('olga', 'owner');
  [web1, web2] = [await enrolled('web1'), await enrolled('web2')];
});
afterEach(() => {
  keeper.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('a desired state that names its servers', () => {
  const proposed = async (targets: string[], told: string[], over: Partial<DesiredState> = {}): Promise<Proposal> => {
    const base = await deployProposal(olga.actor);
    const document = { ...base.document!, ...over, targets };
    const { stack_id, version } = document;
    return {
      ...base,
      document,
      plan: { ...base.plan, content_sha256: await contentDigest(document) },
      action: { kind: 'desired_state', stack_id, version, sha256: await desiredStateDigest(document) },
      about: { ...base.about, servers: told.map((name) => ({ name, labels: {} })) },
    };
  };

  it('is signed when each was invited here, and policies are asked about it', async () => {
    expect(await keeper.decide(await proposed([web1.id], ['web1']))).toMatchObject({ decision: 'approved' });
    expect(await keeper.decide(await proposed([web1.id, web2.id], ['web1']))).toMatchObject(
      denied('The document names server/web2, and the policies are not asked about it.'),
    );
    expect(await keeper.decide(await proposed([newId('server')], ['web1']))).toMatchObject(denied('was not invited'));
  });

  it('enrols those that it names for its stack, by exactly the document that was granted, and nobody else', async () => {
    const proposal = await proposed([web1.id], ['web1']);
    const document = proposal.document!;
    const grant = grantOf(await keeper.decide(proposal));
    const asked = { grant, document, server_id: web1.id, enrolment_grant: web1.enrolment };
    const enrolment_grant = grantOf(await keeper.enrolTarget(asked));
    const keys = await keeper.keys();
    expect(await verifyGrant(enrolment_grant, { keys, audience: web1.id, now_ms: Date.now() })).toMatchObject({
      grant: { action: { kind: 'enrolment', server_id: web1.id, stack_id: document.stack_id } },
    });
    expect(await keeper.reissue({ grant, server_id: web1.id, enrolment_grant })).toMatchObject({
      decision: 'approved',
    });
    const other = { ...asked, server_id: web2.id, enrolment_grant: web2.enrolment };
    expect(await keeper.enrolTarget(other)).toMatchObject(denied('does not name that server'));
    const forged = { ...document, targets: [web1.id, web2.id] };
    expect(await keeper.enrolTarget({ ...other, document: forged })).toMatchObject(denied('was not signed'));
    expect(await keeper.enrolTarget({ ...asked, enrolment_grant: web2.enrolment })).toMatchObject(denied('enrolment'));
  });
});

describe('states of many servers under one decision', () => {
  const stateOf = ({ id }: Enrolled, over: Partial<ServerState> = {}): ServerState => ({
    ...{ schema: 1, server_id: id, version: 1, tunnel: null, drained: false, agent },
    security: { mode: 'none', ssh_from: [], firewall: 'auto', cut_ssh: false },
    ...over,
  });
  const proposed = async (states: ServerState[], shown = ['web1', 'web2']): Promise<Proposal> => {
    const base = plainProposal(olga.actor, 'servers.update_agents', 'servers');
    const changes = shown.map((name) => ({ action: 'update' as const, path: `servers.${name}.agent.version` }));
    const contents: Record<string, string> = {};
    for (const state of states) contents[state.server_id] = await serverContentDigest(state);
    return {
      ...base,
      plan: { ...base.plan, changes, contents },
      action: { kind: 'server_states', sha256: await serverStatesDigest(states) },
      server_documents: states,
      about: { ...base.about, servers: shown.map((name) => ({ name, labels: {} })) },
    };
  };

  it('are signed for each server alone, and for none that was not among them', async () => {
    const states = [stateOf(web1), stateOf(web2, { version: 7 })];
    const proposal = await proposed(states);
    const grant = grantOf(await keeper.decide(proposal));
    const web3 = await enrolled('web3');
    for (const [index, { id, enrolment }] of [web1, web2].entries()) {
      const own = grantOf(await keeper.reissue({ grant, server_id: id, enrolment_grant: enrolment }));
      const { version } = states[index]!;
      const action = { kind: 'server_state', server_id: id, version, sha256: await serverStateDigest(states[index]!) };
      expect(await verifyGrant(own, { keys: await keeper.keys(), audience: id, now_ms: Date.now() })).toMatchObject({
        grant: { action, plan_hash: await planHash(proposal.plan), aud: [id] },
      });
    }
    const asked = { grant, server_id: web3.id, enrolment_grant: web3.enrolment };
    expect(await keeper.reissue(asked)).toMatchObject(denied('not approved for that server'));
    const wrong = { grant, server_id: web1.id, enrolment_grant: web2.enrolment };
    expect(await keeper.reissue(wrong)).toMatchObject(denied('no enrolment'));
  });

  it('are denied where the plan hides a server, shows another state, or changes more than the agent', async () => {
    const states = [stateOf(web1), stateOf(web2)];
    const honest = await proposed(states);
    expect(await keeper.decide(await proposed(states, ['web1']))).toMatchObject(
      denied('does not show what changes on web2'),
    );
    const contents = { ...honest.plan.contents, [web2.id]: 'f'.repeat(64) };
    const anew = { ...honest, operation_id: newId('operation') };
    expect(await keeper.decide({ ...anew, plan: { ...honest.plan, contents } })).toMatchObject(
      denied('The state of web2 is not what the plan shows.'),
    );
    const more = { ...anew, operation_id: newId('operation'), server_documents: [...states, stateOf(web1)] };
    expect(await keeper.decide(more)).toMatchObject(denied('The digest does not fit'));
    const drains = await proposed([stateOf(web1), stateOf(web2, { drained: true })]);
    expect(await keeper.decide(drains)).toMatchObject(denied('does not change the drained of a server'));
    const named = { ...anew, operation_id: newId('operation'), plan: { ...honest.plan, operation: 'servers.drain' } };
    expect(await keeper.decide(named)).toMatchObject(denied('does not lead to what is to be signed'));
  });
});

describe('the removal of a server', () => {
  const proposed = (target: string): Proposal => ({
    ...plainProposal(olga.actor, 'servers.remove', target),
    action: { kind: 'removal', server_id: web1.id },
    targets: [web1.id, 'control-plane'],
  });

  it('is signed under its own name, for the server of that name, only', async () => {
    expect(await keeper.decide(proposed('server/web2'))).toMatchObject(denied('is not the server/web2'));
    const other = { ...proposed('server/web1'), plan: { ...proposed('server/web1').plan, operation: 'servers.label' } };
    expect(await keeper.decide(other)).toMatchObject(denied('does not lead to what is to be signed'));
  });
});
