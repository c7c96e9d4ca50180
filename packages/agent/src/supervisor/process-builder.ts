/** Builds as child processes, at low priority so that what is served comes first. */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { AppError } from '@mainstay/contract/errors';
import { systemClock } from '@mainstay/runtime/clock';
import type { BuildEnd } from './build-outcome.ts';
import { type BuilderOptions, createBuilder } from './build-run.ts';
import { argvOf, basicEnvironment, checkCommand, findWrappers, resourceLimits, wrapCommand } from './command.ts';
import { countThreadsOfUser, readProcess } from './proc.ts';
import { agentMark, createProcessGroup, createProcessTable, markEnvironment } from './process-group.ts';
import type { Builder } from './supervisor.ts';
import { buildMarkId } from './sweep.ts';

/** When memory runs out, the kernel is to take a build before a service (proc(5), oom_score_adj). */
const oom_score = '500';

export type ProcessBuilderOptions = BuilderOptions & {
  /** What every build is given before its own variables: PATH, HOME and LANG unless told otherwise. */
  base_env?: Record<string, string>;
};

export function createProcessBuilder(options: ProcessBuilderOptions): Builder {
  const { home, clock = systemClock, base_env = basicEnvironment() } = options;
  const agent = agentMark(home);
  const wrappers = findWrappers();
  const table = createProcessTable();
  const uid = process.getuid?.() ?? 0;

  return createBuilder(options, async (spec, { temporary, agent_process }) => {
    const mark = { agent, id: buildMarkId(spec.id, agent_process), kind: 'build' } as const;
    const env: Record<string, string> = { ...base_env, TMPDIR: temporary, ...spec.env, ...markEnvironment(mark) };
    checkCommand('build', spec.command, spec.directory, env['PATH'] ?? '');
    const processes = spec.limits.build_processes;
    const limits = resourceLimits(processes, uid === 0 ? 0 : countThreadsOfUser(uid), uid === 0);
    const [file, ...args] = wrapCommand(argvOf(spec.command), wrappers, limits, 'low');
    const child = spawn(file, args, { cwd: spec.directory, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    const ended = Promise.withResolvers<BuildEnd>();
    child.once('exit', (code, signal) => ended.resolve({ reason: 'exit', code, signal }));
    if (child.pid === undefined) {
      const error = await new Promise<Error>((resolve) => child.once('error', resolve));
      throw new AppError('Unavailable', `The build could not be started: ${error.message}.`);
    }
    lowerPriorityForMemory(child.pid);
    const leader = { pid: child.pid, start_ticks: readProcess(child.pid)?.start_ticks ?? 0 };
    return {
      stdout: child.stdout,
      stderr: child.stderr,
      group: createProcessGroup({ table, clock, mark, leader }),
      ended: ended.promise,
    };
  });
}

function lowerPriorityForMemory(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/oom_score_adj`, oom_score);
  } catch {
    // It has ended already, or /proc is read-only; the limits hold all the same.
  }
}
