import { AppError } from '@mainstay/contract/app-error';
import type { EventView } from '@mainstay/contract/operations/watch';
import { expect, test } from 'vitest';
import { createTimeline, type FetchEvents, type Timeline } from './timeline.ts';

/** A log of events that answers as the control plane does (events.list). */
function createLog(count: number) {
  const all: EventView[] = [];
  const asked: string[] = [];
  let refusal: AppError | null = null;
  const append = (more: number) => {
    for (let n = 0; n < more; n++) {
      const cursor = all.length + 1;
      all.push({
        cursor,
        id: `evt_${cursor}`,
        at: cursor,
        kind: 'service.crashed',
        severity: 'error',
        message: `${cursor}`,
        actor: null,
        stack: null,
        server: null,
        service: null,
        release_id: null,
        operation_id: null,
        data: null,
      });
    }
  };
  append(count);
  const fetchEvents: FetchEvents = async ({ after, before, limit = 100 }) => {
    asked.push(after !== undefined ? `after ${after}` : before !== undefined ? `before ${before}` : 'newest');
    await Promise.resolve();
    if (refusal) throw refusal;
    const fitting = all.filter(({ cursor }) => cursor > (after ?? 0) && cursor < (before ?? Number.POSITIVE_INFINITY));
    const events = after !== undefined ? fitting.slice(0, limit) : fitting.slice(-limit);
    return { events, next: events.at(-1)?.cursor ?? after ?? all.length, more: fitting.length > events.length };
  };
  const refuse = (error: AppError | null) => {
    refusal = error;
  };
  return { append, asked, fetchEvents, refuse };
}

const cursors = (events: readonly EventView[]) => events.map(({ cursor }) => cursor);

/** What the lines show, one after the other. */
function shown(timeline: Timeline): number[] {
  return (timeline.get().lines ?? []).flatMap((line) => (line.type === 'group' ? cursors(line.events) : []));
}

test('the newest events come first, and older ones follow without a gap until there are no more', async () => {
  const log = createLog(1_250);
  const timeline = createTimeline({}, log.fetchEvents);
  await timeline.catchUp();
  expect(shown(timeline)).toHaveLength(200);
  await timeline.fetchOlder();
  await timeline.fetchOlder();
  expect(timeline.get().has_older).toBe(true);
  await timeline.fetchOlder();
  expect(timeline.get().has_older).toBe(false);
  expect(shown(timeline)).toEqual(Array.from({ length: 1_250 }, (_, n) => 1_250 - n));
  const asked = log.asked.length;
  await timeline.fetchOlder();
  expect(log.asked).toHaveLength(asked);
});

test('new events come on top while the top is looked at, and wait while somebody reads further down', async () => {
  const log = createLog(3);
  const timeline = createTimeline({}, log.fetchEvents);
  await timeline.catchUp();
  log.append(1);
  await timeline.catchUp();
  expect(shown(timeline)).toEqual([4, 3, 2, 1]);
  timeline.setReading(true);
  log.append(2);
  await timeline.catchUp();
  log.append(1);
  await timeline.catchUp();
  expect(shown(timeline)).toEqual([4, 3, 2, 1]);
  expect(cursors(timeline.get().waiting)).toEqual([7, 6, 5]);
  timeline.showWaiting();
  expect(shown(timeline)).toEqual([7, 6, 5, 4, 3, 2, 1]);
  expect(timeline.get().waiting).toEqual([]);
});

test('those that waited come before newer ones when the top is looked at again', async () => {
  const log = createLog(1);
  const timeline = createTimeline({}, log.fetchEvents);
  await timeline.catchUp();
  timeline.setReading(true);
  log.append(1);
  await timeline.catchUp();
  timeline.setReading(false);
  log.append(1);
  await timeline.catchUp();
  expect(shown(timeline)).toEqual([3, 2, 1]);
});

test('whoever comes back to the top keeps what is near to it, and can scroll down again without a gap', async () => {
  const log = createLog(4_000);
  const timeline = createTimeline({}, log.fetchEvents);
  await timeline.catchUp();
  while (timeline.get().has_older) await timeline.fetchOlder();
  log.append(1);
  await timeline.catchUp();
  expect(timeline.get().count).toBe(2_001);
  expect(timeline.get().has_older).toBe(true);
  while (timeline.get().has_older) await timeline.fetchOlder();
  expect(shown(timeline)).toEqual(Array.from({ length: 4_001 }, (_, n) => 4_001 - n));
});

test('a page that fell far behind begins anew instead of running after', async () => {
  const log = createLog(1);
  const timeline = createTimeline({}, log.fetchEvents);
  await timeline.catchUp();
  log.append(20_000);
  await timeline.catchUp();
  expect(shown(timeline)[0]).toBe(20_001);
  expect(shown(timeline)).toHaveLength(200);
  expect(log.asked.at(-1)).toBe('newest');
});

test('a change that is told of during a fetch is fetched after it, once', async () => {
  const log = createLog(2);
  const timeline = createTimeline({}, log.fetchEvents);
  await timeline.catchUp();
  const first = timeline.catchUp();
  log.append(1);
  await Promise.all([first, timeline.catchUp(), timeline.catchUp()]);
  expect(shown(timeline)).toEqual([3, 2, 1]);
  expect(log.asked.filter((question) => question.startsWith('after'))).toHaveLength(2);
});

test('an error keeps what was fetched, and goes with the next answer', async () => {
  const log = createLog(500);
  const timeline = createTimeline({}, log.fetchEvents);
  await timeline.catchUp();
  log.refuse(new AppError('Unavailable', 'The control plane does not answer.'));
  await timeline.fetchOlder();
  expect(timeline.get()).toMatchObject({ is_fetching_older: false, error: { code: 'Unavailable' } });
  expect(shown(timeline)).toHaveLength(200);
  log.refuse(null);
  await timeline.fetchOlder();
  expect(timeline.get().error).toBeNull();
  expect(shown(timeline)).toHaveLength(500);
});

test('a page that comes back at once fetches what the one before it left', async () => {
  const log = createLog(3);
  const timeline = createTimeline({}, async (input, signal) => {
    const answer = await log.fetchEvents(input, signal);
    signal.throwIfAborted();
    return answer;
  });
  const first = timeline.catchUp();
  timeline.stop();
  await Promise.all([first, timeline.catchUp()]);
  expect(shown(timeline)).toEqual([3, 2, 1]);
});

test('what a page asked for that is gone is no error', async () => {
  const log = createLog(1);
  const timeline = createTimeline({}, (_input, signal) => {
    const left = new Promise<never>((_resolve, reject) =>
      signal.addEventListener('abort', () => reject(signal.reason)),
    );
    return log.asked.length > 99 ? log.fetchEvents({}, signal) : left;
  });
  const fetched = timeline.catchUp();
  timeline.stop();
  await fetched;
  expect(timeline.get()).toMatchObject({ lines: null, error: null });
});
