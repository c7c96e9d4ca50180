import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DesiredService, type DesiredState, desiredStateDigest } from '@mainstay/contract/desired-state';
import { verifyGrant } from '@mainstay/contract/grant';
import { newId } from '@mainstay/contract/ids';
import { contentDigest, type Decision, type Issued, type Proposal } from '@mainstay/contract/keeper-api';
import type { Actor } from '@mainstay/contract/operation';
import { ServiceSpec } from '@mainstay/contract/stack';
import { desiredState } from '@mainstay/contract/testing/desired-state';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createKeeper, grant_lifetime_seconds } from './keeper.ts';

const owner: Actor = { kind: 'user', id: newId('user'), name: 'owner', role: 'owner', proof: 'token' };
const poller: Actor = { kind: 'system', id: 'ref-poller', name: 'ref poller', role: null, proof: 'none' };
const server_id = newId('server');
let directory: string;
let now = 1_760_000_000_000;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'mainstay-keeper-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const keeperOf = () => createKeeper({ directory, now: () => now });

async function deployProposal(change: Partial<Proposal> = {}): Promise<Proposal> {
  const document = desiredState({ version: 2 });
  return {
    operation_id: newId('operation'),
    actor: owner,
    plan: {
      operation: 'stacks.deploy',
      target: 'stack/shop',
      base: 1,
      changes: [{ action: 'update', path: 'services.api.commit', from: 'a', to: 'b' }],
      content_sha256: await contentDigest(document),
    },
    action: {
      kind: 'desired_state',
      stack_id: document.stack_id,
      version: 2,
      sha256: await desiredStateDigest(document),
    },
    document,
    basis: null,
    targets: ['control-plane'],
    about: { sources: [], servers: [{ name: 'web1', labels: {} }], stack: 'shop', environment: null },
    proof: null,
    ...change,
  };
}

function withService(document: DesiredState, change: { commit?: string; run?: string }): DesiredState {
  const { commit = 'a'.repeat(40), run = 'node server.js' } = change;
  const spec = ServiceSpec.parse({ source: { git: '/srv/git' }, run });
  const service: DesiredService = {
    release_id: `rel_${commit.slice(0, 24)}`,
    build_id: `bld_${commit.slice(0, 24)}`,
    source: { git: '/srv/git', ref: 'main', commit, root: '.', credential: null },
    build: null,
    run,
    port: null,
    route: null,
    env: {},
    secrets: {},
    health: spec.health,
    replicas: 1,
    limits: spec.limits,
    drain_timeout_seconds: 30,
    stop_timeout_seconds: 10,
    restarts_requested: 0,
  };
  return { ...document, services: { api: service } };
}

async function proposalFor(document: DesiredState, version: number, actor: Actor, basis: Proposal['basis']) {
  const next = { ...document, version };
  const base = await deployProposal({ actor, document: next, basis });
  const action = {
    kind: 'desired_state' as const,
    stack_id: next.stack_id,
    version,
    sha256: await desiredStateDigest(next),
  };
  return { ...base, action, plan: { ...base.plan, content_sha256: await contentDigest(next) } };
}

function grantOf(decision: Decision | Issued): string {
  if (decision.decision !== 'approved') throw new Error(JSON.stringify(decision));
  return decision.grant;
}

