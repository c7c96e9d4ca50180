/**
 * Whether a desired state may be acted on. In this order: its shape → its digest → the grant's signature by a pinned key,
 * target and expiry → that the grant allows exactly this document → nonce not seen → version higher than the accepted one →
 * the plan, whose hash is the granted one, shows this document's content, or names it as what the operation is taken back to (ADR 0027):
 * what people approved is what runs.
 * Nothing that the control plane says beside the grant counts.
 *
 * Which stack a server may run follows from the grant too: the keeper signs the ids of the servers that a document is for.
 * Enrolment is such a signature, and so is an assignment; a server that is named in neither gets no grant that names it.
 *
 * A document that names its targets is for those alone. To a server that runs its stack and is not among them it says that the stack has left
 * it: services stop, and data is kept. Any other server refuses it.
 *
 * What is accepted already is neither verified nor refused again, however old its grant has become: it is the agent's own.
 */
import type { DesiredStateResponse, Receipt } from '@mainstay/contract/agent-api';
import { canonicalJson } from '@mainstay/contract/canonical';
import { DesiredState } from '@mainstay/contract/desired-state';
import { invalidInput } from '@mainstay/contract/errors';
import { type Grant, verifyGrant } from '@mainstay/contract/grant';
import { type PinnedKeys, trustedKeys } from '@mainstay/contract/key-changes';
import { canonicalTexts } from '@mainstay/contract/plan';
import { nodeSignatures, sha256Of } from '@mainstay/runtime/signatures';
import type { DesiredStates, StoredState } from '../state/desired-states.ts';

export type Refusal = { version: number | null; reason: string; message: string };

export type Judgement =
  | { kind: 'accepted'; state: StoredState; grant: Grant }
  /** Nothing to do: the receipt of the first time, where it is still kept. */
  | { kind: 'known'; receipt: Receipt | null; grant: Grant | null; state: StoredState | null }
  | { kind: 'refused'; refusal: Refusal };

export type AcceptanceOptions = {
  server_id: string;
  keeper: PinnedKeys;
  desired: Pick<DesiredStates, 'accepted' | 'seen' | 'receipt' | 'highest'>;
  now_ms: number;
};

const clock_hint = 'Set this clock by NTP if it is off; otherwise deploy again.';

export async function judgeDesiredState(
  response: DesiredStateResponse | null,
  options: AcceptanceOptions,
): Promise<Judgement> {
  const { desired } = options;
  const parsed = DesiredState.safeParse(response?.document);
  const refuse = (reason: string, message: string): Judgement => ({
    kind: 'refused',
    refusal: { version: parsed.data?.version ?? null, reason, message: message.slice(0, 1_000) },
  });
  if (response === null) return refuse('malformed', 'The answer is not a desired state of the documented shape.');
  if (!parsed.success) return refuse('malformed', invalidInput(parsed.error, 'document').message);
  const document = parsed.data;
  const { stack_id, version } = document;
  const { plan } = response;
  const texts = canonicalTexts(document);
  const sha256 = sha256Of(texts.document);
  // Of the document as it was parsed, which is what is run: had parsing changed it, its digest were another than the signed one.
  if (sha256 !== response.sha256) return refuse('tampered', 'The document does not have the digest that came with it.');

  const accepted = desired.accepted();
  if (accepted && accepted.stack_id === stack_id && accepted.version === version && accepted.sha256 === sha256) {
    return { kind: 'known', receipt: desired.receipt(stack_id, version), grant: null, state: accepted };
  }

  const verified = await verifyGrant(response.grant, {
    keys: trustedKeys(options.keeper, options.now_ms),
    revoked: options.keeper.revoked,
    audience: options.server_id,
    now_ms: options.now_ms,
    signatures: nodeSignatures,
  });
  if (!verified.ok) {
    const about_clock = verified.reason === 'expired' || verified.reason === 'not_yet_valid';
    return refuse(verified.reason, about_clock ? `${verified.message} ${clock_hint}` : verified.message);
  }
  const { grant } = verified;
  const { action } = grant;
  if (action.kind !== 'desired_state')
    return refuse('wrong_action', 'The grant allows something else than a desired state.');
  if (action.sha256 !== sha256) return refuse('tampered', 'The document is not the one that the grant was signed for.');
  if (action.stack_id !== stack_id || action.version !== version)
    return refuse('wrong_action', 'The grant is for another stack or version.');

  const seen = desired.seen(grant.jti);
  if (seen?.sha256 === sha256) {
    return { kind: 'known', receipt: desired.receipt(seen.stack_id, seen.version), grant: null, state: null };
  }
  if (seen) return refuse('replayed', 'The grant was used before, for another document.');
  // A server that went to another stack and came back may be given again what it had, but nothing older.
  const highest = desired.highest(stack_id);
  const is_back = accepted?.stack_id !== stack_id && desired.receipt(stack_id, highest)?.sha256 === sha256;
  if (version < highest || (version === highest && !is_back)) {
    return refuse('lower_version', `Version ${version} is not higher than version ${highest}, which was accepted.`);
  }
  if (!plan) return refuse('plan_missing', 'The plan that was approved did not come with the document.');
  if (sha256Of(canonicalJson(plan)) !== grant.plan_hash)
    return refuse('wrong_plan', 'The plan is not the one that the grant was signed for.');
  // An operation that is taken back brings what its plan named for that.
  const content = sha256Of(texts.content);
  if (content !== plan.content_sha256 && content !== plan.undo_sha256)
    return refuse('wrong_plan', 'The document is not what the approved plan shows.');
  const is_target = document.targets?.includes(options.server_id) ?? true;
  if (!is_target && accepted?.stack_id !== stack_id)
    return refuse('wrong_target', 'The document is for other servers than this one.');
  const { operation_id } = grant;
  const state = {
    stack_id,
    version,
    sha256,
    operation_id,
    grant_jws: response.grant,
    document: is_target ? document : { ...document, services: {}, removed: { delete_data: false } },
    accepted_at: options.now_ms,
  };
  return { kind: 'accepted', state, grant };
}
