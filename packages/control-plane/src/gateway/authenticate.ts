/**
 * Who is asking: a bearer token, or the session cookie. A cookie speaks for a person only when the request comes from our
 * own pages, so that another site cannot use it.
 */
import { AppError } from '@mainstay/contract/errors';
import { type Authenticated, authenticatedBy } from '../access/access-store.ts';
import type { Context } from '../context.ts';

export const session_cookie = 'mainstay_session';

export function bearerOf(request: Request): string | null {
  return /^Bearer ([\x21-\x7e]{1,512})$/i.exec(request.headers.get('authorization') ?? '')?.[1] ?? null;
}

export function sessionOf(request: Request): string | null {
  const cookies = (request.headers.get('cookie') ?? '').split(/;\s*/);
  return cookies.find((cookie) => cookie.startsWith(`${session_cookie}=`))?.slice(session_cookie.length + 1) ?? null;
}

/** @throws AppError Unauthenticated for a token that does not hold, Forbidden for another site's page. */
export async function authenticate(context: Context, request: Request): Promise<Authenticated | null> {
  const now = context.clock.now();
  const bearer = bearerOf(request);
  if (bearer !== null) {
    const known = await authenticatedBy(context.store, 'token', bearer, now);
    if (!known)
      throw new AppError('Unauthenticated', 'The token is unknown, expired or revoked.', {
        hint: 'Check MAINSTAY_TOKEN.',
      });
    return known;
  }
  const session = sessionOf(request);
  if (session === null) return null;
  if (request.method !== 'GET' && request.method !== 'HEAD') checkSameOrigin(context, request);
  return authenticatedBy(context.store, 'session', session, now);
}

/**
 * Refuses what a page of another site sent: Fetch Metadata where the browser has it, else the Origin header, which must name
 * this host or, behind a reverse proxy that passes another, the public address.
 */
export function checkSameOrigin(context: Context, request: Request): void {
  const site = request.headers.get('sec-fetch-site');
  const origin = request.headers.get('origin');
  const same =
    site !== null ? site === 'same-origin' || site === 'none' : origin === null || isOurs(context, origin, request);
  if (!same) throw new AppError('Forbidden', 'This request was sent by a page of another site.');
}

function isOurs(context: Context, origin: string, request: Request): boolean {
  if (!URL.canParse(origin)) return false;
  const { host } = new URL(origin);
  return [request.headers.get('host') ?? new URL(request.url).host, new URL(context.public_url()).host].includes(host);
}
