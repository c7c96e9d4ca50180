import { describe, expect, it } from 'vitest';
import { emptyWindow, indexOfCursor, type LogLine, type LogWindow, withNewer, withOlder } from './log-window.ts';

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
const cursors = (window: LogWindow) => window.lines.map(({ cursor }) => cursor);

describe('a window', () => {
  it('grows at both ends, and takes no line twice', () => {
    let window = withNewer(emptyWindow, lines(10, 12), 12, false);
    window = withNewer(window, lines(12, 14), 14, false);
    window = withOlder(window, lines(8, 10), true);
    expect(cursors(window)).toEqual([8, 9, 10, 11, 12, 13, 14]);
    expect(window).toMatchObject({ more_before: true, more_after: false, next: 14 });
  });
  it('is bounded: new lines drop the oldest, and say that there are older ones', () => {
    const window = withNewer(withNewer(emptyWindow, lines(1, 10), 10, false), lines(11, 15), 15, false, 10);
    expect(cursors(window)).toEqual([7, 8, 9, 10, 11, 12, 13, 14, 15]);
    expect(window.more_before).toBe(true);
  });
  it('is bounded: older lines drop the newest, which are then asked for again from where it ends', () => {
    const window = withOlder(withNewer(emptyWindow, lines(6, 15), 15, false), lines(1, 5), false, 10);
    expect(cursors(window)).toEqual(lines(1, 10).map(({ cursor }) => cursor));
    expect(window).toMatchObject({ more_before: false, more_after: true, next: 10 });
  });
  it('goes on from what was looked at, also where nothing of it was shown', () => {
    expect(withNewer(withNewer(emptyWindow, lines(1, 2), 2, false), [], 90, false).next).toBe(90);
  });
});

it('a cursor is found, or the place where it would be', () => {
  const some = [line(2), line(4), line(9)];
  expect([1, 2, 3, 4, 9, 10].map((cursor) => indexOfCursor(some, cursor))).toEqual([0, 0, 1, 1, 2, 3]);
});
