import { AppError } from '@mainstay/contract/app-error';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createLogReader, type ListLogs, type LogReader } from './log-reader.ts';
import type { LogLine } from './log-window.ts';

/** The machine may be busy. */
const soon = { timeout: 20_000, interval: 10 };
const last = (reader: LogReader) => reader.state().window.lines.at(-1)?.cursor;
const first = (reader: LogReader) => reader.state().window.lines[0]?.cursor;

/** A log in memory that pages as the operation says; a search looks at `looked_max` lines at a time. */
function memoryLog(count: number, looked_max = 10_000) {
  const lines: LogLine[] = [];
  const print = (more: number) => {
    for (let index = 0; index < more; index++) {
      const cursor = lines.length + 1;
      lines.push({ cursor, at: cursor * 10, text: `line ${cursor}`, release_id: 'rel' } as LogLine);
    }
  };
  print(count);
  const list: ListLogs = async ({ after, before, around, limit = 200, search, to }) => {
    const fits = lines.filter((line) => to === undefined || line.at <= to);
    const isForward = after !== undefined;
    const middle = around === undefined ? undefined : Math.max(0, around - 1 - limit / 2);
    const from = middle ?? (isForward ? after : Math.max(0, (before ?? fits.length + 1) - 1 - looked_max));
    const until =
      middle !== undefined ? middle + limit : isForward ? from + looked_max : (before ?? fits.length + 1) - 1;
    const looked = fits.slice(from, until);
    const found = looked.filter(({ text }) => search === undefined || text.includes(search));
    const page = isForward || middle !== undefined ? found.slice(0, limit) : found.slice(-limit);
    const isCut = page.length < found.length;
    const begin = isCut && !isForward ? page[0]!.cursor : from + 1;
    const end = isCut && isForward ? page.at(-1)!.cursor : from + looked.length;
    return {
      lines: page,
      previous: Math.max(1, begin),
      next: end,
      more_before: begin > 1,
      more_after: end < fits.length,
    };
  };
  return { list, print };
}

const readers: LogReader[] = [];
afterEach(() => {
  for (const reader of readers.splice(0)) reader.close();
});

function readerOf(list: ListLogs): LogReader {
  const reader = createLogReader(list);
  readers.push(reader);
  return reader;
}

const opened = (reader: LogReader) => vi.waitFor(() => expect(reader.state().is_opening).toBe(false), soon);

describe('a reader', () => {
  it('opens at the end and goes back without a hole', async () => {
    const reader = readerOf(memoryLog(9_000).list);
    reader.open({ stack: 's' }, 'end');
    await opened(reader);
    expect(last(reader)).toBe(9_000);
    while (reader.state().window.more_before) {
      reader.older();
      await vi.waitFor(() => expect(reader.state().is_loading_older).toBe(false), soon);
    }
    const cursors = reader.state().window.lines.map(({ cursor }) => cursor);
    expect(cursors).toEqual(Array.from({ length: 9_000 }, (_, index) => index + 1));
  });

  it('opens at a line, a moment and the beginning', async () => {
    const reader = readerOf(memoryLog(9_000).list);
    reader.open({ stack: 's' }, { line: 4_000 });
    await vi.waitFor(() => expect(reader.state().opened_at).toBe(4_000), soon);
    expect(reader.state().window).toMatchObject({ more_before: true, more_after: true });
    reader.open({ stack: 's' }, { time: 25_005 });
    await vi.waitFor(() => expect(reader.state().opened_at).toBe(2_500), soon);
    reader.open({ stack: 's' }, 'beginning');
    await vi.waitFor(() => expect(first(reader)).toBe(1), soon);
    expect(reader.state().opened_at).toBeNull();
  });

  it('adds what is new, and counts it for whoever reads further up', async () => {
    const log = memoryLog(50);
    const reader = readerOf(log.list);
    reader.open({ stack: 's' }, 'end');
    await opened(reader);
    reader.follow(false);
    log.print(7);
    reader.newer();
    await vi.waitFor(() => expect(last(reader)).toBe(57), soon);
    expect(reader.state().arrived).toBe(7);
    reader.follow(true);
    expect(reader.state().arrived).toBe(0);
  });

  it('jumps to the end when it follows and cannot keep up, but leaves what is read in place', async () => {
    const log = memoryLog(50, 4_000);
    const reader = readerOf(log.list);
    reader.open({ stack: 's' }, 'end');
    await opened(reader);
    log.print(90_000);
    reader.newer();
    await vi.waitFor(() => expect(last(reader)).toBe(90_050), soon);
    expect(reader.state().window.more_before).toBe(true);

    const quiet = readerOf(log.list);
    quiet.open({ stack: 's' }, 'end');
    await opened(quiet);
    quiet.follow(false);
    const top = first(quiet);
    log.print(90_000);
    quiet.newer();
    await vi.waitFor(() => expect(quiet.state().window.more_after).toBe(true), soon);
    expect(first(quiet)).toBe(top);
  });

  it('goes on looking when a search finds little, and finds lines that are not loaded', async () => {
    const log = memoryLog(9_000, 500);
    const reader = readerOf(log.list);
    reader.open({ stack: 's', search: 'line 777' }, 'end');
    await vi.waitFor(() => expect(reader.state().window.lines.map(({ cursor }) => cursor)).toContain(777), soon);
    expect(await reader.find('line 12', { before: 500 })).toBe(129);
    expect(await reader.find('nowhere', { after: 0 })).toBeNull();
  });

  it('shows nothing of what was asked before it was opened anew', async () => {
    const log = memoryLog(100);
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const reader = readerOf(async (input, signal) => {
      if (input.search === 'line 3') await held;
      return log.list(input, signal);
    });
    reader.open({ stack: 's', search: 'line 3' }, 'end');
    reader.open({ stack: 's', search: 'line 5' }, 'end');
    await opened(reader);
    release();
    await held;
    expect(reader.state().window.lines.every(({ text }) => text.includes('line 5'))).toBe(true);
  });

  it('tells what went wrong, keeps what it has, and does not ask again at once', async () => {
    const log = memoryLog(5_000);
    let isDown = false;
    let asked = 0;
    const reader = readerOf((input, signal) => {
      asked++;
      return isDown ? Promise.reject(new AppError('Unavailable', 'No answer.')) : log.list(input, signal);
    });
    reader.open({ stack: 's' }, 'end');
    await opened(reader);
    isDown = true;
    reader.older();
    await vi.waitFor(() => expect(reader.state().error?.code).toBe('Unavailable'), soon);
    const before = asked;
    reader.older();
    reader.newer();
    expect(asked).toBe(before);
    expect(reader.state().window.lines).toHaveLength(1_000);
  });
});
