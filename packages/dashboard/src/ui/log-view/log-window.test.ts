import { describe, expect, it } from 'vitest';
import {
  indexOfCursor,
  type LogLine,
  type LogPage,
  type LogWindow,
  windowOf,
  withNewer,
  withOlder,
} from './log-window.ts';

const line = (cursor: number): LogLine =>
  ({
    cursor,
    at: cursor,
    server: 'a',
    service: 'api',
    release_id: 'rel',
    stream: 'stdout',
    text: `line ${cursor}`,
  }) as LogLine;
const lines = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => line(from + index));
const page = (from: number, to: number, more: Partial<LogPage> = {}): LogPage => ({
  lines: lines(from, to),
  previous: from,
  next: to,
  more_before: false,
  more_after: false,
  ...more,
});
const cursors = (window: LogWindow) => window.lines.map(({ cursor }) => cursor);

describe('a window', () => {
  it('grows at both ends, and takes no line twice', () => {
    let window = windowOf(page(10, 12));
    window = withNewer(window, page(12, 14));
    window = withOlder(window, page(8, 10, { more_before: true }));
    expect(cursors(window)).toEqual([8, 9, 10, 11, 12, 13, 14]);
    expect(window).toMatchObject({ more_before: true, more_after: false, previous: 8, next: 14 });
  });
  it('is bounded: new lines drop the oldest, which are asked for again from where it begins', () => {
    const window = withNewer(windowOf(page(1, 10)), page(11, 15), 10);
    expect(cursors(window)).toEqual([7, 8, 9, 10, 11, 12, 13, 14, 15]);
    expect(window).toMatchObject({ more_before: true, previous: 7 });
  });
  it('is bounded: older lines drop the newest, which are asked for again from where it ends', () => {
    const window = withOlder(windowOf(page(6, 15)), page(1, 5), 10);
    expect(cursors(window)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(window).toMatchObject({ more_before: false, more_after: true, next: 10 });
  });
  it('goes on from what was looked at, also where nothing of it fits', () => {
    const window = windowOf(page(50, 51, { more_before: true }));
    const nothing = { lines: [], previous: 20, next: 90, more_before: true, more_after: true };
    expect(withNewer(window, nothing)).toMatchObject({ next: 90, previous: 50, more_after: true });
    expect(withOlder(window, nothing)).toMatchObject({ next: 51, previous: 20, more_before: true });
  });
});

it('a cursor is found, or the place where it would be', () => {
  const some = [line(2), line(4), line(9)];
  expect([1, 2, 3, 4, 9, 10].map((cursor) => indexOfCursor(some, cursor))).toEqual([0, 0, 1, 1, 2, 3]);
});
