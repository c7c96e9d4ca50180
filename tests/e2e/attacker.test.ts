/** What a control plane that was taken over may tell an agent, and what the agent does about it: refuse, say why, go on serving. */
import { createLab, until } from '@mainstay/agent/testing/lab';
import { createStandInKeeper, type StandInKeeper } from '@mainstay/agent/testing/stand-in-keeper';
import { desiredStateDigest } from '@mainstay/contract/desired-state';
import { newId } from '@mainstay/contract/ids';
import { planHash } from '@mainstay/contract/keeper-api';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type AttackedServer, createAttackedServer } from './attacked-server.ts';
import { approvedGrant, approvedOffer, enrolmentGrant, owner, propose } from './attacker-keeper.ts';

let at: AttackedServer;
beforeAll(async () => {
  at = await createAttackedServer();
});
afterAll(() => at.close());

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const payloadOf = (jws: string) => JSON.parse(Buffer.from(jws.split('.')[1]!, 'base64url').toString());
const kid = () => at.lab.control.keeper.key.kid;

type Attack = [what: string, reason: string, forge: () => Promise<unknown>];

const attacks: Attack[] = [
  ['a document altered in the database', 'tampered', async () => ({ ...at.deployed[1], document: await at.evil() })],
  [
    'an altered document whose digest and plan were made to fit',
    'tampered',
    async () => at.fitted(await at.evil(), at.deployed[1].grant),
  ],
  [
    'another commit under the version that serves',
    'tampered',
    async () => at.fitted(await at.documentOf(2, 'evil'), at.deployed[1].grant),
  ],
  [
    'a document with a field that is not known',
    'malformed',
    async () => ({ ...at.deployed[1], document: { ...at.deployed[1].document, version: 3, run_as: 'root' } }),
  ],
  [
    'a grant whose payload was altered',
    'bad_signature',
    async () => {
      const document = await at.evil();
      const fit = await at.fitted(document, '');
      const [header, , signature] = at.deployed[1].grant.split('.');
      const payload = payloadOf(at.deployed[1].grant);
      payload.action = { ...payload.action, version: 3, sha256: fit.sha256 };
      payload.plan_hash = await planHash(fit.plan!);
      return { ...fit, grant: `${header}.${encode(payload)}.${signature}` };
    },
  ],
  ['no signature at all', 'malformed', async () => at.fitted(await at.evil(), '')],
  [
    'a grant of the algorithm "none"',
    'malformed',
    async () => {
      const document = await at.evil();
      const [, payload] = (await at.forged(document, await createStandInKeeper())).split('.');
      return at.fitted(document, `${encode({ alg: 'none', kid: kid() })}.${payload}.`);
    },
  ],
  [
    "a grant signed with the attacker's key",
    'unknown_key',
    async () => {
      const document = await at.evil();
      return at.fitted(document, await at.forged(document, await createStandInKeeper()));
    },
  ],
  [
    "a grant signed with the attacker's key under the name of the keeper's",
    'bad_signature',
    async () => {
      const document = await at.evil();
      const [, payload, signature] = (await at.forged(document, await createStandInKeeper())).split('.');
      return at.fitted(document, `${encode({ alg: 'EdDSA', kid: kid() })}.${payload}.${signature}`);
    },
  ],
  [
    'a grant that brings its key along in its header',
    'unknown_key',
    async () => {
      const document = await at.evil();
      const own = await createStandInKeeper();
      const [, payload, signature] = (await at.forged(document, own)).split('.');
      return at.fitted(document, `${encode({ alg: 'EdDSA', kid: own.key.kid, jwk: own.key })}.${payload}.${signature}`);
    },
  ],
  [
    "a change of keys that the attacker's key signed, and a grant signed with that",
    'unknown_key',
    async () => {
      const document = await at.evil();
      const own = await createStandInKeeper();
      const key_changes = [await own.signKeyChange({ seq: 1, current: own.key, revoked: [kid()] })];
      return { ...(await at.fitted(document, await at.forged(document, own))), key_changes };
    },
  ],
  [
    'a grant that the keeper gave for another server',
    'wrong_target',
    async () => approvedOffer(at.keeper, await at.evil(), newId('server')),
  ],
  [
    'a grant for another server, re-targeted',
    'bad_signature',
    async () => {
      const offer = await approvedOffer(at.keeper, await at.evil(), newId('server'));
      const [header, payload, signature] = offer.grant.split('.');
      const aimed = { ...JSON.parse(Buffer.from(payload!, 'base64url').toString()), aud: [at.lab.control.server_id] };
      return { ...offer, grant: `${header}.${encode(aimed)}.${signature}` };
    },
  ],
  [
    'a grant that expired, kept for later',
    'expired',
    async () => {
      at.setKeeperClock(-7_200_000);
      const offer = await at.honest(await at.evil());
      at.setKeeperClock(0);
      return offer;
    },
  ],
  [
    "another stack's grant under this stack's document",
    'tampered',
    async () => {
      const other = await at.honest(await at.documentOf(3, 'evil', { stack_id: newId('stack'), stack: 'other' }));
      return at.fitted(await at.evil(), other.grant);
    },
  ],
  [
    'the grant that enrolled this server, as one for a document',
    'wrong_action',
    async () => at.fitted(await at.evil(), await enrolmentGrant(at.keeper, at.lab.control.server_id, at.lab.stack_id)),
  ],
  [
    'a grant for a change inside the control plane that names this server',
    'wrong_action',
    async () => {
      const targets = [at.lab.control.server_id];
      const asked = {
        action: { kind: 'control_plane' },
        targets,
        operation: 'secrets.set',
        target: 'secret/x',
      } as const;
      return at.fitted(await at.evil(), await approvedGrant(at.keeper, asked));
    },
  ],
  [
    'an older version with a grant of today',
    'lower_version',
    async () => {
      const enrolment_grant = await enrolmentGrant(at.keeper, at.lab.control.server_id, at.lab.stack_id);
      const server_id = at.lab.control.server_id;
      const issued = await at.keeper.reissue({ grant: at.deployed[0].grant, server_id, enrolment_grant });
      if (issued.decision !== 'approved') throw new Error(issued.reason);
      return { ...at.deployed[0], grant: issued.grant };
    },
  ],
  [
    'the plan exchanged for one that shows less',
    'wrong_plan',
    async () => {
      const offer = await at.honest(await at.evil());
      return { ...offer, plan: { ...offer.plan, changes: [] } };
    },
  ],
  [
    'a document without the plan that was approved',
    'plan_missing',
    async () => ({ ...(await at.honest(await at.evil())), plan: null }),
  ],
  ['what is no answer at all', 'malformed', async () => ({ document: 'nonsense' })],
];

