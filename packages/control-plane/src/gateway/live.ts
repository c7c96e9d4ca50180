/** Live changes for pages: Server-Sent Events that say which topics changed, coalesced; the page then asks for what it shows. */
import type { Context } from '../context.ts';

const topics = new Set(['stacks', 'servers', 'services', 'events', 'operations']);
const coalesce_ms = 100;
const keep_alive_ms = 15_000;
/** Pages that may listen at once. */
export const live_pages_max = 1_000;
let open = 0;

export function liveStream(context: Context, signal: AbortSignal): Response | null {
  if (open >= live_pages_max) return null;
  open += 1;
  const encoder = new TextEncoder();
  let close = () => {};
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      const changed = new Set<string>();
      let timer: NodeJS.Timeout | null = null;
      let closed = false;
      const send = (event: string, data: unknown) => {
        if (!closed) controller.enqueue(encoder.encode(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`));
      };
      const flush = () => {
        timer = null;
        // A page that does not read is told once it does; it asks for the present state then.
        if ((controller.desiredSize ?? 1) <= -64) return;
        send('change', { topics: [...changed] });
        changed.clear();
      };
      const stop = context.signals.listen((topic) => {
        const name = topic.startsWith('logs:') ? topic : topics.has(topic) ? topic : null;
        if (name === null) return;
        changed.add(name);
        timer ??= setTimeout(flush, coalesce_ms);
      });
      const beat = setInterval(() => send('beat', { time_ms: context.clock.now() }), keep_alive_ms);
      close = () => {
        if (closed) return;
        closed = true;
        open -= 1;
        stop();
        clearInterval(beat);
        if (timer) clearTimeout(timer);
      };
      signal.addEventListener('abort', () => close(), { once: true });
      send('hello', { version: context.version, time_ms: context.clock.now() });
    },
    cancel: () => close(),
  });
  return new Response(body, {
    headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-cache', 'x-accel-buffering': 'no' },
  });
}
