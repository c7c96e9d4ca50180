/** Proposals and people made for tests: real keys, real signatures, real documents. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { desiredStateDigest } from '@mainstay/contract/desired-state';
import { newId } from '@mainstay/contract/ids';
import { contentDigest, type Proposal, planHash, type Word } from '@mainstay/contract/keeper-api';
import type { Actor, Role } from '@mainstay/contract/operation';
import { type PersonKey, type ProofStatement, personKeyId } from '@mainstay/contract/proof';
import { desiredState } from '@mainstay/contract/testing/desired-state';
import { CompactSign } from 'jose';

export type Person = Awaited<ReturnType<typeof makePerson>>;

/** Somebody with a key of their own; P-256 as browsers have it, or Ed25519 as the CLI has it. */
export async function makePerson(name: string, role: Role, curve: 'Ed25519' | 'P-256' = 'Ed25519') {
  const { privateKey, publicKey } =
    curve === 'Ed25519' ? generateKeyPairSync('ed25519') : generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const jwk = publicKey.export({ format: 'jwk' });
  const key = (
    curve === 'Ed25519' ? { kty: 'OKP', crv: curve, x: jwk['x'] } : { kty: 'EC', crv: curve, x: jwk['x'], y: jwk['y'] }
  ) as PersonKey;
  const id = newId('user');
  const key_id = await personKeyId(key);
  const actor: Actor = { kind: 'user', id, name, role, proof: 'session' };
  return {
    id,
    name,
    role,
    key,
    key_id,
    actor,
    registration: { user_id: id, user_name: name, role, name: `${name}'s laptop`, key },
    sign(statement: Partial<ProofStatement> & Pick<ProofStatement, 'says' | 'about'>, now_ms: number): Promise<string> {
      const whole: ProofStatement = {
        user_id: id,
        operation_id: null,
        iat: Math.floor(now_ms / 1000),
        jti: randomBytes(16).toString('hex'),
        ...statement,
      };
      return new CompactSign(new TextEncoder().encode(JSON.stringify(whole)))
        .setProtectedHeader({ alg: curve === 'Ed25519' ? 'EdDSA' : 'ES256', kid: key_id })
        .sign(privateKey);
    },
  };
}

/** A deploy of stack `shop`, which the actor proposes. */
export async function deployProposal(actor: Actor, change: Partial<Proposal> = {}): Promise<Proposal> {
  const document = desiredState({ version: 2 });
  return {
    operation_id: newId('operation'),
    actor,
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

/** A change inside the control plane, such as `servers.remove`. */
export function plainProposal(
  actor: Actor,
  operation: string,
  target: string,
  change: Partial<Proposal> = {},
): Proposal {
  return {
    operation_id: newId('operation'),
    actor,
    plan: { operation, target, base: 1, changes: [{ action: 'delete', path: target }], content_sha256: null },
    action: { kind: 'control_plane' },
    document: null,
    basis: null,
    targets: ['control-plane'],
    about: { sources: [], servers: [], stack: null, environment: null },
    proof: null,
    ...change,
  };
}

/** What somebody says of a proposal. */
export async function wordOn(
  proposal: Proposal,
  verdict: Word['verdict'],
  actor: Actor,
  change: Partial<Word> = {},
): Promise<Word> {
  const { operation_id } = proposal;
  return {
    operation_id,
    verdict,
    actor,
    plan_hash: await planHash(proposal.plan),
    reason: null,
    proof: null,
    ...change,
  };
}
