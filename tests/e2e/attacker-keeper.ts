/**
 * The honest half of the attacker's tests: the real keeper, and what a control plane that is not taken over asks of it. What it
 * signs here is all that an attacker can get hold of; the key itself stays in the keeper's folder.
 */
import { createHash } from 'node:crypto';
import type { DesiredStateResponse } from '@mainstay/contract/agent-api';
import { type DesiredState, desiredStateDigest } from '@mainstay/contract/desired-state';
import type { GrantedAction } from '@mainstay/contract/grant';
import { newId } from '@mainstay/contract/ids';
import {
  contentDigest,
  type Decision,
  type KeeperApi,
  keeperOperations,
  type PlanBody,
  signing_key_target,
} from '@mainstay/contract/keeper-api';
import type { Actor } from '@mainstay/contract/operation';

export const owner: Actor = { kind: 'user', id: newId('user'), name: 'owner', role: 'owner', proof: 'session' };

type Asked = {
  action: GrantedAction;
  targets: string[];
  operation?: string;
  target?: string;
  document?: DesiredState;
  actor?: Actor;
};

/** What the keeper says to a proposal, and the plan that it was about. */
export async function propose(keeper: KeeperApi, asked: Asked): Promise<{ plan: PlanBody; decision: Decision }> {
  const { action, targets, document = null, actor = owner, operation = 'stacks.apply' } = asked;
  const plan: PlanBody = {
    operation,
    target: asked.target ?? (document ? `stack/${document.stack}` : 'server/local'),
    base: document ? document.version - 1 : 0,
    changes: [{ action: 'update', path: 'services' }],
    content_sha256: document ? await contentDigest(document) : null,
  };
  const decision = await keeper.decide({
    operation_id: newId('operation'),
    actor,
    plan,
    action,
    document,
    basis: null,
    targets,
    about: { sources: [], servers: [], stack: document?.stack ?? null, environment: null },
    proof: null,
  });
  return { plan, decision };
}

function granted(decision: Decision): string {
  if (decision.decision !== 'approved') throw new Error(`the keeper said ${JSON.stringify(decision)}`);
  return decision.grant;
}

/** A document as the owner deploys it: approved, and signed for a server that is enrolled for its stack. */
export async function approvedOffer(
  keeper: KeeperApi,
  document: DesiredState,
  server_id: string,
): Promise<DesiredStateResponse> {
  const sha256 = await desiredStateDigest(document);
  const { stack_id, version } = document;
  const action = { kind: 'desired_state', stack_id, version, sha256 } as const;
  const { plan, decision } = await propose(keeper, { action, targets: ['control-plane'], document });
  const enrolment_grant = await enrolmentGrant(keeper, server_id, stack_id);
  const issued = await keeper.reissue({ grant: granted(decision), server_id, enrolment_grant });
  if (issued.decision !== 'approved') throw new Error(`the keeper said ${JSON.stringify(issued)}`);
  return { document, sha256, grant: issued.grant, plan, key_changes: await keeper.keyHistory() };
}

/** Something that is no desired state, signed for a target. */
export async function approvedGrant(keeper: KeeperApi, asked: Asked): Promise<string> {
  return granted((await propose(keeper, asked)).decision);
}

/** The grant that enrols a server, for a stack or for none. */
export async function enrolmentGrant(keeper: KeeperApi, server_id: string, stack_id: string | null): Promise<string> {
  const token = `mst_${'a'.repeat(43)}.${(await keeper.keys())[0]!.kid}`;
  const token_sha256 = createHash('sha256').update(token).digest('hex');
  const action = { kind: 'invitation', server_id, token_sha256, stack_id } as const;
  const invitation = await approvedGrant(keeper, { action, targets: ['control-plane'], operation: 'servers.invite' });
  const issued = await keeper.enrol({ invitation, token });
  if (issued.decision !== 'approved') throw new Error(`the keeper said ${JSON.stringify(issued)}`);
  return issued.grant;
}

/** Changes the signing key, and ends the trust in the one before. */
export async function replaceKey(keeper: KeeperApi): Promise<void> {
  const before = (await keeper.keys())[0]!.kid;
  const decided = (operation: string, target: string) =>
    approvedGrant(keeper, { action: { kind: 'control_plane' }, targets: ['control-plane'], operation, target });
  await keeper.rotateSigningKey({ grant: await decided(keeperOperations.rotate, signing_key_target) });
  await keeper.revokeSigningKey({ grant: await decided(keeperOperations.revoke, `${signing_key_target}/${before}`) });
}