describe('the keeper', () => {
  it('signs what the owner asks for, so that the target can verify it', async () => {
    const keeper = await keeperOf();
    const proposal = await deployProposal();
    const grant = grantOf(await keeper.decide(proposal));
    const verified = await verifyGrant(grant, { keys: await keeper.keys(), audience: 'control-plane', now_ms: now });
    expect(verified).toMatchObject({
      ok: true,
      grant: { operation_id: proposal.operation_id, action: proposal.action },
    });
  });

  it.each([
    ['another target', { audience: newId('server') }, 'wrong_target'],
    ['a later time', { now_ms: now + (grant_lifetime_seconds + 61) * 1000 }, 'expired'],
    ['a clock that is behind', { now_ms: now - 61_000 }, 'not_yet_valid'],
    ['a key that is not pinned', { keys: [] }, 'unknown_key'],
  ])('makes grants that do not hold for %s', async (_, difference, reason) => {
    const keeper = await keeperOf();
    const grant = grantOf(await keeper.decide(await deployProposal()));
    const verified = await verifyGrant(grant, {
      keys: await keeper.keys(),
      audience: 'control-plane',
      now_ms: now,
      ...difference,
    });
    expect(verified).toMatchObject({ ok: false, reason });
  });

  it('makes grants of which no character can be changed', async () => {
    const keeper = await keeperOf();
    const grant = grantOf(await keeper.decide(await deployProposal()));
    const [header, payload, signature] = grant.split('.') as [string, string, string];
    const forged = Buffer.from(payload, 'base64url').toString().replace('"version":2', '"version":3');
    const altered = [header, Buffer.from(forged).toString('base64url'), signature].join('.');
    const verified = await verifyGrant(altered, { keys: await keeper.keys(), audience: 'control-plane', now_ms: now });
    expect(verified).toMatchObject({ ok: false, reason: 'bad_signature' });
  });

  it('denies a document that is not the one of the plan', async () => {
    const keeper = await keeperOf();
    const proposal = await deployProposal();
    const document = { ...proposal.document!, proxy: { port: 9999, bind: 'public' as const } };
    const anew = () => ({ ...proposal, operation_id: newId('operation') });
    expect(await keeper.decide({ ...anew(), document })).toMatchObject({ decision: 'denied' });
    const action = { ...proposal.action, sha256: await desiredStateDigest(document) } as Proposal['action'];
    expect(await keeper.decide({ ...anew(), document, action })).toMatchObject({ decision: 'denied' });
  });

  it('lets the ref poller move commits away from what it signed itself, and nothing else', async () => {
    const keeper = await keeperOf();
    const first = await deployProposal();
    const basis = { document: withService(first.document!, {}), grant: '' };
    const signed = await proposalFor(basis.document, 2, owner, null);
    basis.grant = grantOf(await keeper.decide(signed));
    const moved = withService(basis.document, { commit: 'b'.repeat(40) });
    expect(await keeper.decide(await proposalFor(moved, 3, poller, basis))).toMatchObject({ decision: 'approved' });
    const other = withService(basis.document, { run: 'evil' });
    expect(await keeper.decide(await proposalFor(other, 3, poller, basis))).toMatchObject({ decision: 'denied' });
    // A basis that was changed in the database is not the one that was signed.
    const forged = { document: other, grant: basis.grant };
    expect(await keeper.decide(await proposalFor(other, 3, poller, forged))).toMatchObject({ decision: 'denied' });
    expect(await keeper.decide(await proposalFor(moved, 3, poller, null))).toMatchObject({ decision: 'denied' });
  });

  it('denies an owner who was not proven', async () => {
    const keeper = await keeperOf();
    expect(await keeper.decide(await deployProposal({ actor: { ...owner, proof: 'none' } }))).toMatchObject({
      decision: 'denied',
    });
  });

  it('enrols only with the token of an invitation that it signed', async () => {
    const keeper = await keeperOf();
    const token = 'mst_secret';
    const { createHash } = await import('node:crypto');
    const token_sha256 = createHash('sha256').update(token).digest('hex');
    const base = await deployProposal();
    const invitation = grantOf(
      await keeper.decide({
        ...base,
        operation_id: newId('operation'),
        plan: { ...base.plan, operation: 'servers.invite' },
        document: null,
        targets: ['control-plane'],
        action: { kind: 'invitation', server_id, token_sha256, stack_id: null },
      }),
    );
    expect(await keeper.enrol({ invitation, token: 'mst_other' })).toMatchObject({ decision: 'denied' });
    expect(await keeper.enrol({ invitation: grantOf(await keeper.decide(base)), token })).toMatchObject({
      decision: 'denied',
    });
    const enrolment = grantOf(await keeper.enrol({ invitation, token }));
    const verified = await verifyGrant(enrolment, { keys: await keeper.keys(), audience: server_id, now_ms: now });
    expect(verified).toMatchObject({ ok: true, grant: { action: { kind: 'enrolment', server_id } } });
    expect(await keeper.reissue({ grant: invitation, server_id, enrolment_grant: enrolment })).toMatchObject({
      decision: 'denied',
    });
  });

  it('reissues an expired grant to a server that is enrolled for its stack, and to no other', async () => {
    const keeper = await keeperOf();
    const proposal = await deployProposal();
    const grant = grantOf(await keeper.decide(proposal));
    const enrol = async (stack_id: string) =>
      grantOf(
        await keeper.decide({
          ...proposal,
          operation_id: newId('operation'),
          plan: { ...proposal.plan, operation: 'servers.assign' },
          document: null,
          action: { kind: 'enrolment', server_id, stack_id },
        }),
      );
    const enrolment_grant = await enrol(proposal.document!.stack_id);
    now += 2 * grant_lifetime_seconds * 1000;
    const again = grantOf(await keeper.reissue({ grant, server_id, enrolment_grant }));
    expect(await verifyGrant(again, { keys: await keeper.keys(), audience: server_id, now_ms: now })).toMatchObject({
      ok: true,
    });
    for (const request of [
      { grant, server_id, enrolment_grant: '' },
      { grant, server_id: newId('server'), enrolment_grant },
      { grant, server_id, enrolment_grant: await enrol(newId('stack')) },
    ]) {
      expect(await keeper.reissue(request)).toMatchObject({ decision: 'denied' });
    }
  });

  it('keeps one key, in a file that only its owner can read', async () => {
    const first = await (await keeperOf()).keys();
    const second = await (await keeperOf()).keys();
    expect(second).toEqual(first);
    const path = join(directory, 'keys', `${first[0]!.kid}.pem`);
    expect(readdirSync(join(directory, 'keys'))).toEqual([`${first[0]!.kid}.pem`]);
    expect(readFileSync(path, 'utf8')).toContain('PRIVATE KEY');
    for (const file of [path, join(directory, 'ledger.db')]) expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('takes over the key of an earlier version', async () => {
    const { privateKey } = generateKeyPairSync('ed25519');
    const pem = privateKey.export({ format: 'pem', type: 'pkcs8' }) as string;
    writeFileSync(join(directory, 'signing-key.pem'), pem, { mode: 0o600 });
    const keeper = await keeperOf();
    const x = createPublicKey(privateKey).export({ format: 'jwk' })['x'];
    expect((await keeper.keys())[0]?.x).toBe(x);
    expect(await keeper.alerts()).toEqual([]);
    expect(readdirSync(directory)).not.toContain('signing-key.pem');
  });

  it('says so when its key is damaged, and makes no new one', async () => {
    writeFileSync(join(directory, 'signing-key.pem'), 'not a key', { mode: 0o600 });
    await expect(keeperOf()).rejects.toThrow(/damaged/);
    expect(readFileSync(join(directory, 'signing-key.pem'), 'utf8')).toBe('not a key');
  });
});
