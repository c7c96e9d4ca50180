/**
 * Enrolment: for a one-time token a server gets the keeper's keys and the signed grant that makes it one, and its credential counts
 * from then on. Whoever used the token may ask again, by the same credential, and gets the same answer: the first one may have been
 * lost on its way, or refused by a clock that was off. To everybody else a token that was used is worth nothing.
 */
import type { EnrolRequest, EnrolResponse } from '@mainstay/contract/agent-api';
import { AppError } from '@mainstay/contract/errors';
import type * as z from 'zod';
import { digestOfKey } from '../access/access-store.ts';
import type { Context } from '../context.ts';
import { insertEvent } from '../events/event-store.ts';
import { BatchConflict, isUniqueViolation } from '../store/store.ts';
import { updateServer } from './server-store.ts';

type Request = z.output<typeof EnrolRequest>;

const refused = (why: string) =>
  new AppError('Unauthenticated', `The enrolment token ${why}.`, {
    field: 'token',
    hint: 'Make a new one: mainstay servers invite NAME',
  });

/** @throws AppError Unauthenticated, Conflict; Unavailable while the keeper is away. */
export async function enrolServer(context: Context, request: Request): Promise<EnrolResponse> {
  const { store, keeper, clock } = context;
  const now = clock.now();
  const server = await invitedBy(context, request.token);
  if (server.invitation_jws === null) return answerAgain(context, server, request);
  if ((server.invitation_expires_at ?? 0) <= now) throw refused('has expired');
  const decision = await keeper.enrol({ invitation: server.invitation_jws, token: request.token });
  if (decision.decision === 'denied') throw refused(`is refused by the keeper: ${decision.reason}`);
  try {
    await store.batch([
      updateServer(store, server, {
        invitation_jws: null,
        credential_digest: digestOfKey(request.credential),
        enrolment_jws: decision.grant,
        enrolled_at: now,
        last_seen_at: now,
        online: 1,
      }),
      insertEvent(store, {
        kind: 'server.enrolled',
        severity: 'notice',
        message: `Server ${server.name} was enrolled (${request.facts.os}, ${request.facts.hostname}).`,
        at: now,
        server: server.name,
      }),
    ]);
  } catch (error) {
    if (isUniqueViolation(error)) {
      throw new AppError('Conflict', 'Another server has this credential.', {
        field: 'credential',
        hint: 'Is this machine a copy of that one? Start its agent on an empty home, so that it makes its own.',
      });
    }
    if (!(error instanceof BatchConflict)) throw error;
    // Another request used it at this very moment, perhaps of the same machine.
    return answerAgain(context, await invitedBy(context, request.token), request);
  }
  context.signals.notify('servers', 'stacks', 'events');
  return answer(context, server, decision.grant);
}

async function invitedBy({ store }: Context, token: string) {
  const digest = digestOfKey(token);
  const query = store.db.selectFrom('servers').selectAll().where('invitation_digest', '=', digest);
  const server = await query.executeTakeFirst();
  if (!server) throw refused('is not known');
  return server;
}

type Invited = Awaited<ReturnType<typeof invitedBy>>;

async function answerAgain(context: Context, server: Invited, { credential }: Request): Promise<EnrolResponse> {
  if (server.enrolment_jws === null || server.credential_digest !== digestOfKey(credential))
    throw refused('was used already');
  return answer(context, server, server.enrolment_jws);
}

async function answer({ keeper, clock }: Context, server: Invited, grant: string): Promise<EnrolResponse> {
  return {
    server_id: server.id,
    server: server.name,
    keeper_keys: await keeper.keys(),
    key_changes: await keeper.keyHistory(),
    enrolment_grant: grant,
    time_ms: clock.now(),
  };
}
