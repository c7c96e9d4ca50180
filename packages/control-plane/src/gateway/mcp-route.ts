/**
 * MCP over streamable HTTP, stateless: the same operations, the same actor, the same answers as over HTTP. It reads only, unless the
 * client is configured with `?changes=1`.
 */
import { AppError } from '@mainstay/contract/errors';
import { correlationId } from '@mainstay/runtime';
import type { Context as HonoContext } from 'hono';
import { permissionsOf } from '../access/authorize.ts';
import type { Refusals } from '../access/refusals.ts';
import type { Context } from '../context.ts';
import type { Dispatcher } from '../operations/dispatcher.ts';
import { authenticate } from './authenticate.ts';
import { addressOf } from './refused-request.ts';
import { body_bytes_max, boundedText } from './request-input.ts';

export function mcpRoute(context: Context, dispatcher: Dispatcher, refusals: Refusals) {
  return async (c: HonoContext): Promise<Response> => {
    const { req } = c;
    const known = await authenticate(context, req.raw);
    if (!known) {
      throw new AppError('Unauthenticated', 'Nobody is signed in.', {
        hint: 'Send an API token: Authorization: Bearer mtk_…',
      });
    }
    const parsed = req.method === 'POST' ? parsedBody(await boundedText(req.raw, body_bytes_max)) : undefined;
    // Loaded at the first use: most control planes never speak MCP, and the SDK is large.
    const { answerMcpRequest } = await import('@mainstay/contract/mcp');
    return answerMcpRequest(
      {
        version: context.version,
        allow_changes: allowsChanges(req.query('changes')),
        permissions: async () => permissionsOf(known.actor),
        call: async (id, input, signal) => {
          try {
            return await dispatcher.call(id, known.actor, input, { signal, key_id: known.key_id });
          } catch (error) {
            // It is answered within the protocol, and so no error of the request.
            if (error instanceof AppError && error.code === 'Forbidden') {
              const about = { source: addressOf(c), reason: 'forbidden', operation: id, route: '/mcp' } as const;
              await refusals.note({ ...about, actor: known.actor, more: async () => ({ message: error.message }) });
            }
            throw error;
          }
        },
        correlationId,
        onFault: (error) => context.log.error({ err: error }, 'tool call failed'),
      },
      req.raw,
      parsed,
    );
  };
}

function allowsChanges(changes: string | undefined): boolean {
  if (changes === undefined || changes === '0') return false;
  if (changes === '1') return true;
  throw new AppError('InvalidInput', '"changes" must be 1 for a connection that may change things, or left out.', {
    field: 'changes',
  });
}

function parsedBody(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new AppError('InvalidInput', 'The body is not JSON.', { cause: error });
  }
}
