/**
 * The gateway: one HTTP server for people, programs and agents. Every operation of the contract gets its route here by
 * itself; nothing else changes anything. Under a public address with a path, requests may come with that path or without.
 */
import { randomUUID } from 'node:crypto';
import { join, resolve } from 'node:path';
import { apiPrefix } from '@mainstay/contract/client';
import { AppError } from '@mainstay/contract/errors';
import { openApiDocument } from '@mainstay/contract/openapi';
import { isChange, pathParameters } from '@mainstay/contract/operation';
import { operationList } from '@mainstay/contract/operations/index';
import { correlationId, withCorrelation } from '@mainstay/runtime';
import { Hono } from 'hono';
import { routePath } from 'hono/route';
import { getPath } from 'hono/utils/url';
import { holdsKey } from '../access/access-store.ts';
import { authorize } from '../access/authorize.ts';
import type { Refusals } from '../access/refusals.ts';
import { auditDownload } from '../audit/audit-download.ts';
import type { AuditParts } from '../audit/start-audit.ts';
import type { Context } from '../context.ts';
import { logDownload } from '../logs/log-download.ts';
import type { Dispatcher } from '../operations/dispatcher.ts';
import { createRunStreams } from '../orchestrator/run-stream.ts';
import { agentReleaseRoutes } from '../servers/agent-releases.ts';
import { agentRoutes } from '../servers/agent-routes.ts';
import { webhookRoutes } from '../stacks/webhook-routes.ts';
import { healthChecks } from '../system/system-operations.ts';
import { authenticate } from './authenticate.ts';
import { jsonResponse } from './content-encoding.ts';
import { errorResponse } from './errors.ts';
import { createLive } from './live.ts';
import { mcpRoute } from './mcp-route.ts';
import { createMetrics } from './metrics.ts';
import { contentSecurityPolicy, createPages } from './pages.ts';
import { refusalOf } from './refused-request.ts';
import { rawInput } from './request-input.ts';
import { signInRoutes } from './sign-in.ts';
import { staticFile } from './static-files.ts';
import { workflowRoutes } from './workflow-routes.ts';

export type GatewayOptions = { public_dir: string | null; audit: AuditParts; refusals: Refusals };

