/** What the agent asks of systemd: argv values for `systemctl`, run in one place, and what `systemctl show` answers. */
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import type { Exec, ExecResult } from '@mainstay/runtime/exec';

export const units_folder = '/run/systemd/system';
export const transient_folder = '/run/systemd/transient';

/** Whether systemd runs this machine (sd_booted(3)). */
export function hasSystemd(): boolean {
  return existsSync(units_folder);
}

/** The unit of an instance or build. Its id stands at the end, and no service has an underscore in its name. */
export function unitName(service: string, id: string): string {
  return `mainstay-${service}-${id}.service`;
}

/** The id of the instance or build of a unit's name; null for other units. */
export function idOfUnit(unit: string): string | null {
  return /^mainstay-[a-z0-9-]+-((?:ins|bld)_[A-Za-z0-9]+)\.service$/.exec(unit)?.[1] ?? null;
}

/** The service of the unit of an instance; null for other units. */
export function serviceOfUnit(unit: string): string | null {
  return /^mainstay-([a-z0-9-]+)-ins_[A-Za-z0-9]+\.service$/.exec(unit)?.[1] ?? null;
}

export type UnitState = {
  active: string;
  sub: string;
  result: string;
  main_pid: number;
  /** CLD_EXITED 1, CLD_KILLED 2, CLD_DUMPED 3 of the first process; 0 while it runs, or when nothing is known any more. */
  code: number;
  /** Exit code or number of the signal. */
  status: number;
};

export function showCommand(unit: string): [string, ...string[]] {
  const names = ['ActiveState', 'SubState', 'Result', 'ExecMainPID', 'ExecMainCode', 'ExecMainStatus'];
  return ['systemctl', 'show', `--property=${names.join(',')}`, '--', unit];
}

export function parseShown(text: string): UnitState {
  const shown = new Map(text.split('\n').map((line) => [line.slice(0, line.indexOf('=')), line]));
  const field = (name: string) => shown.get(name)?.slice(name.length + 1) ?? '';
  return {
    active: field('ActiveState'),
    sub: field('SubState'),
    result: field('Result'),
    main_pid: Number(field('ExecMainPID')) || 0,
    code: Number(field('ExecMainCode')) || 0,
    status: Number(field('ExecMainStatus')) || 0,
  };
}

const signalNames = new Map(Object.entries(constants.signals).map(([name, number]) => [number, name]));

export function signalName(number: number): string {
  return signalNames.get(number) ?? `signal ${number}`;
}

export type Units = {
  /** Resolves when the program runs, or could not be started. */
  start(unit: string): Promise<ExecResult>;
  show(unit: string): Promise<UnitState>;
  /** To all processes of the unit. */
  signal(unit: string, signal: 'SIGTERM' | 'SIGKILL' | 'SIGCONT'): Promise<void>;
  /** Ends what is left of it and lets systemd forget it. Nothing happens to a unit that is not there. */
  discard(unit: string): Promise<void>;
};

/** A stop lasts as long as the unit allows, which is bounded by ten minutes. */
const stop_ms_max = 660_000;

export function createUnits(exec: Exec): Units {
  const run = (argv: [string, ...string[]], timeout_ms = 60_000) => exec(argv, { timeout_ms });
  return {
    start: (unit) => run(['systemctl', 'start', '--', unit]),
    show: async (unit) => parseShown((await run(showCommand(unit))).stdout),
    async signal(unit, signal) {
      await run(['systemctl', 'kill', `--signal=${signal}`, '--', unit]);
    },
    async discard(unit) {
      await run(['systemctl', 'stop', '--', unit], stop_ms_max);
      await run(['systemctl', 'reset-failed', '--', unit]);
    },
  };
}
