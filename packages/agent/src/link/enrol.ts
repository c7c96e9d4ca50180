/**
 * Enrolment: a one-time token against an identity. The token's second half pins the keeper's key before anything that the
 * control plane says is trusted; only that key is pinned, and what it signed itself as its successor, whatever else comes along.
 */
import { EnrolmentToken, EnrolResponse } from '@mainstay/contract/agent-answers';
import type { ServerFacts } from '@mainstay/contract/agent-api';
import { AppError } from '@mainstay/contract/errors';
import { keeperKeyId, verifyGrant } from '@mainstay/contract/grant';
import { applyKeyChanges, pinKey, trustedKeys } from '@mainstay/contract/key-changes';
import type { Identity } from '../state/identity.ts';
import type { LinkClient } from './http.ts';

export type EnrolOptions = {
  client: LinkClient;
  control_plane_url: string;
  token: string;
  agent_version: string;
  facts: ServerFacts;
  now: () => number;
};

/** Enrols this server. Throws AppError; the token is spent only when the control plane accepted it. */
export async function enrol(options: EnrolOptions): Promise<Identity> {
  const token = options.token.trim();
  if (!EnrolmentToken.safeParse(token).success) {
    throw new AppError('InvalidInput', 'The enrolment token is not of the form mst_<secret>.<key id>.', {
      field: 'token',
      hint: 'Copy it whole from `mainstay servers invite`.',
    });
  }
  const pinned_kid = token.slice(token.indexOf('.') + 1);
  const { body } = await options.client.send({
    method: 'POST',
    path: '/agent/v1/enrol',
    body: { token, agent_version: options.agent_version, facts: options.facts },
  });
  const answer = EnrolResponse.safeParse(body);
  if (!answer.success) throw new AppError('Internal', 'The answer to the enrolment is not of the documented shape.');
  const { server_id, server, credential, keeper_keys, key_changes, enrolment_grant } = answer.data;

  const key = keeper_keys.find((candidate) => candidate.kid === pinned_kid);
  if (!key || (await keeperKeyId(key.x)) !== pinned_kid) {
    throw new AppError('Forbidden', 'The control plane shows another keeper key than the token names.', {
      hint: 'Somebody may stand between this machine and the control plane. Check the URL, and make a new token.',
    });
  }
  const { pinned } = await applyKeyChanges(pinKey(key), key_changes);
  if (pinned.revoked.includes(pinned_kid)) {
    throw new AppError('Forbidden', 'The token names a key of the keeper that was revoked since.', {
      hint: 'Make a new token, and enrol with that.',
    });
  }
  const now_ms = options.now();
  const keys = trustedKeys(pinned, now_ms);
  const verified = await verifyGrant(enrolment_grant, { keys, audience: server_id, now_ms });
  if (!verified.ok) {
    throw new AppError('Forbidden', `The enrolment is not signed as it must be: ${verified.message}`, {
      hint:
        verified.reason === 'expired' || verified.reason === 'not_yet_valid'
          ? 'Set the clock of this machine (NTP), and enrol again.'
          : 'Check the URL of the control plane, and make a new token.',
    });
  }
  const { action } = verified.grant;
  if (action.kind !== 'enrolment' || action.server_id !== server_id)
    throw new AppError('Forbidden', 'The grant that came with the enrolment does not enrol this server.');
  return {
    server_id,
    server,
    credential,
    control_plane_url: options.control_plane_url,
    keeper: pinned,
    enrolment_grant,
    stack_id: action.stack_id,
  };
}
