/**
 * Builds as transient units: of a user of their own, in a sandbox where only the checkout can be written, under limits that the
 * kernel holds besides the watch. `systemd-run` hands the unit the ends of our pipes, so its output comes as that of a child.
 * What a build writes is bounded file by file by the kernel, and as a whole by the watch.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '@mainstay/contract/errors';
import { systemClock } from '@mainstay/runtime/clock';
import { systemExec } from '@mainstay/runtime/exec';
import type { BuildEnd } from '../build-outcome.ts';
import { type BuilderOptions, createBuilder } from '../build-run.ts';
import { argvOf, checkCommand } from '../command.ts';
import { agentMark, markEnvironment } from '../process-group.ts';
import type { Builder, BuildSpec } from '../supervisor.ts';
import { buildMarkId } from '../sweep.ts';
import { setupFailure } from './exit-codes.ts';
import { buildSettings, checkHome, service_path } from './sandbox.ts';
import { createEnvironmentFiles, describeUnit } from './unit-files.ts';
import { giveFolder } from './unit-folders.ts';
import { createUnitGroup } from './unit-group.ts';
import { runWords, type Setting } from './unit-text.ts';
import { createUnits, signalName, type UnitState, type Units, unitName } from './units.ts';
import { ensureUser } from './users.ts';

type RunExit = { code: number | null; signal: NodeJS.Signals | null };

export function createSystemdBuilder(options: BuilderOptions): Builder {
  const { home, clock = systemClock, exec = systemExec } = options;
  checkHome(home);
  const agent = agentMark(home);
  const units = createUnits(exec);
  const environments = createEnvironmentFiles(agent);

  return createBuilder(options, async (spec, { temporary, agent_process }) => {
    const owner = buildMarkId(agent, agent_process);
    const mark = { agent, id: buildMarkId(spec.id, agent_process), kind: 'build' } as const;
    const env = {
      PATH: service_path,
      // Programs keep caches there, and have no other home.
      HOME: temporary,
      LANG: 'C.UTF-8',
      TMPDIR: temporary,
      ...spec.env,
      ...markEnvironment(mark),
    };
    checkCommand('build', spec.command, spec.directory, env.PATH);
    const user = await ensureUser(exec, spec.service, 'build');
    mkdirSync(join(temporary, 'tmp'), { recursive: true });
    await giveFolder(exec, temporary, user.uid);
    await giveFolder(exec, spec.checkout, user.uid);
    const unit = unitName(spec.service, spec.id);
    // Left by a build of the same commit that failed.
    await units.discard(unit);
    const group = createUnitGroup(unit, units, clock);
    environments.write(spec.id, env);
    const confinement = { home, user: user.name, env_file: environments.path(spec.id), env, checkout: spec.checkout };
    const settings = buildSettings(spec, { ...confinement, temporary });
    const [file, ...args] = runCommand(unit, describeUnit(`build of ${spec.service}`, owner), spec.command, settings);
    const child = spawn(file, args, { cwd: '/', detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    const clear = async () => {
      await units.discard(unit);
      environments.remove(spec.id);
    };
    if (child.pid === undefined) {
      const [error] = (await once(child, 'error')) as [Error];
      await clear();
      throw new AppError('Unavailable', `The build could not be started: ${error.message}.`);
    }
    const ended = once(child, 'exit').then(([code, signal]) => endOf(units, unit, spec, { code, signal }));
    return { stdout: child.stdout, stderr: child.stderr, group, ended, clear };
  });
}

/** Runs a command as a transient unit to its end. A shell of `systemd-run` is not in it: the words stay as they are. */
export function runCommand(
  unit: string,
  description: string,
  command: BuildSpec['command'],
  settings: readonly Setting[],
): [string, ...string[]] {
  return [
    'systemd-run',
    ...['--quiet', '--wait', '--pipe', `--unit=${unit}`, `--description=${description}`],
    ...settings.map(([name, value]) => `--property=${name}=${value}`),
    '--',
    // Finds the program by the unit's own PATH.
    ...['/usr/bin/nice', '-n', '10', '--'],
    ...runWords(argvOf(command)),
  ];
}

/** `systemd-run` succeeds exactly when the unit did; of one that failed, systemd knows how until it is discarded. */
async function endOf(units: Units, unit: string, spec: BuildSpec, exit: RunExit): Promise<BuildEnd> {
  const { code, signal } = exit;
  if (code === 0 || code === null) return { reason: 'exit', code, signal };
  return buildEndOf(await units.show(unit), unit, spec);
}

/** How a build that failed ended, by what systemd shows of its unit. */
export function buildEndOf(shown: UnitState, unit: string, spec: Pick<BuildSpec, 'limits'>): BuildEnd {
  if (shown.result === 'oom-kill') {
    return { reason: 'memory_limit', used: spec.limits.build_memory_mb * 1024 * 1024 };
  }
  if (shown.code > 1) return { reason: 'exit', code: null, signal: signalName(shown.status) };
  const setup = shown.code === 1 ? setupFailure(shown.status, unit) : null;
  if (setup) {
    const message = `The build could not be started: ${setup.what} (${setup.step}), unless it ended with that code itself.`;
    return { reason: 'cannot_start', message, hint: setup.hint };
  }
  if (shown.code === 1) return { reason: 'exit', code: shown.status, signal: null };
  return {
    reason: 'cannot_start',
    message: 'The build could not be started by systemd; its last lines say why.',
    hint: 'Look on the server: journalctl -u init.scope, and systemctl --failed.',
  };
}
