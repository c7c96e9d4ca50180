/** Signing in with a one-time link, and out again. The link's key comes in the body: it stood behind the # of the link. */
import { AppError } from '@mainstay/contract/errors';
import { Hono } from 'hono';
import * as z from 'zod';
import { authenticatedBy, endSession, session_lifetime_ms, useSignInLink } from '../access/access-store.ts';
import { auditEntry, type NewAuditEntry } from '../audit/audit-entry.ts';
import type { Context } from '../context.ts';
import { insertEvent, type NewEvent } from '../events/event-store.ts';
import { checkSameOrigin, session_cookie, sessionOf } from './authenticate.ts';
import { createRateLimit } from './rate-limit.ts';
import { jsonBody } from './request-input.ts';

const SignIn = z.strictObject({ key: z.string().min(1).max(256) });

export function signInRoutes(context: Context): Hono {
  const limit = createRateLimit(context.clock, 30);
  const app = new Hono();
  const cookie = (value: string, age_seconds: number) => {
    const secure = context.public_url().startsWith('https:') ? '; Secure' : '';
    return `${session_cookie}=${value}; Path=${context.prefix || '/'}; HttpOnly; SameSite=Lax; Max-Age=${age_seconds}${secure}`;
  };

  app.post('/sign-in', async ({ req }) => {
    checkSameOrigin(context, req.raw);
    limit.take();
    const input = SignIn.safeParse(await jsonBody(req.raw, 4_096));
    const now = context.clock.now();
    const signedIn = input.success
      ? await useSignInLink(context.store, input.data.key, now, req.header('user-agent') ?? null)
      : null;
    const event: NewEvent = signedIn
      ? {
          kind: 'access.signed_in',
          message: `${signedIn.user.name} signed in with a link.`,
          actor: signedIn.user.name,
          at: now,
        }
      : {
          kind: 'access.refused',
          severity: 'warning',
          message: 'A sign-in link was refused: unknown, used or expired.',
          at: now,
        };
    const known = signedIn && (await authenticatedBy(context.store, 'session', signedIn.key, now));
    const entry: NewAuditEntry | null = known && {
      ...{ kind: 'access.signed_in', at: now, actor: known.actor, outcome: 'succeeded' },
      data: { by: 'sign_in_link' },
    };
    // One that was refused leaves its entry where all refusals do.
    const entries = entry === null ? [] : [auditEntry(context.store, entry)];
    await context.store.batch([insertEvent(context.store, event), ...entries]);
    context.signals.notify('events', 'access');
    if (!signedIn) {
      throw new AppError('Unauthenticated', 'This sign-in link is unknown, was used before, or has expired.', {
        hint: 'Make a new one with: mainstay sign-in-link. An owner or an admin makes one for you with your name behind it.',
      });
    }
    return Response.json({ ok: true }, { headers: { 'set-cookie': cookie(signedIn.key, session_lifetime_ms / 1000) } });
  });

  app.post('/sign-out', async ({ req }) => {
    checkSameOrigin(context, req.raw);
    const session = sessionOf(req.raw);
    if (session !== null) {
      const now = context.clock.now();
      const known = await authenticatedBy(context.store, 'session', session, now);
      const entry =
        known && ({ kind: 'access.signed_out', at: now, actor: known.actor, outcome: 'succeeded' } as const);
      if (entry) await context.store.batch([auditEntry(context.store, entry)]);
      await endSession(context.store, session);
    }
    context.signals.notify('access');
    return Response.json({ ok: true }, { headers: { 'set-cookie': cookie('', 0) } });
  });
  return app;
}
