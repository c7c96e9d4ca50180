/**
 * Webhooks of GitHub, GitLab and Gitea. A signed push only says «look again»: the refs are then looked up as ever, so that
 * nothing that stands in a webhook's body is believed.
 *
 * GitHub: HMAC-SHA-256 of the body in X-Hub-Signature-256. Gitea and Forgejo: the same in X-Gitea-Signature, hexadecimal.
 * GitLab: the secret itself in X-Gitlab-Token.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { AppError } from '@mainstay/contract/errors';
import { Hono } from 'hono';
import { digestOfKey } from '../access/access-store.ts';
import type { Context } from '../context.ts';
import { insertEvent } from '../events/event-store.ts';
import { createRateLimit } from '../gateway/rate-limit.ts';
import { boundedText } from '../gateway/request-input.ts';

/** GitHub sends at most 25 MB; of a push the first part would do, but the signature is over all of it. */
const body_bytes_max = 25 * 1024 * 1024;

export function webhookRoutes(context: Context): Hono {
  const app = new Hono();
  const refusals = createRateLimit(context.clock, 60);
  app.post('/:id', async ({ req }) => {
    const { store, signals, clock } = context;
    const stack = await store.db
      .selectFrom('stacks')
      .selectAll()
      .where('webhook_digest', '=', digestOfKey(req.param('id')))
      .where('removed', '=', 0)
      .executeTakeFirst();
    if (!stack?.webhook_sealed) {
      refusals.take();
      throw new AppError('NotFound', 'There is no such webhook.');
    }
    const secret = context.seal.open(`webhook/${stack.id}`, stack.webhook_sealed);
    const body = await boundedText(req.raw, body_bytes_max);
    const host = senderOf(req.raw, body, secret);
    const but = stack.paused === null ? '' : ', which is paused';
    const event = host
      ? { kind: 'webhook.received' as const, message: `${host} reported a push for stack ${stack.name}${but}.` }
      : {
          kind: 'webhook.refused' as const,
          severity: 'warning' as const,
          message: `A webhook of stack ${stack.name} had no valid signature.`,
        };
    if (!host) refusals.take();
    await store.batch([insertEvent(store, { ...event, at: clock.now(), stack: stack.name })]);
    signals.notify('events');
    if (!host) {
      throw new AppError('Unauthenticated', 'The signature of this webhook is not valid.', {
        hint: 'Put the secret that `mainstay stacks enable-webhook` showed into the Git host.',
      });
    }
    signals.notify(`refs:${stack.id}`);
    return Response.json({ accepted: true }, { status: 202 });
  });
  return app;
}

/** Which Git host signed this; null when nobody did. */
function senderOf(request: Request, body: string, secret: string): 'GitHub' | 'GitLab' | 'Gitea' | null {
  const { headers } = request;
  const expected = createHmac('sha256', secret).update(body).digest('hex');
  if (isSame(headers.get('x-hub-signature-256'), `sha256=${expected}`))
    return headers.has('x-gitea-event') ? 'Gitea' : 'GitHub';
  if (isSame(headers.get('x-gitea-signature'), expected)) return 'Gitea';
  if (isSame(headers.get('x-gitlab-token'), secret)) return 'GitLab';
  return null;
}

function isSame(given: string | null, expected: string): boolean {
  if (given === null) return false;
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}
