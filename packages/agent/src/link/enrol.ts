/**
 * Enrolment: a one-time token against an identity. The token's second half pins the keeper's key before anything that the
 * control plane says is trusted; only that key is pinned, and what it signed itself as its successor, whatever else comes along.
 *
 * The agent makes its credential itself, and by it asks again when an answer was lost or could not be taken: the token is spent on this
 * credential, not on the first answer.
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
  /** Of this agent's own making. The same for every attempt with a token. */
  credential: string;
  agent_version: string;
  facts: ServerFacts;
  now: () => number;
};

/** Enrols this server. Throws AppError; asked again with the same token and credential, the control plane gives the same answer. */
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
    body: { token, credential: options.credential, agent_version: options.agent_version, facts: options.facts },
  });
  const answer = EnrolResponse.safeParse(body);
  if (!answer.success) throw new AppError('Internal', 'The answer to the enrolment is not of the documented shape.');
  const { server_id, server, keeper_keys, key_changes, enrolment_grant, time_ms } = answer.data;

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
    const isOfTime = verified.reason === 'expired' || verified.reason === 'not_yet_valid';
    if (isOfTime) throw refusedByTime(verified.message, now_ms, time_ms);
    throw new AppError('Forbidden', `The enrolment is not signed as it must be: ${verified.message}`, {
      hint: 'Check the URL of the control plane, and make a new token.',
    });
  }
  const { action } = verified.grant;
  if (action.kind !== 'enrolment' || action.server_id !== server_id)
    throw new AppError('Forbidden', 'The grant that came with the enrolment does not enrol this server.');
  return {
    server_id,
    server,
    credential: options.credential,
    control_plane_url: options.control_plane_url,
    keeper: pinned,
    enrolment_grant,
    stack_id: action.stack_id,
  };
}

/** Clocks that are less apart are no reason for a grant to be refused, milliseconds: the tolerance of grants. */
const apart_ms = 60_000;

/** What is wrong with the time, and what to do: mostly a clock that is off, and then whose. */
function refusedByTime(reason: string, now_ms: number, control_plane_ms: number): AppError {
  const behind_ms = control_plane_ms - now_ms;
  if (Math.abs(behind_ms) <= apart_ms) {
    return new AppError('Forbidden', `The enrolment cannot be taken: ${reason}`, {
      hint: 'The clocks of this machine and of the control plane agree. Set that of the keeper (NTP), remove the server, and invite it anew.',
    });
  }
  const [seconds, side] = [Math.round(Math.abs(behind_ms) / 1000), behind_ms > 0 ? 'behind' : 'ahead of'];
  const [here, there] = [now_ms, control_plane_ms].map((ms) => new Date(ms).toISOString());
  return new AppError(
    'Forbidden',
    `The clock of this machine is ${seconds} s ${side} that of the control plane (${here} here, ${there} there). ${reason} Nothing was enrolled here.`,
    {
      hint: 'Set this clock by NTP (timedatectl set-ntp true), and start the agent again: for an hour the same token still works.',
    },
  );
}
