/**
 * Runs builds as child processes under limits, at low priority so that what is served comes first. Whatever ends a build,
 * no process of it is left afterwards. A build dies with its agent: its mark names the agent's process, and the supervisor's
 * sweep ends builds whose agent is gone.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '@mainstay/contract/errors';
import { type Clock, systemClock } from '@mainstay/runtime/clock';
import { type Exec, systemExec } from '@mainstay/runtime/exec';
import { type Logger, silentLogger } from '@mainstay/runtime/log';
import { type BuildEnd, describeBuildEnd } from './build-outcome.ts';
import { type BuildOutput, createBuildOutput } from './build-output.ts';
import { argvOf, basicEnvironment, checkCommand, findWrappers, resourceLimits, wrapCommand } from './command.ts';
import { countThreadsOfUser, readProcess } from './proc.ts';
import {
  agentMark,
  createProcessGroup,
  createProcessTable,
  limitExceeded,
  markEnvironment,
  type ProcessGroup,
} from './process-group.ts';
import type { Builder, BuildOutcome, BuildSpec, LogSink } from './supervisor.ts';
import { buildMarkId } from './sweep.ts';

const watch_interval_ms = 250;
const disk_interval_ms = 1_000;
/** Measuring the folder takes at most this share of the time. */
const disk_share = 0.1;
/** The build ends when the file system has less room than this. */
const free_bytes_min = 256 * 1024 * 1024;
/** When memory runs out, the kernel is to take a build before a service (proc(5), oom_score_adj). */
const oom_score = '500';

export type ProcessBuilderOptions = {
  /** The agent's home; must exist. */
  home: string;
  sink: LogSink;
  clock?: Clock;
  exec?: Exec;
  log?: Logger;
  /** What every build is given before its own variables: PATH, HOME and LANG unless told otherwise. */
  base_env?: Record<string, string>;
  /** Bytes that the file system must keep free; 256 MiB unless told otherwise. */
  free_bytes_min?: number;
};

export function createProcessBuilder(options: ProcessBuilderOptions): Builder {
  const { home, sink, clock = systemClock, exec = systemExec, log = silentLogger() } = options;
  const free_min = options.free_bytes_min ?? free_bytes_min;
  const base_env = options.base_env ?? basicEnvironment();
  const agent = agentMark(home);
  const agent_process = { pid: process.pid, start_ticks: readProcess(process.pid)?.start_ticks ?? 0 };
  const wrappers = findWrappers();
  const table = createProcessTable();
  const uid = process.getuid?.() ?? 0;

  /** Bytes on disk; null when they cannot be measured just now, as when files vanish meanwhile. */
  async function measure(folders: string[], signal: AbortSignal): Promise<number | null> {
    const result = await exec(['du', '-skxc', '--', ...folders], { timeout_ms: 60_000, signal });
    const total = /(\d+)\s+total\s*$/.exec(result.stdout)?.[1];
    return total === undefined ? null : Number(total) * 1024;
  }

  async function watchDisk(spec: BuildSpec, temporary: string, end: (why: BuildEnd) => void, ended: AbortSignal) {
    while (!ended.aborted) {
      const started = performance.now();
      const file_system = await statfs(spec.checkout);
      const free = file_system.bavail * file_system.bsize;
      if (free < free_min) return end({ reason: 'disk_full', used: free });
      const used = await measure([spec.checkout, temporary], ended);
      if (used !== null && used > spec.limits.build_disk_mb * 1024 * 1024) return end({ reason: 'disk_limit', used });
      await clock.sleep(Math.max(disk_interval_ms, (performance.now() - started) / disk_share), ended);
    }
  }

  async function watchProcesses(
    spec: BuildSpec,
    group: ProcessGroup,
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
    const id = buildMarkId(spec.id, agent_process);
    const mark = { agent, id, kind: 'build' } as const;
    const env: Record<string, string> = { ...base_env, TMPDIR: temporary, ...spec.env, ...markEnvironment(mark) };
    try {
      checkCommand('build', spec.command, spec.directory, env['PATH'] ?? '');
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      return { reason: 'cannot_start', message: error.message, hint: error.hint ?? null };
    }
    if (signal.aborted) return { reason: 'aborted' };
    const processes = spec.limits.build_processes;
    const limits = resourceLimits(processes, uid === 0 ? 0 : countThreadsOfUser(uid), uid === 0);
    const [file, ...args] = wrapCommand(argvOf(spec.command), wrappers, limits, 'low');
    const child = spawn(file, args, { cwd: spec.directory, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    const finished = Promise.withResolvers<BuildEnd>();
    child.once('error', (error) => {
      finished.resolve({
        reason: 'cannot_start',
        message: `The build could not be started: ${error.message}.`,
        hint: null,
      });
    });
    if (child.pid === undefined) return finished.promise;
    output.follow(child.stdout, child.stderr);
    lowerPriorityForMemory(child.pid);
    const leader = { pid: child.pid, start_ticks: readProcess(child.pid)?.start_ticks ?? 0 };
    const group = createProcessGroup({ table, clock, mark, leader });
    const ended = new AbortController();
    const abort = () => finished.resolve({ reason: 'aborted' });
    signal.addEventListener('abort', abort, { once: true });
    child.once('exit', (code, by) => finished.resolve({ reason: 'exit', code, signal: by }));
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
        log.error(
          { build: spec.id, pids: group.members().map((row) => row.pid) },
          'processes of a build withstand SIGKILL',
        );
      }
      await Promise.all(watches);
      await output.finish();
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
        if (end.reason === 'exit' && end.code === 0) {
          // What a quick build wrote, the watch may not have seen.
          const used = await measure([spec.checkout, temporary], signal);
          if (used !== null && used > spec.limits.build_disk_mb * 1024 * 1024) end = { reason: 'disk_limit', used };
        }
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

function lowerPriorityForMemory(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/oom_score_adj`, oom_score);
  } catch {
    // It has ended already, or /proc is read-only; the limits hold all the same.
  }
}