export function createGateway(context: Context, dispatcher: Dispatcher, options: GatewayOptions): Hono {
  const { prefix } = context;
  const app = new Hono({ getPath: (request) => withoutPrefix(getPath(request), prefix) });
  const metrics = createMetrics(context);
  const live = createLive(context);
  const pages = createPages(prefix);
  const public_dir = options.public_dir === null ? null : resolve(options.public_dir);

  app.use(({ req }, next) => {
    const given = req.header('x-request-id') ?? '';
    return withCorrelation(/^[A-Za-z0-9._-]{8,64}$/.test(given) ? given : randomUUID(), next);
  });
  app.use(async (c, next) => {
    await next();
    const { headers } = c.res;
    headers.set('x-request-id', correlationId() ?? '');
    headers.set('x-content-type-options', 'nosniff');
    headers.set('referrer-policy', 'no-referrer');
    headers.set('cross-origin-opener-policy', 'same-origin');
    if (!headers.has('content-security-policy')) headers.set('content-security-policy', contentSecurityPolicy);
    if (!headers.has('cache-control')) headers.set('cache-control', 'no-store');
  });
  const operation_of = new Map<string, string>();
  app.onError(async (error, c) => {
    if (error instanceof AppError) {
      const operation = operation_of.get(`${c.req.method} ${routePath(c)}`) ?? null;
      const refusal = await refusalOf(context, error, c, operation);
      if (refusal !== null) await options.refusals.note(refusal);
    }
    return errorResponse(error, context.log);
  });

  const runs = createRunStreams(context);
  app.get(`${apiPrefix}/runs/:id/events`, async ({ req }, next) => {
    if (!req.header('accept')?.includes('text/event-stream')) return next();
    const known = await authenticate(context, req.raw);
    if (!known) throw notSignedIn();
    if (!authorize(known.actor, 'runs:read', null))
      throw new AppError('Forbidden', `${known.actor.name} may not do runs.events.`);
    const allowed = () => holdsKey(context.store, known.key_id, context.clock.now());
    const stream = await runs.stream(req.raw, req.param('id'), allowed);
    if (!stream)
      throw new AppError('Unavailable', 'Too many runs are watched.', { hint: 'Close some pages, and load again.' });
    return stream;
  });

  for (const operation of operationList) {
    const path = `${apiPrefix}${operation.http.path.replaceAll(/\{([a-z_]+)\}/g, ':$1')}`;
    const names = pathParameters(operation);
    operation_of.set(`${operation.http.method} ${path}`, operation.id);
    app.on(operation.http.method, path, async ({ req }) => {
      const started = performance.now();
      let code = 'ok';
      try {
        const known = await authenticate(context, req.raw);
        if (!known && operation.permission !== 'none') throw notSignedIn();
        const given = Object.fromEntries(names.map((name) => [name, req.param(name) ?? '']));
        const input = await rawInput(operation, req.raw, given);
        const { signal } = req.raw;
        const asked = known === null ? { signal } : { signal, key_id: known.key_id };
        const output = await dispatcher.call(operation.id, known?.actor ?? null, input, asked);
        return isChange(operation) ? Response.json(output) : await jsonResponse(req.raw, output);
      } catch (error) {
        code = error instanceof AppError ? error.code : 'Internal';
        throw error;
      } finally {
        metrics.observe(operation.id, code, (performance.now() - started) / 1000);
      }
    });
  }

  app.get(`${apiPrefix}/openapi.json`, ({ req }) =>
    jsonResponse(req.raw, { ...openApiDocument(context.version), servers: [{ url: prefix || '/' }] }),
  );
  app.get(`${apiPrefix}/live`, async ({ req }) => {
    const known = await authenticate(context, req.raw);
    if (!known) throw notSignedIn();
    const stream = live.stream(req.raw, () => holdsKey(context.store, known.key_id, context.clock.now()));
    if (!stream) throw new AppError('Unavailable', 'Too many pages are open.', { hint: 'Close some, and load again.' });
    return stream;
  });
  app.get(`${apiPrefix}/stacks/:stack/logs/download`, logDownload(context));
  app.get(`${apiPrefix}/audit/export`, auditDownload(context, options.audit));
  app.route('/auth', signInRoutes(context));
  app.route('/', agentReleaseRoutes(context));
  app.route('/agent/v1', agentRoutes(context, metrics));
  app.route('/webhooks', webhookRoutes(context));
  app.all('/mcp', mcpRoute(context, dispatcher, options.refusals));

  app.route('/', workflowRoutes(context, dispatcher));

  app.get('/livez', ({ text }) => text('ok\n'));
  app.get('/readyz', async ({ text }) => {
    const checks = await healthChecks(context);
    const bad = Object.entries(checks).filter(([, check]) => !check.ok);
    return text(
      bad.length === 0 ? 'ok\n' : bad.map(([name, check]) => `${name}: ${check.message}\n`).join(''),
      bad.length === 0 ? 200 : 503,
    );
  });
  app.get(
    '/metrics',
    async () => new Response(await metrics.text(), { headers: { 'content-type': metrics.content_type } }),
  );

  app.get('/api/docs', async ({ req }) => {
    const page = public_dir === null ? null : await pages(req.raw, join(public_dir, 'api-docs.html'));
    if (page) return page;
    throw new AppError('NotFound', 'The API reference is not built here.', {
      hint: `The description is at ${apiPrefix}/openapi.json.`,
    });
  });
  app.all('*', async ({ req }) => {
    const readable = req.method === 'GET' || req.method === 'HEAD';
    const file = public_dir !== null && readable ? await staticFile(public_dir, pages, req.raw, req.path) : null;
    if (file) return file;
    throw new AppError('NotFound', `There is nothing at ${req.method} ${req.path.slice(0, 200)}.`, {
      hint: 'The API is described at /api/docs.',
    });
  });
  return app;
}

/** The path as the control plane knows it, whether the reverse proxy took the prefix off or not. */
function withoutPrefix(path: string, prefix: string): string {
  const isUnder = prefix !== '' && (path === prefix || path.startsWith(`${prefix}/`));
  return isUnder ? path.slice(prefix.length) || '/' : path;
}

function notSignedIn(): AppError {
  return new AppError('Unauthenticated', 'Nobody is signed in.', {
    hint: 'Sign in (mainstay sign-in-link gives a link), or send a token.',
  });
}
