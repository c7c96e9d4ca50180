/** The agent API: what agents dial. Shapes and limits stand in the contract (agent-api.ts). */

import { inquiry_header, server_state_header } from '@mainstay/contract/agent-answers';
import {
  agentApiLimits,
  EnrolRequest,
  EventsRequest,
  HeartbeatRequest,
  LogsRequest,
  SecretsRequest,
} from '@mainstay/contract/agent-api';
import { AppError, invalidInput } from '@mainstay/contract/errors';
import { Hono } from 'hono';
import type * as z from 'zod';
import { digestOfKey } from '../access/access-store.ts';
import type { Context } from '../context.ts';
import { bearerOf } from '../gateway/authenticate.ts';
import type { Metrics } from '../gateway/metrics.ts';
import { createRateLimit } from '../gateway/rate-limit.ts';
import { jsonBody } from '../gateway/request-input.ts';
import { openValues } from '../secrets/secret-store.ts';
import { enrolServer } from './enrolment.ts';
import { inquiryRoutes } from './inquiry-routes.ts';
import { createKeyChanges } from './key-changes.ts';
import { createOffers } from './offers.ts';
import { removalRoutes } from './removed-servers.ts';
import { createReports } from './reports.ts';
import { type ServerRow, serverOfCredential } from './server-store.ts';

/** Enrolments that may fail in a minute; those that succeed are not counted, so that a fleet can come at once. */
const failed_enrolments_per_minute_max = 60;

export function agentRoutes(context: Context, metrics: Metrics): Hono {
  const app = new Hono();
  const key_changes = createKeyChanges(context);
  const offers = createOffers(context, key_changes);
  const reports = createReports(context);
  const limit = createRateLimit(context.clock, failed_enrolments_per_minute_max);

  app.use(async (c, next) => {
    await next();
    metrics.agentRequest(c.req.path.split('/').at(-1) ?? '', c.res.status);
  });

  app.post('/enrol', async ({ req }) => {
    const request = await bodyOf(req.raw, EnrolRequest);
    try {
      return Response.json(await enrolServer(context, request));
    } catch (error) {
      if (error instanceof AppError && error.code === 'Unauthenticated') limit.take();
      throw error;
    }
  });

  app.get('/desired-state', async ({ req }) => {
    const server = await serverOf(context, req.raw);
    const wait = Math.min(Math.max(Number(req.query('wait_seconds') ?? 0) || 0, 0), agentApiLimits.wait_seconds_max);
    const offer = await offers.next(server, req.header('if-none-match') ?? null, wait * 1000, req.raw.signal);
    const news = {
      ...(offer.server_state === null ? {} : { [server_state_header]: String(offer.server_state) }),
      ...(offer.is_asked ? { [inquiry_header]: '1' } : {}),
    };
    if (offer.kind === 'none') return new Response(null, { status: 204, headers: news });
    if (offer.kind === 'same') return new Response(null, { status: 304, headers: { etag: offer.etag, ...news } });
    return new Response(offer.body, { headers: { 'content-type': 'application/json', etag: offer.etag, ...news } });
  });

  app.route('/', removalRoutes(context));
  app.route(
    '/',
    inquiryRoutes(context, (request) => serverOf(context, request)),
  );

  app.post('/secrets', async ({ req }) => {
    const server = await serverOf(context, req.raw);
    const { commitments } = await bodyOf(req.raw, SecretsRequest);
    const allowed = await offers.commitmentsOf(server);
    return Response.json({
      secrets: await openValues(
        context,
        commitments.filter((commitment) => allowed.has(commitment)),
      ),
    });
  });

  app.post('/heartbeat', async ({ req }) => {
    const server = await serverOf(context, req.raw);
    const { state, sent_at } = await bodyOf(req.raw, HeartbeatRequest);
    await reports.heartbeat(server, state, sent_at);
    const news = await key_changes.after(state.keeper_keys_seq);
    const server_state = await offers.serverState(server, state.server?.version ?? 0);
    return Response.json({ time_ms: context.clock.now(), key_changes: news, server_state });
  });

  app.post('/events', async ({ req }) => {
    const server = await serverOf(context, req.raw);
    const { events } = await bodyOf(req.raw, EventsRequest);
    return Response.json({ acked_seq: await reports.events(server, events) });
  });

  app.post('/logs', async ({ req }) => {
    const server = await serverOf(context, req.raw);
    const { lines } = await bodyOf(req.raw, LogsRequest);
    return Response.json({ acked_seq: await reports.lines(server, lines) });
  });
  return app;
}

async function serverOf(context: Context, request: Request): Promise<ServerRow> {
  const credential = bearerOf(request);
  const server = credential === null ? null : await serverOfCredential(context.store, digestOfKey(credential));
  if (!server)
    throw new AppError('Unauthenticated', 'The credential of this server is not known.', {
      hint: 'Was the server removed? Enrol it anew with a new token.',
    });
  return server;
}

async function bodyOf<T extends z.ZodType>(request: Request, schema: T): Promise<z.output<T>> {
  const parsed = schema.safeParse(await jsonBody(request, agentApiLimits.body_bytes_max));
  if (!parsed.success) throw invalidInput(parsed.error);
  return parsed.data;
}
