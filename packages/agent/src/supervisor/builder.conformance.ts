/** The laws of the builder port. Every adapter runs them, with real processes. */
import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Limits } from '@mainstay/contract/stack';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BuilderOptions } from './build-run.ts';
import {
  canMount,
  fileSink,
  isRunning,
  onSmallDisk,
  processesWith,
  temporaryFolder,
  until,
} from './supervisor.fixtures.ts';
import type { Builder, BuildSpec, LogSink, Supervisor } from './supervisor.ts';

const build_id = `bld_${'a'.repeat(24)}`;

export type BuilderUnderTest = {
  create(options: BuilderOptions): Builder;
  /** What sweeps its builds. */
  supervise(options: { home: string; sink: LogSink }): Supervisor;
  /** Runs a build in another process, as another agent with the same home; its lines go to a file. */
  buildElsewhere(options: ElsewhereOptions): ChildProcess;
};

export type ElsewhereOptions = { home: string; lines: string; spec: BuildSpec };

export function builderConformance(name: string, { create, supervise, buildElsewhere }: BuilderUnderTest) {
  describe(`builder: ${name}`, () => {
    let folder: ReturnType<typeof temporaryFolder>;
    let home: string;
    let sink: ReturnType<typeof fileSink>;

    beforeEach(() => {
      folder = temporaryFolder();
      home = join(folder.path, 'home');
      mkdirSync(join(home, 'builds', build_id), { recursive: true });
      sink = fileSink(join(folder.path, 'lines'));
    });

    afterEach(() => folder.remove());

    function specOf(command: BuildSpec['command'], limits: object = {}): BuildSpec {
      const checkout = join(home, 'builds', build_id);
      return {
        id: build_id,
        service: 'api',
        release_id: `rel_${'0'.repeat(24)}`,
        directory: checkout,
        checkout,
        command,
        // By this the test finds the processes of the build.
        env: { BUILD_OF: folder.path },
        limits: Limits.parse(limits),
      };
    }

    function build(command: BuildSpec['command'], limits: object = {}, signal = new AbortController().signal) {
      return create({ home, sink }).build(specOf(command, limits), signal);
    }

    const left = () => processesWith(`BUILD_OF=${folder.path}`);

    it('a build that succeeds is told with its output, and had low priority and its own environment', async () => {
      process.env['AGENT_TOKEN'] = 'secret';
      const outcome = await build('echo one; echo two >&2; nice; env; pwd; echo made > file');
      delete process.env['AGENT_TOKEN'];
      expect(outcome).toMatchObject({ ok: true });
      const lines = sink.lines(build_id);
      expect(lines).toEqual(expect.arrayContaining(['one', 'two', '10', join(home, 'builds', build_id)]));
      expect(lines.join()).not.toMatch(/secret|MAINSTAY_HOME/);
      expect(
        sink
          .entries()
          .flatMap((entry) => entry.lines)
          .every((line) => line.stream === 'build'),
      ).toBe(true);
      expect(readdirSync(join(home, 'builds'))).toEqual([build_id]);
    });

    it('a build that fails tells its exit code and its last lines, twenty at most', async () => {
      const outcome = await build('i=0; while [ $i -lt 80 ]; do i=$((i+1)); echo line $i; done; exit 4');
      expect(outcome).toMatchObject({ ok: false, reason: 'exit', message: expect.stringContaining('exit code 4') });
      const last = outcome.ok ? [] : outcome.last_lines;
      expect(last.map(({ text }) => text)).toEqual(Array.from({ length: 20 }, (_, i) => `line ${i + 61}`));
      expect(last.every(({ at, stream }) => at > 0 && stream === 'build')).toBe(true);
    });

    it('a program that is not there is told by name', async () => {
      expect(await build(['no-such-compiler'])).toMatchObject({
        ok: false,
        reason: 'cannot_start',
        message: expect.stringContaining('no-such-compiler'),
      });
    });

    it('a build that hangs is ended with all that it started', async () => {
      const outcome = await build('trap "" TERM; setsid sleep 330 & sleep 331', { build_timeout_seconds: 1 });
      expect(outcome).toMatchObject({ ok: false, reason: 'timeout', message: expect.stringContaining('1 s') });
      expect(left()).toEqual([]);
    });

    it('a build that succeeds leaves no process behind', async () => {
      expect(await build('setsid sleep 332 & sleep 333 & echo done')).toMatchObject({ ok: true });
      expect(sink.lines(build_id)).toEqual(['done']);
      expect(left()).toEqual([]);
    });

    it('a build that forks without end is stopped, those that leave the session included', async () => {
      // Bounded all the same, should it not be: 2 to the power of 9 at most.
      const bomb = '[ $1 -gt 0 ] && { setsid sh "$0" $(($1-1)) & sh "$0" $(($1-1)) & }; sleep 334';
      const outcome = await build(`printf '%s' '${bomb}' > bomb.sh; sh bomb.sh 9`, { build_processes: 60 });
      expect(outcome).toMatchObject({ ok: false, reason: 'process_limit' });
      expect(left()).toEqual([]);
    });

    it('a build that takes too much memory is stopped', async () => {
      const hog = [process.execPath, '-e', 'globalThis.hog = Buffer.alloc(3e8, 1); setInterval(() => {}, 1e6)'];
      expect(await build(hog, { build_memory_mb: 150 })).toMatchObject({ ok: false, reason: 'memory_limit' });
      expect(left()).toEqual([]);
    });

    it('a build that writes too much is stopped, into its temporary folder too, and also when it is quick', async () => {
      const limits = { build_disk_mb: 20 };
      expect(await build('head -c 40M /dev/zero > big; sleep 335', limits)).toMatchObject({ reason: 'disk_limit' });
      expect(await build('rm big; head -c 40M /dev/zero > "$TMPDIR/big"; sleep 336', limits)).toMatchObject({
        reason: 'disk_limit',
      });
      expect(await build('head -c 40M /dev/zero > big', limits)).toMatchObject({ ok: false, reason: 'disk_limit' });
      expect(left()).toEqual([]);
    });

    it('a build that is no longer wanted is ended', async () => {
      const abort = new AbortController();
      const outcome = build('echo up; sleep 337', {}, abort.signal);
      await until('it runs', () => sink.lines(build_id).includes('up'));
      abort.abort();
      expect(await outcome).toMatchObject({ ok: false, reason: 'aborted' });
      expect(left()).toEqual([]);
      expect(await build('echo again', {}, AbortSignal.abort())).toMatchObject({ ok: false, reason: 'aborted' });
    });

    it('a build that prints without end is held back, and what is stored of it is bounded', async () => {
      const outcome = await build('yes "without end"', { build_timeout_seconds: 2 });
      expect(outcome).toMatchObject({ ok: false, reason: 'timeout' });
      expect(sink.lines(build_id).length).toBeLessThanOrEqual(100_001);
      expect(left()).toEqual([]);
    });

    it('a build whose agent was killed is swept, and one whose agent lives is not', async () => {
      const running = build('echo up; sleep 338');
      await until('it runs', () => sink.lines(build_id).includes('up'));
      const spec = { ...specOf('sleep 339'), id: `bld_${'b'.repeat(24)}`, env: { ORPHAN_OF: folder.path } };
      const agent = buildElsewhere({ home, lines: join(folder.path, 'orphan'), spec });
      const orphans = () => processesWith(`ORPHAN_OF=${folder.path}`);
      await until('the other build runs', () => orphans().length > 0);
      agent.kill('SIGKILL');
      await until('the end of the agent', () => agent.signalCode === 'SIGKILL');
      const supervisor = supervise({ home, sink });
      expect(await supervisor.sweep(new Set())).toEqual([`bld_${'b'.repeat(24)}`]);
      await supervisor.detach();
      expect(orphans()).toEqual([]);
      const alive = left();
      expect(alive.length).toBeGreaterThan(0);
      // The end of the first process may be that of all.
      for (const pid of alive) if (isRunning(pid)) process.kill(pid, 'SIGKILL');
      expect(await running).toMatchObject({ ok: false, reason: 'exit' });
    });

    it.skipIf(!canMount())('a build stops before it fills the disk (needs root, for a small tmpfs)', async () => {
      await onSmallDisk(join(folder.path, 'small'), 64, async (small) => {
        home = small;
        const checkout = join(home, 'builds', build_id);
        mkdirSync(checkout, { recursive: true });
        const builder = create({ home, sink, free_bytes_min: 32 * 1024 * 1024 });
        const spec = specOf('head -c 40M /dev/zero > big; sleep 340');
        const outcome = await builder.build(spec, new AbortController().signal);
        expect(outcome).toMatchObject({
          ok: false,
          reason: 'disk_full',
          message: expect.stringContaining('MiB of disk'),
        });
        expect(left()).toEqual([]);
        expect(existsSync(join(checkout, 'big'))).toBe(true);
      });
    });
  });
}
