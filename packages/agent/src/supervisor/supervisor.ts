/**
 * The supervisor port: starts, watches and stops instances (one running copy of a release) and builds. Instances outlive
 * the agent; `recover` takes back those that still run. Every adapter passes one conformance suite.
 *
 *   start ─▶ running ─▶ exited
 *              │
 *            stop: SIGTERM to all of it ─(stop_timeout)─▶ SIGKILL to all of it ─▶ exited
 */
import type { LastLine } from '@mainstay/contract/crash-report';
import type { Command, Limits } from '@mainstay/contract/stack';
import type * as z from 'zod';

export type InstanceSpec = {
  /** `ins_…`; also in the environment of every process of the instance as MAINSTAY_INSTANCE. */
  id: string;
  service: string;
  release_id: string;
  /** Folder to run in. */
  directory: string;
  command: Command;
  /** The complete environment of the service, PORT and secrets included. */
  env: Record<string, string>;
  limits: z.infer<typeof Limits>;
  stop_timeout_seconds: number;
};

/** What is journalled of a running instance, and suffices to recognise it later. */
export type InstanceHandle = {
  id: string;
  pid: number;
  /** Start time of the process in clock ticks since boot (proc(5), stat field 22), so that a reused pid is noticed. */
  start_ticks: number;
  boot_id: string;
  /** The unit that it runs as, where systemd supervises. */
  unit?: string;
};

export type InstanceExit = {
  id: string;
  /** Null when it is not known, which is so for an instance that was recovered. */
  code: number | null;
  signal: string | null;
  /** Set when the supervisor ended it itself. */
  reason: 'stopped' | 'memory_limit' | 'process_limit' | null;
  /** What it printed last. */
  last_lines: LastLine[];
  at: number;
};

export type InstanceUsage = { processes: number; memory_bytes: number; cpu_seconds: number };

export type Supervisor = {
  readonly kind: 'process' | 'systemd';
  /** Starts an instance. The journal must already hold its id, so that a crash between the two leaves no orphan. */
  start(spec: InstanceSpec): Promise<InstanceHandle>;
  /**
   * Takes back an instance after a restart of the agent, and goes on with its output. Null when it no longer runs: then the
   * rest of its output is stored, what it left behind is ended, and no exit is notified.
   */
  recover(handle: InstanceHandle, spec: InstanceSpec): Promise<InstanceHandle | null>;
  /** Ends an instance with all its processes, those that left its process group included. Idempotent. */
  stop(id: string): Promise<void>;
  isRunning(id: string): boolean;
  usage(id: string): Promise<InstanceUsage | null>;
  /** What a running instance printed last, oldest first; none of one that ended, whose exit has them. */
  lastLines(id: string): LastLine[];
  /** TCP ports that the processes of the instance listen on. */
  listeningPorts(id: string): Promise<number[]>;
  /** Called once for every instance that ends, whatever ended it. */
  onExit(listener: (exit: InstanceExit) => void): void;
  /** Ends all processes that carry an instance id which is not in the list: what a crash may have left. Gives their ids. */
  sweep(known_ids: ReadonlySet<string>): Promise<string[]>;
  /** Stops watching; the instances run on. */
  detach(): Promise<void>;
};

export type LogLine = {
  at: number;
  service: string;
  release_id: string;
  stream: 'stdout' | 'stderr' | 'build';
  text: string;
};

/**
 * Where lines of services and builds go. `cursor` is opaque to the sink; it is stored with the lines in one write, so that
 * a restarted agent goes on exactly behind what it has. Resolves when stored; the reader waits for that (backpressure).
 */
export type LogSink = {
  write(source_id: string, lines: LogLine[], cursor: string): Promise<void>;
  cursor(source_id: string): string | null;
};

export type BuildSpec = {
  /** `bld_…` */
  id: string;
  service: string;
  release_id: string;
  directory: string;
  /** Folder whose size counts against `build_disk_mb`; the checkout that holds `directory`. */
  checkout: string;
  command: Command;
  env: Record<string, string>;
  limits: z.infer<typeof Limits>;
};

export type BuildOutcome =
  | { ok: true; duration_ms: number }
  | {
      ok: false;
      duration_ms: number;
      reason:
        | 'exit'
        | 'timeout'
        | 'memory_limit'
        | 'process_limit'
        | 'disk_limit'
        | 'disk_full'
        | 'cannot_start'
        | 'aborted';
      /** One sentence for a person: what went wrong. */
      message: string;
      hint: string | null;
      /** What it printed last. */
      last_lines: LastLine[];
    };

export type Builder = {
  /** Runs a build to its end under its limits; no process of it is left afterwards. */
  build(spec: BuildSpec, signal: AbortSignal): Promise<BuildOutcome>;
};
