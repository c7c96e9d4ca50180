/**
 * The supervisor for any Linux machine, with or without root: instances are child processes in sessions of their own, with
 * their output in files, so that they run on when the agent ends. Limits are held by a watch over /proc, with limits of the
 * kernel behind it. What tells an instance again is pid, start time and boot; what finds all of it, see process-group.ts.
 */
import { spawn } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { AppError } from '@mainstay/contract/errors';
import type { Clock } from '@mainstay/runtime/clock';
import { type Exec, systemExec } from '@mainstay/runtime/exec';
import { type Logger, silentLogger } from '@mainstay/runtime/log';
import { sharedClock } from '../shared-wakes.ts';
import { argvOf, basicEnvironment, checkCommand, findWrappers, resourceLimits, wrapCommand } from './command.ts';
import { createInstance, followOutput, type Instance, openOutputFiles, outputDirectory } from './instance.ts';
import { countThreadsOfUser, isAlive, readBootId, readListeningPorts, readProcess } from './proc.ts';
import { agentMark, createProcessGroup, createProcessTable, markEnvironment, usageOf } from './process-group.ts';
import { createStartGuard } from './start-guard.ts';
import type { InstanceExit, InstanceHandle, InstanceSpec, LogSink, Supervisor } from './supervisor.ts';
import { sweepStrays } from './sweep.ts';
import { startWatch } from './watch.ts';

export type ProcessSupervisorOptions = {
  /** The agent's home; must exist. Output is kept under `<home>/instances`, and processes are marked with a digest of it. */
  home: string;
  sink: LogSink;
  clock?: Clock;
  exec?: Exec;
  log?: Logger;
  /** What every instance is given before its own variables: PATH, HOME and LANG unless told otherwise. */
  base_env?: Record<string, string>;
};

export function createProcessSupervisor(options: ProcessSupervisorOptions): Supervisor {
  const { home, sink, clock = sharedClock, exec = systemExec, log = silentLogger() } = options;
  const base_env = options.base_env ?? basicEnvironment();
  const boot_id = readBootId();
  const agent = agentMark(home);
  const wrappers = findWrappers();
  const table = createProcessTable();
  const instances = new Map<string, Instance>();
  const listeners = new Set<(exit: InstanceExit) => void>();
  const output_options = { home, sink, clock, exec, log };
  const uid = process.getuid?.() ?? 0;
  const watch = startWatch({ instances: () => [...instances.values()], table, clock, log });
  let detached = false;

  const groupOf = (id: string, leader: { pid: number; start_ticks: number } | null) =>
    createProcessGroup({ table, clock, mark: { agent, id, kind: 'instance' }, leader });

  function hold(spec: InstanceSpec, handle: InstanceHandle, adopted: boolean): Instance {
    const instance = createInstance({
      spec,
      handle,
      adopted,
      group: groupOf(spec.id, handle),
      output: followOutput(output_options, spec),
      clock,
      log,
      ended: (exit) => {
        instances.delete(spec.id);
        if (!detached) for (const listener of listeners) listener(exit);
      },
    });
    instances.set(spec.id, instance);
    watch.wake();
    return instance;
  }

  async function launch(spec: InstanceSpec): Promise<InstanceHandle> {
    const mark = markEnvironment({ agent, id: spec.id, kind: 'instance' });
    const env = { ...base_env, ...spec.env, ...mark };
    checkCommand('run', spec.command, spec.directory, env['PATH'] ?? '');
    const limits = resourceLimits(spec.limits.processes, uid === 0 ? 0 : countThreadsOfUser(uid), uid === 0);
    const [file, ...args] = wrapCommand(argvOf(spec.command), wrappers, limits, 'normal');
    const files = openOutputFiles(home, spec.id);
    const child = spawn(file, args, {
      cwd: spec.directory,
      env,
      detached: true,
      stdio: ['ignore', files.stdout, files.stderr],
    });
    files.close();
    if (child.pid === undefined) {
      const error = await new Promise<Error>((resolve) => child.once('error', resolve));
      rmSync(outputDirectory(home, spec.id), { recursive: true, force: true });
      throw new AppError('Unavailable', `Service "${spec.service}" could not be started: ${error.message}.`, {
        hint: 'The server may be out of processes or memory.',
        cause: error,
      });
    }
    // Even a process that ended is still there to be read: it is waited for in a later turn of the loop.
    const row = readProcess(child.pid);
    const handle = { id: spec.id, pid: child.pid, start_ticks: row?.start_ticks ?? 0, boot_id };
    const instance = hold(spec, handle, false);
    child.on('error', (error) => log.warn({ err: error, instance: spec.id }, 'a child process had an error'));
    child.once('exit', (code, signal) => {
      // Once detached, its end and its output are for the next agent to find.
      if (!detached) instance.leaderEnded(code, signal);
    });
    child.unref();
    return handle;
  }

  const guard = createStartGuard((id) => instances.has(id), launch);
  return {
    kind: 'process',
    start: guard.start,
    async recover(handle, spec) {
      const present = instances.get(spec.id);
      if (present) return present.running() ? present.handle : null;
      if (handle.boot_id === boot_id && isAlive(handle.pid, handle.start_ticks)) {
        hold(spec, handle, true);
        return handle;
      }
      await groupOf(spec.id, null).terminate(Math.min(spec.stop_timeout_seconds, 5) * 1000);
      await followOutput(output_options, spec).finish();
      return null;
    },
    async stop(id) {
      await instances.get(id)?.stop();
    },
    isRunning: (id) => instances.get(id)?.running() ?? false,
    async usage(id) {
      const instance = instances.get(id);
      return instance?.running() ? usageOf(instance.group.members()) : null;
    },
    lastLines: (id) => instances.get(id)?.lastLines() ?? [],
    async listeningPorts(id) {
      const instance = instances.get(id);
      return instance ? readListeningPorts(instance.group.members().map((row) => row.pid)) : [];
    },
    onExit: (listener) => void listeners.add(listener),
    async sweep(known_ids) {
      const unknown = [...instances.values()].filter((instance) => !known_ids.has(instance.spec.id));
      await Promise.all(unknown.map((instance) => instance.stop()));
      const keep = new Set([...known_ids, ...instances.keys(), ...guard.starting]);
      const ended = await sweepStrays({ table, clock, agent, keep });
      for (const name of listOutput(home)) {
        if (!keep.has(name)) rmSync(outputDirectory(home, name), { recursive: true, force: true });
      }
      return [...new Set([...unknown.map((instance) => instance.spec.id), ...ended])];
    },
    async detach() {
      detached = true;
      await watch.stop();
      await Promise.all([...instances.values()].map(({ output }) => output.close()));
      instances.clear();
    },
  };
}

function listOutput(home: string): string[] {
  try {
    return readdirSync(`${home}/instances`).filter((name) => name.startsWith('ins_'));
  } catch {
    return [];
  }
}
