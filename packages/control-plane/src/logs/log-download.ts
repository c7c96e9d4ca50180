/**
 * Log lines as one text to keep: GET /api/v1/stacks/{stack}/logs/download. It is a route of its own and no operation, because
 * what it answers is no JSON and is never whole in memory: lines are read in pages as the client takes them. Who may read logs
 * may have it. A line is: time (ISO 8601, UTC), server, service, release, stream, text; one space between two.
 */
import { AppError, invalidInput } from '@mainstay/contract/errors';
import { LogDownload, type LogLineView } from '@mainstay/contract/operations/watch';
import type { Context as HonoContext } from 'hono';
import { authorize } from '../access/authorize.ts';
import type { Context } from '../context.ts';
import { authenticate } from '../gateway/authenticate.ts';
import { queryInput } from '../gateway/request-input.ts';
import { checkPage } from '../operations/page-input.ts';
import { getStackRow } from '../stacks/stack-store.ts';
import { sweep } from './log-pages.ts';
import { type LogFilter, log_lines_kept_max, logBounds } from './log-store.ts';

const lines_per_page = 1_000;
/** The last moment that a date can be, UTC milliseconds (ECMA-262, section 21.4.1.1). */
const time_max = 8.64e15;

export function logDownload(context: Context) {
  return async ({ req }: HonoContext): Promise<Response> => {
    const known = await authenticate(context, req.raw);
    if (!known) {
      throw new AppError('Unauthenticated', 'Nobody is signed in.', { hint: 'Sign in, or send a token.' });
    }
    const { actor } = known;
    if (!authorize(actor, 'logs:read', null)) throw new AppError('Forbidden', `${actor.name} may not read logs.`);
    const query = queryInput(LogDownload, new URL(req.url).searchParams);
    const parsed = LogDownload.safeParse({ ...query, stack: req.param('stack') });
    if (!parsed.success) throw invalidInput(parsed.error);
    const filter = parsed.data;
    checkPage(filter);
    await getStackRow(context.store, filter.stack);
    const name = [filter.stack, filter.service, new Date(context.clock.now()).toISOString().replaceAll(/[:.]/g, '-')];
    return new Response(linesOf(context, filter, req.raw.signal), {
      headers: {
        'content-type': 'text/plain; charset=utf-8',
        'content-disposition': `attachment; filename="${name.filter(Boolean).join('-')}.log"`,
      },
    });
  };
}

/** All lines that fit at this moment, oldest first; the newest of them where there are more than are kept. */
function linesOf({ store }: Context, filter: LogFilter, signal: AbortSignal): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let start = 0;
  let end: number | null = null;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (end === null) {
        const { first, last } = await logBounds(store);
        start = Math.max(first, last - log_lines_kept_max + 1);
        end = last;
      }
      for (;;) {
        const { lines, reached, more } = await sweep(store, filter, { start, end, limit: lines_per_page, signal });
        start = reached + 1;
        if (lines.length > 0) controller.enqueue(encoder.encode(lines.map(textOf).join('')));
        if (!more || signal.aborted) return controller.close();
        if (lines.length > 0) return;
      }
    },
  });
}

function textOf({ at, server, service, release_id, stream, text }: LogLineView): string {
  // A line stays one line, whatever the service or its server put into it.
  const line = text.replaceAll('\r', '\\r').replaceAll('\n', '\\n');
  return `${new Date(Math.min(Math.max(at, 0), time_max)).toISOString()} ${server} ${service} ${release_id} ${stream} ${line}\n`;
}
