/**
 * Servers that were removed: what their agents are told when they call. A credential that is not known is refused, and its agent goes on calling;
 * of one that was removed there is a grant of the keeper's, by which its agent knows that it need not call again.
 */
import { AppError } from '@mainstay/contract/errors';
import { Hono } from 'hono';
import { digestOfKey } from '../access/access-store.ts';
import type { Context } from '../context.ts';
import { bearerOf } from '../gateway/authenticate.ts';
import type { Statement, Store } from '../store/store.ts';
import { enrolmentGrant, type ServerRow } from './server-store.ts';

/** An agent that has not called for so long is not told any more. */
const told_for_ms = 400 * 86_400_000;
const kept_max = 10_000;

/** Keeps what its agent is to be told; nothing of one that never enrolled. */
export async function rememberRemoval(
  store: Store,
  server: ServerRow,
  grant: string,
  now: number,
): Promise<Statement[]> {
  const enrolment_jws = await enrolmentGrant(store, server.id);
  const { credential_digest, id: server_id } = server;
  if (credential_digest === null || enrolment_jws === null) return [];
  const row = { credential_digest, server_id, grant_jws: grant, enrolment_jws, removed_at: now };
  return [{ query: store.db.insertInto('removed_servers').values(row) }];
}

/** GET /removal: the grant by which the server of this credential was removed, signed a moment ago. */
export function removalRoutes({ store, keeper }: Context): Hono {
  const app = new Hono();
  app.get('/removal', async ({ req }) => {
    const credential = bearerOf(req.raw);
    const query = store.db.selectFrom('removed_servers').selectAll();
    const row =
      credential === null
        ? undefined
        : await query.where('credential_digest', '=', digestOfKey(credential)).executeTakeFirst();
    if (!row) throw new AppError('NotFound', 'No server with this credential was removed.');
    const { grant_jws, server_id, enrolment_jws } = row;
    const issued = await keeper.reissue({ grant: grant_jws, server_id, enrolment_grant: enrolment_jws });
    if (issued.decision === 'denied') throw new AppError('NotFound', `The keeper does not say so: ${issued.reason}`);
    return Response.json({ grant: issued.grant });
  });
  return app;
}

export async function pruneRemoved(store: Store, now: number): Promise<void> {
  const newest = store.db.selectFrom('removed_servers').select('credential_digest').orderBy('removed_at', 'desc');
  await store.db
    .deleteFrom('removed_servers')
    .where((e) =>
      e.or([e('removed_at', '<', now - told_for_ms), e('credential_digest', 'not in', newest.limit(kept_max))]),
    )
    .execute();
}
