import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AgentLogLine } from '@mainstay/contract/agent-api';
import type { LogLineView } from '@mainstay/contract/operations/watch';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openStore, type Store } from '../store/store.ts';
import { type LogPosition, logPage } from './log-pages.ts';
import { insertLines, type LogFilter, log_lines_kept_max, logBounds, pruneLines } from './log-store.ts';

let folder = '';
let store: Store;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mainstay-logs-'));
  store = await openStore(join(folder, 'mainstay.db'));
});
afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

const { signal } = new AbortController();
const release = (digit: number) => `rel_${String(digit).repeat(24)}`;
const texts = ['INFO fine', 'WARN strange', 'ERROR broken', 'no level', 'DEBUG 100%_of', '{"level":50,"msg":"x"}'];

/** Lines of two stacks, two servers, three services and three releases; times go up, but for one server that is behind. */
function lineOf(index: number): AgentLogLine & { stack: string; server: string } {
  const server = index % 5 === 0 ? 'late' : 'main';
  return {
    seq: index + 1,
    at: 1_000 + index - (server === 'late' ? 7 : 0),
    stack: index % 7 === 0 ? 'blog' : 'shop',
    server,
    service: ['web', 'api', 'jobs'][index % 3]!,
    release_id: release(Math.floor(index / 40) % 3),
    stream: (['stdout', 'stderr', 'build'] as const)[index % 11 === 0 ? 2 : index % 2]!,
    text: `${texts[index % texts.length]} ${index}`,
  };
}

async function fill(count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    const { stack, server, ...line } = lineOf(index);
    await store.batch(insertLines(store, stack, server, [line]));
  }
}

/** Moves lines so far apart that going through them takes many slices. */
async function spread(): Promise<void> {
  const { last } = await logBounds(store);
  for (let cursor = last; cursor > 0; cursor -= 1) {
    await store.db
      .updateTable('log_lines')
      .set({ cursor: cursor * 2_503 })
      .where('cursor', '=', cursor)
      .execute();
  }
}

const page = (position: Partial<LogPosition> = {}, filter: Partial<LogFilter> = {}) =>
  logPage(store, { stack: 'shop', ...filter }, { limit: 10, ...position }, signal);
const numbers = (lines: readonly LogLineView[]) => lines.map(({ text }) => Number(/(\d+)$/.exec(text)?.[1] ?? -1));

/** Everything from the newest page back, or from before the first line on. */
async function all(direction: 'back' | 'on', limit: number, filter: Partial<LogFilter> = {}): Promise<LogLineView[]> {
  const lines: LogLineView[] = [];
  if (direction === 'back') {
    for (let found = await page({ limit }, filter); ; found = await page({ limit, before: found.previous }, filter)) {
      lines.unshift(...found.lines);
      if (!found.more_before) return lines;
    }
  }
  for (
    let found = await page({ limit, after: 0 }, filter);
    ;
    found = await page({ limit, after: found.next }, filter)
  ) {
    lines.push(...found.lines);
    if (!found.more_after) return lines;
  }
}

