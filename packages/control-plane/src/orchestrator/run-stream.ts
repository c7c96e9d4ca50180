/**
 * A run as a stream of Server-Sent Events, on the path of its list of events, for whoever asks for `text/event-stream`.
 *
 * | Event   | Data | |
 * | ------- | --- | --- |
 * | `run`   | the run | First, and whenever it changed. |
 * | `steps` | steps of it | All first, in parts; then those that changed. |
 * | `event` | one event | Its cursor is the id: who comes back with Last-Event-ID goes on after it. |
 * | `beat`  | `time_ms` | Every 15 s, so that silence means a dead connection. |
 *
 * The stream ends when the run has, or the session or token that it was asked for with.
 */
import type { StepView } from '@mainstay/contract/operations/runs';
import type { Context } from '../context.ts';
import type { Store } from '../store/store.ts';
import { endedRunStates, findRun } from './controls.ts';
import { selectRunEvents, viewOfRun, viewOfStep } from './run-views.ts';

const coalesce_ms = 100;
const keep_alive_ms = 15_000;
const retry_ms = 2_000;
const part = 500;
/** Streams at once. */
export const run_streams_max = 500;

export type RunStreams = {
  /** Null when too many are open. @throws AppError NotFound. */
  stream(request: Request, run_id: string, isAllowed: () => Promise<boolean>): Promise<Response | null>;
};

export function createRunStreams(context: Context): RunStreams {
  const { store, signals, clock } = context;
  let open = 0;
  return {
    async stream(request, run_id, isAllowed) {
      await findRun(store, run_id);
      if (open >= run_streams_max || signals.ended.aborted) return null;
      const seen = request.headers.get('last-event-id') ?? new URL(request.url).searchParams.get('last_event_id');
      const gone = new AbortController();
      const ended = AbortSignal.any([request.signal, gone.signal, signals.ended]);
      const encoder = new TextEncoder();
      open++;
      const body = new ReadableStream<Uint8Array>({
        start(controller) {
          const send = async (event: string, data: unknown, fields = '') => {
            // Whoever does not read is waited for, so that nothing is piled up.
            while ((controller.desiredSize ?? 1) <= -part && !ended.aborted) await clock.sleep(coalesce_ms, ended);
            if (!ended.aborted)
              controller.enqueue(encoder.encode(`event: ${event}\n${fields}data: ${JSON.stringify(data)}\n\n`));
          };
          void follow(run_id, Number.parseInt(seen ?? '0', 10) || 0, send, ended, isAllowed)
            .catch((error: unknown) => context.log.error({ err: error }, 'a stream of a run ended early'))
            .finally(() => {
              open--;
              if (!gone.signal.aborted) controller.close();
            });
        },
        cancel: () => gone.abort(),
      });
      return new Response(body, {
        headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-cache', 'x-accel-buffering': 'no' },
      });
    },
  };

  async function follow(
    run_id: string,
    after: number,
    send: (event: string, data: unknown, fields?: string) => Promise<void>,
    ended: AbortSignal,
    isAllowed: () => Promise<boolean>,
  ): Promise<void> {
    let cursor = after;
    let told = '';
    let fields = `retry: ${retry_ms}\n`;
    const changes = createChanges(store, run_id);
    while (!ended.aborted) {
      const woken = signals.wait([`run:${run_id}`, 'access'], keep_alive_ms, ended);
      // Each time, as a run at work wakes it long before a beat is due.
      if (!(await isAllowed())) return;
      const run = await findRun(store, run_id);
      const view = JSON.stringify(viewOfRun(run));
      if (view !== told) await send('run', viewOfRun(run), fields);
      told = view;
      fields = '';
      await changes.tell((steps) => send('steps', steps));
      for (;;) {
        const events = await selectRunEvents(store, { id: run_id, after: cursor, limit: part });
        for (const event of events) {
          await send('event', event, `id: ${event.cursor}\n`);
          cursor = event.cursor;
        }
        if (events.length < part) break;
      }
      if (endedRunStates.includes(run.state)) return;
      if (!(await woken) && !ended.aborted) await send('beat', { time_ms: clock.now() });
      await clock.sleep(coalesce_ms, ended);
    }
  }
}

/** Which steps of a run changed since they were told. */
function createChanges(store: Store, run_id: string) {
  let since = 0;
  // Those told of the last millisecond that was looked at: more may change within it.
  let boundary = new Map<string, string>();
  return {
    async tell(send: (steps: StepView[]) => Promise<void>): Promise<void> {
      let newest = since;
      let next = new Map(boundary);
      for (let id = 0; ; ) {
        const rows = await store.db
          .selectFrom('run_steps')
          .selectAll()
          .where('run_id', '=', run_id)
          .where('changed_at', '>=', since)
          .where('id', '>', id)
          .orderBy('id')
          .limit(part)
          .execute();
        const fresh: StepView[] = [];
        for (const row of rows) {
          const view = viewOfStep(row);
          const text = JSON.stringify(view);
          if (boundary.get(row.key) !== text) fresh.push(view);
          if (row.changed_at > newest) {
            newest = row.changed_at;
            next = new Map();
          }
          if (row.changed_at === newest) next.set(row.key, text);
          id = row.id;
        }
        if (fresh.length > 0) await send(fresh);
        if (rows.length < part) break;
      }
      since = newest;
      boundary = next;
    },
  };
}
