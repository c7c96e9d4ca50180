/** Enrolment: a one-time token becomes a credential, the keeper's keys, and the signed grant that makes this server one. */
import { randomBytes } from 'node:crypto';
import type { EnrolRequest, EnrolResponse } from '@mainstay/contract/agent-api';
import { AppError } from '@mainstay/contract/errors';
import type * as z from 'zod';
import { digestOfKey } from '../access/access-store.ts';
import type { Context } from '../context.ts';
import { insertEvent } from '../events/event-store.ts';
import { batchOrConflict } from '../store/store.ts';
import { updateServer } from './server-store.ts';

export async function enrolServer(context: Context, request: z.output<typeof EnrolRequest>): Promise<EnrolResponse> {
  const { store, keeper, clock } = context;
  const now = clock.now();
  const server = await store.db
    .selectFrom('servers')
    .selectAll()
    .where('invitation_digest', '=', digestOfKey(request.token))
    .executeTakeFirst();
  const refuse = (why: string) =>
    new AppError('Unauthenticated', `The enrolment token ${why}.`, {
      field: 'token',
      hint: 'Make a new one: mainstay servers invite NAME',
    });
  if (!server) throw refuse('is not known');
  if (server.invitation_jws === null) throw refuse('was used already');
  if ((server.invitation_expires_at ?? 0) <= now) throw refuse('has expired');
  const decision = await keeper.enrol({ invitation: server.invitation_jws, token: request.token });
  if (decision.decision === 'denied') throw refuse(`is refused by the keeper: ${decision.reason}`);
  const credential = `mag_${randomBytes(32).toString('base64url')}`;
  await batchOrConflict(
    store,
    [
      updateServer(store, server, {
        invitation_jws: null,
        credential_digest: digestOfKey(credential),
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
    ],
    'The enrolment token was used at this very moment by another request.',
  );
  context.signals.notify('servers', 'stacks', 'events');
  return {
    server_id: server.id,
    server: server.name,
    credential,
    keeper_keys: await keeper.keys(),
    key_changes: await keeper.keyHistory(),
    enrolment_grant: decision.grant,
    time_ms: now,
  };
}
