/**
 * The dead man's hand: a command that runs by itself after so many seconds unless it is called off. It needs neither the agent, which
 * may have been killed, nor the control plane, which may have been cut off by what the command takes back. A timer of systemd keeps it
 * where systemd runs; else a process of its own that sleeps.
 */
import { spawn } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { type Exec, killGroup } from '@mainstay/runtime/exec';
import { ServerFailure } from '../server/server-part.ts';
import { textOf } from './files.ts';

export type Argv = readonly [string, ...string[]];

export type DeadMan = {
  /** Throws ServerFailure when it could not be armed; then nothing may be changed. */
  arm(command: Argv): Promise<void>;
  /** Nothing happens where none is armed, or it has run. */
  callOff(): Promise<void>;
};

export const dead_man_unit = 'mainstay-firewall-revert';
const command_ms = 15_000;

export function createTimerDeadMan({ exec, seconds }: { exec: Exec; seconds: number }): DeadMan {
  const callOff = async () => {
    await exec(['systemctl', 'stop', `${dead_man_unit}.timer`], { timeout_ms: command_ms });
    // A unit that failed keeps its name taken.
    for (const kind of ['timer', 'service'])
      await exec(['systemctl', 'reset-failed', `${dead_man_unit}.${kind}`], { timeout_ms: command_ms });
  };
  return {
    callOff,
    async arm(command) {
      await callOff();
      const timer = [`--on-active=${seconds}s`, '--timer-property=AccuracySec=100ms', '--property=Type=oneshot'];
      // By itself it is described by its command, line breaks and all: the first reload of systemd reads that as a broken unit, and forgets it.
      const described = [`--unit=${dead_man_unit}`, '--description=Mainstay takes the rules of the firewall back'];
      const unit = ['systemd-run', '--quiet', '--collect', ...described, ...timer, '--'] as const;
      const { code, stderr } = await exec([...unit, ...command], { timeout_ms: command_ms });
      const waits =
        code === 0 && (await exec(['systemctl', 'is-active', '--quiet', `${dead_man_unit}.timer`])).code === 0;
      if (!waits) throw notArmed(stderr);
    },
  };
}

/** `file` holds the process id while one is armed. */
export function createProcessDeadMan({ file, seconds }: { file: string; seconds: number }): DeadMan {
  const callOff = async () => {
    const pid = Number(textOf(file));
    // Its number may have gone to another process since.
    if (pid > 1 && textOf(`/proc/${pid}/cmdline`).includes(`${dead_man_unit}\0${file}\0`)) killGroup(pid, 'SIGKILL');
    rmSync(file, { force: true });
  };
  return {
    callOff,
    async arm(command) {
      await callOff();
      const script = 'shift; sleep "$1"; shift; exec "$@"';
      const child = spawn('sh', ['-c', script, dead_man_unit, file, String(seconds), ...command], {
        detached: true,
        stdio: 'ignore',
        cwd: '/',
      });
      await new Promise<void>((resolve, reject) => {
        child.once('spawn', resolve);
        child.once('error', (error) => reject(notArmed(error.message)));
      });
      child.unref();
      writeFileSync(file, String(child.pid));
    },
  };
}

function notArmed(why: string): ServerFailure {
  return new ServerFailure(
    `What takes the rules back by itself could not be set up: ${why.trim().slice(0, 500) || 'the timer does not run'}. Nothing was changed.`,
    'Look at it by: systemctl status mainstay-firewall-revert.timer',
  );
}
