/**
 * The output of a build on its way into the log sink, as it comes. The pipes are read only as fast as the sink stores and
 * no faster than the rate below, so that a build which prints without end waits instead of burning the agent's time; beyond
 * the most lines that are kept of one build, lines are counted and left out.
 */
import type { Readable } from 'node:stream';
import type { LastLine } from '@mainstay/contract/crash-report';
import type { Clock } from '@mainstay/runtime/clock';
import type { Logger } from '@mainstay/runtime/log';
import { keepLast } from './last-lines.ts';
import { line_bytes_max, splitLines } from './lines.ts';
import type { BuildSpec, LogLine, LogSink } from './supervisor.ts';

const lines_max = 100_000;
const bytes_max = 64 * 1024 * 1024;
const bytes_per_second = 4 * 1024 * 1024;
/** What is still in the pipes when the last process is gone is read within this time. */
const finish_wait_ms = 2_000;

export type BuildOutput = {
  follow(stdout: Readable, stderr: Readable): void;
  /** Waits for what is left in the pipes, and stores it; bounded in time. */
  finish(): Promise<void>;
  lastLines(): LastLine[];
};

export type BuildOutputOptions = { spec: BuildSpec; source_id: string; sink: LogSink; clock: Clock; log: Logger };

export function createBuildOutput(options: BuildOutputOptions): BuildOutput {
  const { spec, source_id, sink, clock, log } = options;
  const last_lines: LastLine[] = [];
  const pipes: { pipe: Readable; done: Promise<void> }[] = [];
  const finishing = new AbortController();
  let stored = 0;
  let stored_bytes = 0;
  let dropped = 0;
  let writing: Promise<void> = Promise.resolve();

  /** One write after the other, so that lines of the two pipes stay in the order in which they came. */
  function store(lines: string[]): Promise<void> {
    const records = recordsOf(lines);
    keepLast(last_lines, records);
    const room = stored_bytes < bytes_max ? Math.max(0, lines_max - stored) : 0;
    const kept = records.slice(0, room);
    stored += kept.length;
    stored_bytes += kept.reduce((sum, line) => sum + line.text.length, 0);
    dropped += lines.length - kept.length;
    if (kept.length > 0) writing = writing.then(() => write(kept));
    return writing;
  }

  function recordsOf(lines: string[]): LogLine[] {
    const { service, release_id } = spec;
    const at = clock.now();
    return lines.map((text) => ({ at, service, release_id, stream: 'build', text }));
  }

  async function write(lines: LogLine[]): Promise<void> {
    try {
      await sink.write(source_id, lines, String(stored));
    } catch (error) {
      log.warn({ err: error, build: spec.id }, 'lines of a build could not be stored');
    }
  }

  async function read(pipe: Readable): Promise<void> {
    let rest: Buffer = Buffer.alloc(0);
    let skipping = false;
    const take = async (bytes: Buffer, final: boolean) => {
      let at = 0;
      while (at < bytes.length) {
        const split = splitLines(bytes.subarray(at), skipping, final);
        skipping = split.skipping;
        if (split.consumed === 0) break;
        at += split.consumed;
        await store(split.lines);
      }
      rest = bytes.subarray(at);
    };
    try {
      for await (const chunk of pipe as AsyncIterable<Buffer>) {
        await take(rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk, false);
        await clock.sleep(Math.floor((chunk.length / bytes_per_second) * 1000), finishing.signal);
      }
    } catch (error) {
      if (!finishing.signal.aborted) log.warn({ err: error, build: spec.id }, 'the output of a build cannot be read');
    }
    await take(rest.subarray(0, line_bytes_max + 1), true);
  }

  async function within(work: Promise<unknown>): Promise<void> {
    const waited = new AbortController();
    await Promise.race([work.finally(() => waited.abort()), clock.sleep(finish_wait_ms, waited.signal)]);
  }

  return {
    follow(stdout, stderr) {
      for (const pipe of [stdout, stderr]) pipes.push({ pipe, done: read(pipe) });
    },
    async finish() {
      finishing.abort();
      await within(Promise.all(pipes.map(({ done }) => done)));
      for (const { pipe } of pipes) pipe.destroy();
      if (dropped > 0) {
        const note = `… ${dropped} lines dropped: a build may store ${lines_max} lines and 64 MiB`;
        writing = writing.then(() => write(recordsOf([note])));
      }
      await within(writing);
    },
    lastLines: () => [...last_lines],
  };
}
