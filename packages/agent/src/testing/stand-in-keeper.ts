/** A stand-in for the keeper, for the agent's tests: it signs whatever a test says, with a real Ed25519 key. */
import { createPublicKey, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import type { ServerStateOffer } from '@mainstay/contract/agent-answers';
import type { DesiredStateResponse } from '@mainstay/contract/agent-api';
import { type DesiredState, desiredStateDigest } from '@mainstay/contract/desired-state';
import { type Grant, type GrantedAction, type KeeperKey, keeperKeyId } from '@mainstay/contract/grant';
import { newId } from '@mainstay/contract/ids';
import { type KeyChange, key_change_type } from '@mainstay/contract/key-changes';
import { contentDigest, planHash } from '@mainstay/contract/plan';
import { type ServerState, serverContentDigest, serverStateDigest } from '@mainstay/contract/server-state';
import { CompactSign } from 'jose';

export type StandInKeeper = {
  key: KeeperKey;
  sign(action: GrantedAction, over?: Partial<Grant>): Promise<string>;
  /** Signs a change of the keeper's keys, as the keeper does with the key that was current before it. */
  signKeyChange(change: Pick<KeyChange, 'seq' | 'current'> & Partial<KeyChange>): Promise<string>;
};

/** With a key of its own, or with one that is given. */
export async function createStandInKeeper(
  privateKey: KeyObject = generateKeyPairSync('ed25519').privateKey,
): Promise<StandInKeeper> {
  const x = createPublicKey(privateKey).export({ format: 'jwk' })['x'] as string;
  const kid = await keeperKeyId(x);
  return {
    key: { kty: 'OKP', crv: 'Ed25519', x, kid },
    async sign(action, over = {}) {
      const iat = Math.floor(Date.now() / 1000);
      const grant: Grant = {
        iss: 'mainstay-keeper',
        jti: randomBytes(16).toString('hex'),
        iat,
        exp: iat + 600,
        aud: [],
        operation: 'stacks.apply',
        operation_id: newId('operation'),
        plan_hash: '0'.repeat(64),
        actor: { kind: 'user', id: 'usr_1', name: 'owner', role: 'owner', proof: 'session' },
        action,
        ...over,
      };
      return new CompactSign(new TextEncoder().encode(JSON.stringify(grant)))
        .setProtectedHeader({ alg: 'EdDSA', kid })
        .sign(privateKey);
    },
    signKeyChange(over) {
      const at = Math.floor(Date.now() / 1000);
      const change: KeyChange = { iss: 'mainstay-keeper', kind: 'rotated', at, retiring: [], revoked: [], ...over };
      return new CompactSign(new TextEncoder().encode(JSON.stringify(change)))
        .setProtectedHeader({ alg: 'EdDSA', kid, typ: key_change_type })
        .sign(privateKey);
    },
  };
}

/** What a control plane offers: the document, the plan that shows it, and a grant over both. */
export async function signOffer(
  keeper: StandInKeeper,
  document: DesiredState,
  over: Partial<Grant>,
): Promise<DesiredStateResponse> {
  const sha256 = await desiredStateDigest(document);
  const { stack_id, stack, version } = document;
  const plan = {
    operation: 'stacks.apply',
    target: `stack/${stack}`,
    base: version - 1,
    changes: [],
    content_sha256: await contentDigest(document),
  };
  const action = { kind: 'desired_state', stack_id, version, sha256 } as const;
  const grant = await keeper.sign(action, { plan_hash: await planHash(plan), ...over });
  return { document, sha256, grant, plan, key_changes: [] };
}

/** The same for the state of a server. */
export async function signServerOffer(keeper: StandInKeeper, document: ServerState): Promise<ServerStateOffer> {
  const { server_id, version } = document;
  const sha256 = await serverStateDigest(document);
  const content_sha256 = await serverContentDigest(document);
  const plan = {
    operation: 'servers.drain',
    target: 'server/stand-in',
    base: version - 1,
    changes: [],
    content_sha256,
  };
  const action = { kind: 'server_state', server_id, version, sha256 } as const;
  const terms = { operation: plan.operation, aud: [server_id], plan_hash: await planHash(plan) };
  return { document, sha256, plan, grant: await keeper.sign(action, terms) };
}
