/**
 * Live changes for pages: Server-Sent Events that say which topics changed, coalesced; the page then asks for what it shows.
 *
 * | Event    | Data | |
 * | -------- | --- | --- |
 * | `hello`  | `version`, `time_ms`, `resumed` | First. Not resumed: the page reads everything anew. |
 * | `change` | `topics` | Those that changed since the message before, or since the page was cut off. |
 * | `beat`   | `time_ms` | Every 15 s, so that silence means a dead connection. |
 *
 * A page that comes back names the last message it saw, by the header Last-Event-ID, which browsers send by themselves, or by
 * the query field `last_event_id`.
 */
import type { Context } from '../context.ts';
import { createLiveHistory } from './live-history.ts';

const nouns = new Set(['stacks', 'servers', 'services', 'events', 'operations', 'runs', 'access']);
const coalesce_ms = 100;
const keep_alive_ms = 15_000;
/** Time after which a browser that was cut off comes back. */
const retry_ms = 2_000;
/** Messages that may wait for a page which does not read. */
const unread_max = 64;
/** Pages that may listen at once. */
export const live_pages_max = 1_000;

export type Live = {
  /**
   * The stream for one page; null when too many are open. It ends as soon as its session or token holds no more: `holds` is asked
   * when anything about access changed, and with every beat.
   */
  stream(request: Request, holds: () => Promise<boolean>): Response | null;
};

export function createLive(context: Context): Live {
  const history = createLiveHistory();
  const pages = new Set<{ wake(): void; end(): void; look(): void }>();
  context.signals.listen((topic) => {
    if (!nouns.has(topic) && !topic.startsWith('logs:')) return;
    history.note(topic);
    for (const page of pages) {
      if (topic === 'access') page.look();
      page.wake();
    }
  });
  context.signals.ended.addEventListener('abort', () => {
    for (const page of pages) page.end();
  });

  return {
    stream(request, holds) {
      if (pages.size >= live_pages_max || context.signals.ended.aborted) return null;
      const seen = request.headers.get('last-event-id') ?? new URL(request.url).searchParams.get('last_event_id');
      const seenAt = seen === null ? null : history.pointOf(seen);
      const resumed = seenAt !== null && history.since(seenAt) !== null;
      const encoder = new TextEncoder();
      let close = () => {};
      const body = new ReadableStream<Uint8Array>({
        start(controller) {
          let told = resumed ? seenAt : history.point();
          let timer: NodeJS.Timeout | null = null;
          // A page that does not read is told once it does.
          const isReading = () => (controller.desiredSize ?? 1) > -unread_max;
          const send = (event: string, data: object, fields = '') =>
            controller.enqueue(encoder.encode(`event: ${event}\n${fields}data: ${JSON.stringify(data)}\n\n`));
          const tell = () => {
            timer = null;
            if (told === history.point() || !isReading()) return;
            const topics = history.since(told);
            // What it missed is forgotten: it is cut off, and reads everything anew when it is back.
            if (topics === null) return page.end();
            told = history.point();
            send('change', { topics }, `id: ${history.idOf(told)}\n`);
          };
          const beat = setInterval(() => {
            if (isReading()) send('beat', { time_ms: context.clock.now() });
            tell();
            page.look();
          }, keep_alive_ms);
          const page = {
            wake() {
              timer ??= setTimeout(tell, coalesce_ms);
            },
            look() {
              // A store that cannot be read says nothing about the key.
              void holds().then(
                (holding) => !holding && page.end(),
                () => {},
              );
            },
            end() {
              if (!pages.has(page)) return;
              close();
              controller.close();
            },
          };
          close = () => {
            pages.delete(page);
            clearInterval(beat);
            if (timer) clearTimeout(timer);
          };
          pages.add(page);
          const hello = { version: context.version, time_ms: context.clock.now(), resumed };
          send('hello', hello, `retry: ${retry_ms}\nid: ${history.idOf(told)}\n`);
          tell();
        },
        cancel: () => close(),
      });
      return new Response(body, {
        headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-cache', 'x-accel-buffering': 'no' },
      });
    },
  };
}
