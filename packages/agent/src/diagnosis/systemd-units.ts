/** What systemd says of units: commands as values, and their output read. */
import type { UnitState } from '@mainstay/contract/diagnosis';
import { UnitState as UnitStates } from '@mainstay/contract/diagnosis';
import type { Exec } from '@mainstay/runtime/exec';
import { signalName } from '../supervisor/systemd/units.ts';

const command_ms = 5_000;

export type ShownUnit = {
  unit: string;
  state: UnitState;
  sub_state: string;
  pid: number | null;
  since: number | null;
  restarts: number | null;
  memory_bytes: number | null;
  last_exit: UnitExit | null;
};
export type UnitExit = { code: number | null; signal: string | null; reason: string | null; at: number };

const properties = [
  'Id',
  'ActiveState',
  'SubState',
  'Result',
  'MainPID',
  'NRestarts',
  'MemoryCurrent',
  'StateChangeTimestampMonotonic',
  'ExecMainCode',
  'ExecMainStatus',
  'ExecMainExitTimestampMonotonic',
];

export function showCommand(units: readonly string[]): [string, ...string[]] {
  return ['systemctl', 'show', `--property=${properties.join(',')}`, '--', ...units];
}

/** @param boot_ms When the monotonic clock was zero, UTC milliseconds. */
export function parseShown(text: string, boot_ms: number): ShownUnit[] {
  return text
    .split('\n\n')
    .map((block) => new Map(block.split('\n').map((line) => [line.slice(0, line.indexOf('=')), line])))
    .filter((lines) => lines.has('Id'))
    .map((lines) => {
      const field = (name: string) => lines.get(name)?.slice(name.length + 1) ?? '';
      const moment = (name: string) =>
        Number(field(name)) > 0 ? Math.round(boot_ms + Number(field(name)) / 1000) : null;
      const state = UnitStates.safeParse(field('ActiveState'));
      const [code, status, ended_at] = [
        Number(field('ExecMainCode')),
        Number(field('ExecMainStatus')),
        moment('ExecMainExitTimestampMonotonic'),
      ];
      const memory = Number(field('MemoryCurrent') || Number.NaN);
      return {
        unit: field('Id').slice(0, 255),
        state: state.success ? state.data : 'unknown',
        sub_state: field('SubState').slice(0, 64),
        pid: Number(field('MainPID')) || null,
        since: moment('StateChangeTimestampMonotonic'),
        restarts: /^\d+$/.test(field('NRestarts')) ? Number(field('NRestarts')) : null,
        // "[not set]", or the greatest number there is, where nobody counts it.
        memory_bytes: Number.isSafeInteger(memory) ? memory : null,
        last_exit:
          code > 0 && ended_at !== null && !(code === 1 && status === 0)
            ? { ...endOf(code > 1, status), reason: reasonOf(field('Result')), at: ended_at }
            : null,
      };
    });
}

const endOf = (killed: boolean, status: number) => ({
  code: killed ? null : status,
  signal: killed ? signalName(status) : null,
});
const reasonOf = (result: string) => (result === '' || result === 'success' || result === 'exit-code' ? null : result);

/** How units are; those that systemd does not know come as inactive. */
export async function showUnits(units: readonly string[], exec: Exec, signal: AbortSignal): Promise<ShownUnit[]> {
  if (units.length === 0) return [];
  const { stdout } = await exec(showCommand(units), { timeout_ms: command_ms, signal });
  return parseShown(stdout, Date.now() - Number(process.hrtime.bigint() / 1_000_000n));
}

/** Message of systemd about a main process that ended otherwise than it should (SD_MESSAGE_UNIT_PROCESS_EXIT, sd-messages.h). */
const process_exit = '98e322203f7a4ed290d09fe03c09fe15';

export function endsCommand(): [string, ...string[]] {
  return [
    'journalctl',
    ...['--quiet', '--no-pager', '--output=json', '--output-fields=UNIT,EXIT_CODE,EXIT_STATUS', '--reverse'],
    ...['--lines=300', '_PID=1', `MESSAGE_ID=${process_exit}`],
  ];
}

/** The last end of each unit, by its name; only of those that did not end as they should. */
export function parseEnds(text: string): Map<string, UnitExit> {
  const ends = new Map<string, UnitExit>();
  for (const line of text.split('\n')) {
    let entry: Record<string, unknown>;
    try {
      entry = JSON.parse(line) as Record<string, unknown>;
    } catch {
      continue;
    }
    const { UNIT: unit, EXIT_CODE: how, EXIT_STATUS: status, __REALTIME_TIMESTAMP: at } = entry;
    if (typeof unit !== 'string' || ends.has(unit)) continue;
    const end = endOf(how !== 'exited', Number(status) || 0);
    ends.set(unit, { ...end, reason: null, at: Math.floor(Number(at) / 1000) });
  }
  return ends;
}

export async function lastEnds(exec: Exec, signal: AbortSignal): Promise<Map<string, UnitExit>> {
  return parseEnds((await exec(endsCommand(), { timeout_ms: command_ms, signal })).stdout);
}

/** Units of the whole machine that failed. Null where systemd does not answer. */
export async function failedUnits(
  exec: Exec,
  signal: AbortSignal,
): Promise<{ unit: string; description: string }[] | null> {
  const argv = ['systemctl', 'list-units', '--failed', '--no-legend', '--plain', '--no-pager', '--full'] as const;
  const { code, stdout } = await exec(argv, { timeout_ms: command_ms, signal });
  return code === 0 ? parseFailed(stdout) : null;
}

/** Columns: unit, load, active, sub, description. */
export function parseFailed(text: string): { unit: string; description: string }[] {
  return text
    .split('\n')
    .map((line) => /^(\S+)\s+\S+\s+\S+\s+\S+\s+(.*)$/.exec(line.trim()))
    .filter((match) => match !== null)
    .map(([, unit, description]) => ({ unit: unit!.slice(0, 255), description: description!.slice(0, 255) }));
}