describe.each([
  ['close together', false],
  ['far apart', true],
])('pages of log lines that are %s', (_, isSpread) => {
  beforeEach(async () => {
    await fill(130);
    if (isSpread) await spread();
  });
  const expected = (fits: (line: ReturnType<typeof lineOf>, level: string | null) => boolean) => {
    const levels = ['info', 'warn', 'error', null, 'debug', 'error'];
    const lines = Array.from({ length: 130 }, (_, index) => lineOf(index));
    return lines
      .filter((line) => line.stack === 'shop' && fits(line, levels[(line.seq - 1) % 6] ?? null))
      .map(({ text }) => Number(/(\d+)$/.exec(text)?.[1] ?? -1));
  };

  it.each(['back', 'on'] as const)(
    'hold every line once and in order, going %s, whatever the size of a page',
    async (direction) => {
      for (const limit of [1, 7, 50, 500]) {
        expect(numbers(await all(direction, limit)), `${limit} a page`).toEqual(expected(() => true));
      }
    },
  );

  it.each<[string, Partial<LogFilter>, Parameters<typeof expected>[0]]>([
    ['a service', { service: 'api' }, (line) => line.service === 'api'],
    ['a server', { server: 'late' }, (line) => line.server === 'late'],
    ['a release', { release_id: release(1) }, (line) => line.release_id === release(1)],
    [
      'a release and a service',
      { release_id: release(1), service: 'web' },
      (line) => line.release_id === release(1) && line.service === 'web',
    ],
    ['a stream', { stream: 'build' }, (line) => line.stream === 'build'],
    ['errors', { level: 'error' }, (_, level) => level === 'error'],
    ['warnings and above', { level: 'warn' }, (_, level) => level === 'warn' || level === 'error'],
    ['any level', { level: 'debug' }, (_, level) => level !== null],
    ['a time', { from: 1_030, to: 1_060 }, (line) => line.at >= 1_030 && line.at <= 1_060],
    ['a text', { search: 'BROKEN' }, (line) => line.text.includes('broken')],
    ['a text with wildcards', { search: '%_o' }, (line) => line.text.includes('%_of')],
    ['nothing', { search: '%_b' }, () => false],
    ['a release that is none', { release_id: 'x' }, () => false],
  ])('of %s hold exactly those lines', async (_, filter, fits) => {
    for (const direction of ['back', 'on'] as const) {
      expect(numbers(await all(direction, 4, filter)), direction).toEqual(expected(fits));
    }
  });

  it('around a line have it in their middle, and go on in both directions', async () => {
    const every = await all('back', 500);
    const { cursor } = every[40]!;
    const middle = await page({ around: cursor, limit: 10 });
    expect(middle.lines).toEqual(every.slice(35, 45));
    expect(middle).toMatchObject({ more_before: true, more_after: true });
    expect((await page({ before: middle.previous, limit: 5 })).lines).toEqual(every.slice(30, 35));
    expect((await page({ after: middle.next, limit: 5 })).lines).toEqual(every.slice(45, 50));
    expect((await page({ around: cursor, limit: 1 })).lines).toEqual([every[40]]);
    expect((await page({ around: 1, limit: 4 })).lines).toEqual(every.slice(0, 2));
    const newest = await page({ around: every.at(-1)!.cursor + 1_000_000, limit: 4 });
    expect(newest.lines).toEqual(every.slice(-2));
  });

  it('of a release up to a moment end with the lines just before it, though others came later', async () => {
    const { lines } = await page({ limit: 5 }, { release_id: release(0), to: 1_030 });
    const before = expected((line) => line.release_id === release(0) && line.at <= 1_030);
    expect(numbers(lines)).toEqual(before.slice(-5));
  });

  it('that are cut short say from where to go on', async () => {
    const ended = AbortSignal.abort();
    const found: number[] = [];
    for (let before: number | undefined, rounds = 0; rounds < 200; rounds += 1) {
      const part = await logPage(store, { stack: 'shop', search: 'broken' }, { before, limit: 500 }, ended);
      found.unshift(...numbers(part.lines));
      before = part.previous;
      if (!part.more_before) break;
    }
    expect(found).toEqual(expected((line) => line.text.includes('broken')));
  });

  it('are followed from the end: what comes next is there, once', async () => {
    const { next, more_after } = await page();
    expect(more_after).toBe(false);
    expect(await page({ after: next })).toMatchObject({ lines: [], next });
    const { stack: _, server, ...line } = lineOf(131);
    await store.batch(insertLines(store, 'shop', server, [line]));
    const after = await page({ after: next });
    expect(numbers(after.lines)).toEqual([131]);
    expect((await page({ after: after.next })).lines).toEqual([]);
    // A filter that nothing fits moves on all the same.
    expect((await page({ after: next }, { service: 'none' })).next).toBe(after.next);
  });
});

it('before the first line there are empty pages, from which one can go on', async () => {
  for (const position of [{}, { after: 0 }, { before: 1 }, { around: 1 }]) {
    const empty = await page(position);
    expect(empty).toMatchObject({ lines: [], more_before: false, more_after: false });
    expect(empty.previous).toBeGreaterThan(0);
  }
  await fill(2);
  expect(numbers((await page({ after: 0 })).lines)).toEqual([1]);
});

it('only the newest lines are kept', async () => {
  await fill(3);
  await store.db
    .updateTable('log_lines')
    .set({ cursor: log_lines_kept_max + 2 })
    .where('cursor', '=', 3)
    .execute();
  await pruneLines(store);
  expect(await logBounds(store)).toEqual({ first: log_lines_kept_max + 2, last: log_lines_kept_max + 2 });
});
