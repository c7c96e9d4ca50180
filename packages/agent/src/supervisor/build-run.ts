/**
 * Runs builds under limits, the same wherever their processes come from: a launcher starts them, and here they are watched and
 * told about. Whatever ends a build, no process of it is left afterwards. A build dies with its agent: its mark names the
 * agent's process, and the supervisor's sweep ends builds whose agent is gone.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { AppError } from '@mainstay/contract/errors';
import { type Clock, systemClock } from '@mainstay/runtime/clock';
import { type Exec, systemExec } from '@mainstay/runtime/exec';
import { type Logger, silentLogger } from '@mainstay/runtime/log';
import { type BuildEnd, describeBuildEnd } from './build-outcome.ts';
import { type BuildOutput, createBuildOutput } from './build-output.ts';
import { readProcess } from './proc.ts';
import { limitExceeded, type ProcessGroup } from './process-group.ts';
import type { Builder, BuildOutcome, BuildSpec, LogSink } from './supervisor.ts';

const watch_interval_ms = 250;
const disk_interval_ms = 1_000;
/** Measuring the folder takes at most this share of the time. */
const disk_share = 0.1;
/** The build ends when the file system has less room than this. */
const free_bytes_min = 256 * 1024 * 1024;

export type BuilderOptions = {
  /** The agent's home; must exist. */
  home: string;
  sink: LogSink;
  clock?: Clock;
  exec?: Exec;
  log?: Logger;
  /** Bytes that the file system must keep free; 256 MiB unless told otherwise. */
  free_bytes_min?: number;
};

/** A build that runs. */
export type StartedBuild = {
  stdout: Readable;
  stderr: Readable;
  group: Pick<ProcessGroup, 'members' | 'kill'>;
  /** How its first process ended. */
  ended: Promise<BuildEnd>;
  /** Called when no process of it is left. */
  clear?(): Promise<void>;
};

/** What a launcher is told beside the spec. `temporary` is a folder of the build's own, which goes with it. */
export type LaunchNeeds = { temporary: string; agent_process: { pid: number; start_ticks: number } };

/** Starts the processes of a build. Throws AppError when they cannot be started. */
export type BuildLauncher = (spec: BuildSpec, needs: LaunchNeeds) => Promise<StartedBuild>;

export function createBuilder(options: BuilderOptions, launch: BuildLauncher): Builder {
  const { home, sink, clock = systemClock, exec = systemExec, log = silentLogger() } = options;
  const free_min = options.free_bytes_min ?? free_bytes_min;
  const agent_process = { pid: process.pid, start_ticks: readProcess(process.pid)?.start_ticks ?? 0 };

  /** Bytes on disk; null when they cannot be measured just now, as when files vanish meanwhile. */
  async function measure(folders: string[], signal: AbortSignal): Promise<number | null> {
    // Without -x: on an overlay, as in containers, files seem to lie on another file system than their folder.
    const result = await exec(['du', '-skc', '--', ...folders], { timeout_ms: 60_000, signal });
    const total = /(\d+)\s+total\s*$/.exec(result.stdout)?.[1];
    return total === undefined ? null : Number(total) * 1024;
  }

  /** How it went beyond the room that it has, if it did. */
  async function diskExceeded(spec: BuildSpec, temporary: string, signal: AbortSignal): Promise<BuildEnd | null> {
    // A checkout that somebody removed takes no room.
    const file_system = await statfs(spec.checkout).catch(() => null);
    if (file_system === null) return null;
    const free = file_system.bavail * file_system.bsize;
    if (free < free_min) return { reason: 'disk_full', used: free };
    const used = await measure([spec.checkout, temporary], signal);
    return used !== null && used > spec.limits.build_disk_mb * 1024 * 1024 ? { reason: 'disk_limit', used } : null;
  }

  async function watchDisk(spec: BuildSpec, temporary: string, end: (why: BuildEnd) => void, ended: AbortSignal) {
    while (!ended.aborted) {
      const started = performance.now();
      const exceeded = await diskExceeded(spec, temporary, ended);
      if (exceeded !== null) return end(exceeded);
      await clock.sleep(Math.max(disk_interval_ms, (performance.now() - started) / disk_share), ended);
    }
  }

  async function watchProcesses(
    spec: BuildSpec,
    group: StartedBuild['group'],
    end: (why: BuildEnd) => void,
    ended: AbortSignal,
  ) {
    const { build_memory_mb: memory_mb, build_processes: processes, build_timeout_seconds } = spec.limits;
    const until = clock.now() + build_timeout_seconds * 1000;
    while (!ended.aborted) {
      const exceeded = limitExceeded(group.members(), { memory_mb, processes });
      if (exceeded !== null) return end(exceeded);
      if (clock.now() >= until) return end({ reason: 'timeout', used: build_timeout_seconds });
      await clock.sleep(Math.min(watch_interval_ms, until - clock.now()), ended);
    }
  }

  async function run(spec: BuildSpec, signal: AbortSignal, temporary: string, output: BuildOutput): Promise<BuildEnd> {
    if (signal.aborted) return { reason: 'aborted' };
    let started: StartedBuild;
    try {
      started = await launch(spec, { temporary, agent_process });
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      return { reason: 'cannot_start', message: error.message, hint: error.hint ?? null };
    }
    const { group } = started;
    output.follow(started.stdout, started.stderr);
    const finished = Promise.withResolvers<BuildEnd>();
    const ended = new AbortController();
    const abort = () => finished.resolve({ reason: 'aborted' });
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    started.ended.then(finished.resolve, finished.reject);
    const watches = [
      watchProcesses(spec, group, finished.resolve, ended.signal),
      watchDisk(spec, temporary, finished.resolve, ended.signal),
    ].map((watch) => watch.catch((error: unknown) => finished.reject(error)));
    try {
      return await finished.promise;
    } finally {
      ended.abort();
      signal.removeEventListener('abort', abort);
      if (!(await group.kill())) {
        const pids = group.members().map((row) => row.pid);
        log.error({ build: spec.id, pids }, 'processes of a build withstand SIGKILL');
      }
      await Promise.all(watches);
      await output.finish();
      await started.clear?.();
    }
  }

  return {
    async build(spec, signal) {
      const started = clock.now();
      const temporary = join(home, 'builds', `.tmp-${spec.id}`);
      rmSync(temporary, { recursive: true, force: true });
      mkdirSync(temporary, { recursive: true, mode: 0o700 });
      const output = createBuildOutput({ spec, source_id: `${spec.id}/${started}`, sink, clock, log });
      try {
        let end = await run(spec, signal, temporary, output);
        // What a quick build wrote, the watch may not have seen; and a build may fail for the very want of room.
        if (end.reason === 'exit') end = (await diskExceeded(spec, temporary, signal)) ?? end;
        const duration_ms = clock.now() - started;
        if (end.reason === 'exit' && end.code === 0) return { ok: true, duration_ms };
        const outcome: BuildOutcome = {
          ok: false,
          duration_ms,
          ...describeBuildEnd(end, spec),
          last_lines: output.lastLines(),
        };
        return outcome;
      } finally {
        rmSync(temporary, { recursive: true, force: true });
      }
    },
  };
}
