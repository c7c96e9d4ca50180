import type { EventView } from '@mainstay/contract/operations/watch';
import { expect, test } from 'vitest';
import { createGrouping, group_gap_ms, sameness, timelineLines } from './grouping.ts';

const noon = new Date(2026, 5, 15, 12).getTime();
let cursor = 1_000_000;

/** Events are made newest first, as the page has them. */
function event(at: number, change: Partial<EventView> = {}): EventView {
  cursor -= 1;
  return {
    cursor,
    id: `evt_${cursor}`,
    at,
    kind: 'service.unhealthy',
    severity: 'warning',
    message: 'GET / answered 500',
    actor: null,
    stack: 'shop',
    server: 'local',
    service: 'api',
    release_id: null,
    operation_id: null,
    data: null,
    ...change,
  };
}

function shapes(events: EventView[]): string[] {
  return timelineLines(events).map((line) =>
    line.type === 'day' ? 'day' : `${line.events[0]!.service} ×${line.events.length}`,
  );
}

test('what repeats itself is one line, with every event in it, newest first', () => {
  const events = [event(noon), event(noon - 1_000), event(noon - 2_000)];
  const lines = timelineLines(events);
  expect(shapes(events)).toEqual(['day', 'api ×3']);
  expect(lines[1]).toMatchObject({ type: 'group', events });
});

test('figures in a message do not keep a repetition apart, words do', () => {
  const first = event(noon, { message: 'Started again after 4 s (restart 12).' });
  const second = event(noon, { message: 'Started again after 8 s (restart 13).' });
  const other = event(noon, { message: 'Started again, healthy after 8 s (restart 13).' });
  expect(sameness(first)).toBe(sameness(second));
  expect(sameness(first)).not.toBe(sameness(other));
});

test('another release or another operation is no repetition', () => {
  const first = event(noon, { message: 'Version 2 serves.', operation_id: 'op_2' });
  expect(sameness(first)).not.toBe(sameness(event(noon, { message: 'Version 1 serves.', operation_id: 'op_1' })));
  expect(sameness(first)).not.toBe(sameness({ ...first, release_id: 'rel_1' }));
});

test('two services that fail in turn are two lines', () => {
  const events = [0, 1, 2, 3, 4, 5].map((n) => event(noon - n * 1_000, { service: n % 2 ? 'web' : 'api' }));
  expect(shapes(events)).toEqual(['day', 'api ×3', 'web ×3']);
});

test('what happens again after a long pause is a line of its own', () => {
  expect(shapes([event(noon), event(noon - group_gap_ms - 1)])).toEqual(['day', 'api ×1', 'api ×1']);
  expect(shapes([event(noon), event(noon - group_gap_ms)])).toEqual(['day', 'api ×2']);
});

test('a repetition is not looked for behind many other things', () => {
  const others = Array.from({ length: 9 }, (_, n) => event(noon - n, { service: `s${n}` }));
  expect(shapes([event(noon), ...others, event(noon - 10)]).at(-1)).toBe('api ×1');
});

test('a day begins with its own line, and nothing repeats across midnight', () => {
  const midnight = new Date(2026, 5, 15).getTime();
  const events = [event(midnight + 120_000), event(midnight - 120_000)];
  expect(shapes(events)).toEqual(['day', 'api ×1', 'day', 'api ×1']);
});

test('clocks that differ around midnight make no flood of days', () => {
  const midnight = new Date(2026, 5, 15).getTime();
  const events = [5_000, -5_000, 4_000, -4_000].map((away) => event(midnight + away));
  expect(shapes(events)).toEqual(['day', 'api ×4']);
});

test('every event is in exactly one line', () => {
  const events = Array.from({ length: 5_000 }, (_, n) =>
    event(noon - n * 60_000, { service: `s${(n * 7) % 13}`, kind: n % 3 ? 'service.crashed' : 'service.restarted' }),
  );
  const ids = timelineLines(events).flatMap((line) => (line.type === 'group' ? line.events.map(({ id }) => id) : []));
  expect(new Set(ids)).toEqual(new Set(events.map(({ id }) => id)));
  expect(ids).toHaveLength(events.length);
});

test('a line stays the same one when it happens again, and so does its day', () => {
  const before = [event(noon), event(noon - 1_000)];
  const newer = { ...event(noon + 1_000), cursor: 2_000_000, id: 'evt_newer' };
  const keys = (events: EventView[]) => timelineLines(events).map(({ key }) => key);
  expect(keys([newer, ...before])).toEqual(keys(before));
});

test('older events that come later give the same lines as if they had come at once', () => {
  const events = Array.from({ length: 300 }, (_, n) => event(noon - n * 400_000, { service: `s${n % 3}` }));
  const grouping = createGrouping();
  for (let first = 0; first < events.length; first += 70) grouping.append(events.slice(first, first + 70));
  expect(grouping.lines).toEqual(timelineLines(events));
});

test('nothing is no lines', () => {
  expect(timelineLines([])).toEqual([]);
});
