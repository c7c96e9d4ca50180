/**
 * Paths at the root that users of task orchestrators know: `/health`, `/tasks` and `/workflows/…/create`. Each is an operation of the
 * contract under another address, and takes the same path: nothing is done here that cannot be done under /api/v1.
 */
import { AppError } from '@mainstay/contract/errors';
import type { OperationView } from '@mainstay/contract/operation';
import { operations } from '@mainstay/contract/operations/index';
import { Hono } from 'hono';
import type { Context } from '../context.ts';
import type { Dispatcher } from '../operations/dispatcher.ts';
import { authenticate } from './authenticate.ts';
import { jsonResponse } from './content-encoding.ts';
import { rawInput } from './request-input.ts';

export function workflowRoutes(context: Context, dispatcher: Dispatcher): Hono {
  const app = new Hono();
  const call = async (id: 'system.health' | 'runs.tasks' | 'servers.invite', request: Request) => {
    const known = await authenticate(context, request);
    const asked = known === null ? { signal: request.signal } : { signal: request.signal, key_id: known.key_id };
    return dispatcher.call(id, known?.actor ?? null, await rawInput(operations[id], request, {}), asked);
  };
  for (const [path, id] of [
    ['/health', 'system.health'],
    ['/tasks', 'runs.tasks'],
  ] as const) {
    app.get(path, async ({ req }, next) => {
      // Pages of the dashboard may have these addresses too.
      if (req.header('accept')?.includes('text/html')) return next();
      return jsonResponse(req.raw, await call(id, req.raw));
    });
  }

  /** Takes the input of `servers.invite`; `data` is the id of the run, whose state and steps stand at /api/v1/runs/{id}. */
  app.post('/workflows/servers/create', async ({ req }) => {
    const { operation, result } = (await call('servers.invite', req.raw)) as {
      operation: OperationView;
      result: unknown;
    };
    const isRefused = ['denied', 'failed'].includes(operation.state);
    const body = { success: !isRefused, data: operation.run_id, error: isRefused ? operation.message : null };
    return Response.json({ ...body, operation, result }, { status: isRefused ? 403 : 202 });
  });

  app.post('/workflows/taskserv/create', async ({ req }) => {
    if (!(await authenticate(context, req.raw))) {
      throw new AppError('Unauthenticated', 'Nobody is signed in.', { hint: 'Send a token.' });
    }
    throw new AppError('Conflict', 'A taskserv is an app on a server, and apps are not there yet: nothing was done.', {
      hint: 'Deploy it as a service of a stack: mainstay stacks apply',
    });
  });
  return app;
}
