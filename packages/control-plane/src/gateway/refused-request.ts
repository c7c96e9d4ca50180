/** What of a refused request goes on record: from where, why, what was asked for, and whose it was where that is known. Never a key. */
import { getConnInfo } from '@hono/node-server/conninfo';
import type { AppError } from '@mainstay/contract/errors';
import type { Context as HonoContext } from 'hono';
import { routePath } from 'hono/route';
import { ownerOfKey } from '../access/access-store.ts';
import type { Refusal } from '../access/refusals.ts';
import type { Context } from '../context.ts';
import { authenticate, bearerOf, sessionOf } from './authenticate.ts';

/** Null for what is no refusal, and for who showed nothing at all: every page asks once before somebody has signed in. */
export async function refusalOf(
  context: Context,
  error: AppError,
  c: HonoContext,
  operation: string | null,
): Promise<Refusal | null> {
  const request = c.req.raw;
  const path = routePath(c);
  const reason = reasonOf(error, request, path);
  if (reason === null) return null;
  // Who is known was proven by what the request holds; a page of another site stands for nobody.
  const known = reason === 'forbidden' ? await authenticate(context, request).catch(() => null) : null;
  return {
    source: addressOf(c),
    reason,
    operation,
    // One server with a credential that ended knocks at all of them.
    route: reason === 'server_credential' ? '/agent/v1/*' : path,
    actor: known?.actor ?? null,
    async more() {
      const key = reason === 'token' ? bearerOf(request) : reason === 'session' ? sessionOf(request) : null;
      const of = key === null ? null : await ownerOfKey(context.store, key);
      const forwarded = request.headers.get('x-forwarded-for')?.split(',').at(-1)?.trim().slice(0, 64);
      return {
        message: error.message,
        ...(of === null ? {} : { ended_key: of.id, key_of: of.user }),
        // What the request says, or the reverse proxy before Mainstay.
        ...(forwarded ? { forwarded_for: forwarded } : {}),
      };
    },
  };
}

export function addressOf(c: HonoContext): string | null {
  return c.env?.incoming === undefined ? null : (getConnInfo(c).remote.address ?? null);
}

function reasonOf({ code }: AppError, request: Request, path: string): Refusal['reason'] | null {
  if (code === 'RateLimited') return 'too_many_tries';
  if (code === 'Forbidden') return 'forbidden';
  if (path.startsWith('/webhooks/')) return code === 'NotFound' || code === 'Unauthenticated' ? 'webhook' : null;
  if (code !== 'Unauthenticated') return null;
  if (path.startsWith('/auth/')) return 'sign_in_link';
  if (path === '/agent/v1/enrol') return 'enrolment_token';
  if (bearerOf(request) !== null) return path.startsWith('/agent/') ? 'server_credential' : 'token';
  return sessionOf(request) !== null && !path.startsWith('/agent/') ? 'session' : null;
}
