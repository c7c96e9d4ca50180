/**
 * Whether a server state may be acted on, in the order of reconciler/acceptance.ts: its digest → the grant's signature by a pinned key,
 * target and expiry → that the grant allows exactly this document on this server → a version higher than any that was taken →
 * the plan that was approved shows this document's content. Versions only rise, so that a grant works once.
 */
import type { ServerStateOffer } from '@mainstay/contract/agent-answers';
import { verifyGrant } from '@mainstay/contract/grant';
import { type PinnedKeys, trustedKeys } from '@mainstay/contract/key-changes';
import { planHash } from '@mainstay/contract/plan';
import { serverContentDigest, serverStateDigest } from '@mainstay/contract/server-state';
import type { ServerStates, StoredServerState } from '../state/server-states.ts';

export type ServerRefusal = { version: number; reason: string; message: string };

export type ServerJudgement =
  | { kind: 'accepted'; state: StoredServerState }
  | { kind: 'known' }
  | { kind: 'refused'; refusal: ServerRefusal };

export type ServerAcceptance = {
  server_id: string;
  keeper: PinnedKeys;
  states: Pick<ServerStates, 'accepted'>;
  now_ms: number;
};

export async function judgeServerState(offer: ServerStateOffer, options: ServerAcceptance): Promise<ServerJudgement> {
  const { document, plan } = offer;
  const { version } = document;
  const { server_id, now_ms, keeper } = options;
  const refuse = (reason: string, message: string): ServerJudgement => ({
    kind: 'refused',
    refusal: { version, reason, message: message.slice(0, 1_000) },
  });
  const sha256 = await serverStateDigest(document);
  if (sha256 !== offer.sha256) return refuse('tampered', 'The document does not have the digest that came with it.');
  const accepted = options.states.accepted();
  if (accepted?.version === version && accepted.sha256 === sha256) return { kind: 'known' };

  const keys = trustedKeys(keeper, now_ms);
  const verified = await verifyGrant(offer.grant, { keys, revoked: keeper.revoked, audience: server_id, now_ms });
  if (!verified.ok) return refuse(verified.reason, verified.message);
  const { action, plan_hash, operation_id } = verified.grant;
  if (action.kind !== 'server_state')
    return refuse('wrong_action', 'The grant allows something else than a server state.');
  if (action.sha256 !== sha256) return refuse('tampered', 'The document is not the one that the grant was signed for.');
  if (action.server_id !== server_id || document.server_id !== server_id || action.version !== version)
    return refuse('wrong_action', 'The grant is for another server or version.');
  const highest = accepted?.version ?? 0;
  if (version <= highest)
    return refuse('lower_version', `Version ${version} is not higher than version ${highest}, which was accepted.`);
  if ((await planHash(plan)) !== plan_hash)
    return refuse('wrong_plan', 'The plan is not the one that the grant was signed for.');
  const content = await serverContentDigest(document);
  if (plan.content_sha256 !== content && plan.contents?.[server_id] !== content)
    return refuse('wrong_plan', 'The document is not what the approved plan shows.');
  return { kind: 'accepted', state: { version, sha256, operation_id, document, accepted_at: now_ms } };
}
