/**
 * One instance as the process supervisor holds it: its processes, its output files and its end.
 * ```
 *  running ──leader ends──▶ ending ──no process left, output stored──▶ ended (notified once)
 * ```
 * The end of the first process is the end of the instance: what it left running is ended too, as systemd does.
 */
import { closeSync, existsSync, mkdirSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { LastLine } from '@mainstay/contract/crash-report';
import type { Clock } from '@mainstay/runtime/clock';
import type { Exec } from '@mainstay/runtime/exec';
import type { Logger } from '@mainstay/runtime/log';
import { mergeLast } from './last-lines.ts';
import { createLogTail, type LogTail } from './log-tail.ts';
import type { ProcessGroup } from './process-group.ts';
import type { InstanceExit, InstanceHandle, InstanceSpec, LogSink } from './supervisor.ts';

/** What the first process left running gets from SIGTERM to SIGKILL, at most. */
const leftover_grace_ms = 5_000;
/** An exit is notified no later than this after the last process, though the sink has not taken all of the output. */
const output_wait_ms = 2_000;

const streams = ['stdout', 'stderr'] as const;

/** The output of an instance, wherever it is kept. */
export type Output = {
  /** Files that are followed; none where something else reads. */
  tails: LogTail[];
  lastLines(): LastLine[];
  /** Stores what is left; after two seconds goes on with that in the background. */
  finish(): Promise<void>;
  /** Stops reading. */
  close(): Promise<void>;
};

export type OutputOptions = { home: string; sink: LogSink; clock: Clock; exec: Exec; log: Logger };

export function outputDirectory(home: string, id: string): string {
  return join(home, 'instances', id);
}

/** Opens the files that an instance writes to, for appending; the caller closes them once the instance has them. */
export function openOutputFiles(home: string, id: string): { stdout: number; stderr: number; close: () => void } {
  const directory = outputDirectory(home, id);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const stdout = openSync(join(directory, 'stdout.log'), 'a', 0o600);
  const stderr = openSync(join(directory, 'stderr.log'), 'a', 0o600);
  return {
    stdout,
    stderr,
    close: () => {
      closeSync(stdout);
      closeSync(stderr);
    },
  };
}

/** Follows the output of an instance from where the sink has it. */
export function followOutput(options: OutputOptions, spec: InstanceSpec): Output {
  const directory = outputDirectory(options.home, spec.id);
  const present = streams.filter((stream) => existsSync(join(directory, `${stream}.log`)));
  const tails = present.map((stream) =>
    createLogTail({
      ...options,
      path: join(directory, `${stream}.log`),
      source_id: `${spec.id}/${stream}`,
      line: { service: spec.service, release_id: spec.release_id, stream },
    }),
  );
  const close = async () => void (await Promise.all(tails.map((tail) => tail.close())));
  const storeRest = async () => {
    const stored = await Promise.all(tails.map((tail) => tail.finish()));
    await close();
    if (stored.every(Boolean)) rmSync(directory, { recursive: true, force: true });
  };
  return {
    tails,
    lastLines: () => mergeLast(tails.map((tail) => tail.lastLines())),
    finish: () => withinOutputWait(storeRest(), options.clock),
    close,
  };
}

/** Waits for output to be stored, two seconds at most. */
export async function withinOutputWait(storing: Promise<void>, clock: Clock): Promise<void> {
  const waiting = new AbortController();
  const stored = storing.finally(() => waiting.abort());
  await Promise.race([stored, clock.sleep(output_wait_ms, waiting.signal)]);
}

export type InstanceGroup = Pick<ProcessGroup, 'members' | 'terminate'> & {
  /** How many processes there are, where that is to be had for less than they themselves. */
  size?(): number;
};

export type Instance = {
  readonly spec: InstanceSpec;
  readonly handle: InstanceHandle;
  readonly group: InstanceGroup;
  readonly output: Output;
  /** When this agent got it; young ones are watched closely. */
  readonly since: number;
  readonly adopted: boolean;
  running(): boolean;
  lastLines(): LastLine[];
  /** Says that the first process ended. Only the first call counts. */
  leaderEnded(code: number | null, signal: string | null): void;
  /** SIGTERM, the stop timeout, SIGKILL. Resolves when it has ended; rejects when a process withstands. */
  stop(): Promise<void>;
  /** SIGKILL at once, a stop that is under way included. */
  kill(reason: 'memory_limit' | 'process_limit'): Promise<void>;
};

export type InstanceOptions = {
  spec: InstanceSpec;
  handle: InstanceHandle;
  group: InstanceGroup;
  output: Output;
  /** Nobody tells of the end of its first process: it is looked for. */
  adopted: boolean;
  /** How the first process ended, asked when all of it is gone and nobody told. Not known without this. */
  outcome?: () => Promise<Pick<InstanceExit, 'code' | 'signal' | 'reason'>>;
  clock: Clock;
  log: Logger;
  ended: (exit: InstanceExit) => void;
};

export function createInstance(options: InstanceOptions): Instance {
  const { spec, handle, group, output, adopted, clock, log } = options;
  const hurry = new AbortController();
  const finished = Promise.withResolvers<void>();
  let reason: InstanceExit['reason'] = null;
  let leader: { code: number | null; signal: string | null } | null = null;
  let terminating: Promise<boolean> | null = null;

  const terminate = (grace_ms: number) => {
    terminating ??= group.terminate(grace_ms, hurry.signal).finally(() => {
      terminating = null;
    });
    return terminating;
  };

  async function end(code: number | null, signal: string | null): Promise<void> {
    const grace_ms = Math.min(spec.stop_timeout_seconds * 1000, leftover_grace_ms);
    if (!(await terminate(grace_ms))) {
      log.error({ instance: spec.id, pids: group.members().map((row) => row.pid) }, 'processes withstand SIGKILL');
    }
    const told = { code, signal, reason: null };
    const outcome = code === null && signal === null ? ((await options.outcome?.()) ?? told) : told;
    await output.finish();
    const last_lines = output.lastLines();
    options.ended({ ...outcome, id: spec.id, reason: reason ?? outcome.reason, last_lines, at: clock.now() });
    finished.resolve();
  }

  const leaderEnded = (code: number | null, signal: string | null) => {
    if (leader !== null) return;
    leader = { code, signal };
    end(code, signal).catch((error: unknown) => log.error({ err: error, instance: spec.id }, 'an exit went wrong'));
  };

  const endAll = async (grace_ms: number) => {
    const gone = await terminate(grace_ms);
    if (!gone && leader === null) {
      const pids = group.members().map((row) => row.pid);
      throw new Error(`Instance ${spec.id} could not be ended: processes ${pids.join(', ')} withstand SIGKILL.`);
    }
    // Nobody tells of the end of a process that was adopted.
    if (adopted) leaderEnded(null, null);
    await finished.promise;
  };

  return {
    spec,
    handle,
    group,
    output,
    adopted,
    since: clock.now(),
    running: () => leader === null,
    lastLines: output.lastLines,
    leaderEnded,
    stop() {
      if (leader === null) reason ??= 'stopped';
      return endAll(spec.stop_timeout_seconds * 1000);
    },
    kill(why) {
      if (leader === null) reason = why;
      hurry.abort();
      return endAll(0);
    },
  };
}
