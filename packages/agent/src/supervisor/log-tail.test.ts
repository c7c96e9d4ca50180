import { appendFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '@mainstay/runtime/clock';
import { type Exec, systemExec } from '@mainstay/runtime/exec';
import { silentLogger } from '@mainstay/runtime/log';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLogTail, type LogTail } from './log-tail.ts';
import { fileSink, temporaryFolder } from './supervisor.fixtures.ts';

const bytes_max = 64 * 1024;

describe('log tail', () => {
  let folder: ReturnType<typeof temporaryFolder>;
  let path: string;
  let tail: LogTail;

  beforeEach(() => {
    folder = temporaryFolder();
    path = join(folder.path, 'stdout.log');
    writeFileSync(path, '');
  });

  afterEach(async () => {
    await tail.close();
    folder.remove();
  });

  function follow(exec: Exec = systemExec) {
    const sink = fileSink(join(folder.path, 'lines'));
    const line = { service: 'api', release_id: 'rel', stream: 'stdout' } as const;
    tail = createLogTail({
      path,
      source_id: 'x',
      line,
      sink,
      exec,
      bytes_max,
      clock: systemClock,
      log: silentLogger(),
    });
    return sink;
  }

  /** A file system on which fallocate(1) does not succeed. */
  const without_holes: Exec = (argv, options) => systemExec(argv[0] === 'fallocate' ? ['false'] : argv, options);

  it.each([
    ['holes', systemExec],
    ['truncation', without_holes],
  ])('keeps the file small by %s, and loses and repeats no line over restarts', async (_, exec) => {
    let sink = follow(exec);
    const written: string[] = [];
    for (let i = 0; i < 40; i++) {
      const lines = Array.from({ length: 50 }, (_, j) => `line ${i} ${j} ${'x'.repeat(500)}`);
      written.push(...lines);
      appendFileSync(path, `${lines.join('\n')}\n`);
      expect(tail.hasMore()).toBe(true);
      await tail.pump();
      expect(tail.hasMore()).toBe(false);
      expect(statSync(path).blocks * 512).toBeLessThan(bytes_max * 2);
      if (i % 7 !== 0) continue;
      await tail.close();
      sink = follow(exec);
      await tail.pump();
    }
    expect(sink.lines('x')).toEqual(written);
  });

  it('a line that is not whole yet is stored once it is, or at the end', async () => {
    const sink = follow();
    appendFileSync(path, 'one\ntw');
    await tail.pump();
    expect(sink.lines('x')).toEqual(['one']);
    appendFileSync(path, 'o\nthree');
    await tail.pump();
    expect(sink.lines('x')).toEqual(['one', 'two']);
    expect(await tail.finish()).toBe(true);
    expect(sink.lines('x')).toEqual(['one', 'two', 'three']);
    expect(tail.lastLines()).toMatchObject(['one', 'two', 'three'].map((text) => ({ stream: 'stdout', text })));
  });

  it('the rest of a line that was cut is left out, also when the agent restarts within it', async () => {
    follow();
    appendFileSync(path, 'x'.repeat(20_000));
    await tail.pump();
    await tail.close();
    const sink = follow();
    appendFileSync(path, `${'y'.repeat(20_000)}\nnext\n`);
    await tail.pump();
    expect(sink.lines('x').map((line) => line.replace(/x+/, 'x'))).toEqual(['x … [line cut at 16384 bytes]', 'next']);
  });

  it('output beyond the room that is left is dropped in whole lines, and counted', async () => {
    const sink = follow();
    const lines = Array.from({ length: 400 }, (_, i) => `line ${i} ${'x'.repeat(500)}`);
    appendFileSync(path, `${lines.join('\n')}\n`);
    await tail.pump();
    const [note, ...rest] = sink.lines('x');
    const dropped = Number(/^… (\d+) lines dropped/.exec(note ?? '')?.[1]);
    expect(rest).toEqual(lines.slice(dropped));
    expect(rest.length).toBeGreaterThan(0);
  });
});