test.each(attacks)('%s is refused at the agent (%s), which tells it and goes on serving', async (_, reason, forge) => {
  const refusal = await at.refusalOf(await forge());
  expect(refusal.reason).toBe(reason);
  expect(refusal.message.length).toBeGreaterThan(20);
  await at.expectUntouched();
});

test('what was approved only in the rows of the database has no signature, and without one nothing runs', async () => {
  // The attacker asks as somebody who may not, writes "approved" into every row there is, and serves what the keeper denied.
  const document = await at.evil();
  const { stack_id, version } = document;
  const action = { kind: 'desired_state', stack_id, version, sha256: await desiredStateDigest(document) } as const;
  const actor = { ...owner, id: newId('user'), name: 'mallory', role: 'viewer' } as const;
  const { decision, plan } = await propose(at.keeper, { action, targets: ['control-plane'], document, actor });
  expect(decision.decision).not.toBe('approved');
  expect(decision).not.toHaveProperty('grant');
  const approvals = [{ actor: owner, verdict: 'approve', reason: null, at: Date.now() }];
  const rows = { state: 'approved', approvals, plan, document, sha256: action.sha256, key_changes: [] };
  expect((await at.refusalOf({ ...rows, grant: at.deployed[1].grant })).reason).toBe('tampered');
  await at.expectUntouched();
});

test('a grant that is replayed changes nothing, and no receipt but the first is told', async () => {
  const { receipt } = await at.agent.observe();
  for (const offer of [at.deployed[0], at.deployed[1], at.deployed[0]]) at.lab.control.offerRaw(offer);
  const beats = at.lab.control.received.heartbeats.length;
  await until(() => at.lab.control.received.heartbeats.length > beats + 2, 'some heartbeats');
  expect(at.lab.control.state()?.receipt).toEqual(receipt);
  await at.expectUntouched();
});

test("another server's enrolment is of no use: not for enrolling, and not for signatures of another stack", async () => {
  const theirs = { server_id: newId('server'), stack_id: newId('stack') };
  const enrolment_grant = await enrolmentGrant(at.keeper, theirs.server_id, theirs.stack_id);
  const document = await at.documentOf(1, 'evil', { stack_id: theirs.stack_id, stack: 'other' });
  const { grant } = await approvedOffer(at.keeper, document, theirs.server_id);
  const issued = await at.keeper.reissue({ grant, server_id: at.lab.control.server_id, enrolment_grant });
  expect(issued).toMatchObject({ decision: 'denied', reason: expect.stringMatching(/enrol/) });
  const swapped: StandInKeeper = { ...at.lab.control.keeper, sign: async () => enrolment_grant };
  const other = await createLab({ keeper: swapped });
  try {
    await expect(other.agent().start()).rejects.toThrow(/not signed as it must be/);
  } finally {
    await other.close();
  }
});

test('answers that never end and never repeat their ETag do not keep the agent busy', async () => {
  const offer = { ...at.deployed[1], document: await at.evil() };
  let polls = 0;
  const began_at = Date.now();
  at.lab.control.answerDesiredStateWith(() => ({ status: 200, etag: `"${++polls}"`, body: offer }));
  await until(() => polls >= 4, 'the agent to ask again');
  at.lab.control.answerDesiredStateWith(() => ({
    status: 200,
    etag: `"same"`,
    body: polls++ % 2 ? offer : at.deployed[1],
  }));
  await until(() => polls >= 8, 'the agent to ask again');
  at.lab.control.answerDesiredStateWith(() => {
    polls++;
    return { status: 304 };
  });
  await until(() => polls >= 10, 'the agent to ask again');
  // At most one question a second; a slow machine asks less.
  expect(polls).toBeLessThanOrEqual((Date.now() - began_at) / 1000 + 3);
  at.lab.control.answerDesiredStateWith(null);
  await at.expectUntouched();
});
