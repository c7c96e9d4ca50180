/**
 * The unit of the agent itself, kept as it was installed: who edits, disables or deletes it would find out at the next reboot. What an
 * installation of another version writes is not drift, and is followed by a restart of the agent within the moment that is waited here.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Exec, systemExec } from '@mainstay/runtime/exec';
import { type Drift, fileDrift } from '../drift/drift.ts';
import { places, writeWhole } from './agent-file.ts';
import { unitText } from './unit.ts';

export type OwnUnit = {
  /** Puts the unit back where it is another, and says what it was. Finds nothing where this agent is not the installed one. */
  repair(): Promise<Drift[]>;
};

export type OwnUnitOptions = { unit_file?: string; wanted_link?: string; exec?: Exec; wait_ms?: number };

const waited_ms = 3_000;

export function createOwnUnit(options: OwnUnitOptions = {}): OwnUnit {
  const {
    unit_file = places.unit_file,
    wanted_link = `/etc/systemd/system/multi-user.target.wants/${places.unit}`,
    exec = systemExec,
    wait_ms = waited_ms,
  } = options;
  /** As this version of the agent would write it, with the executable that it names; null where it is something else. */
  let wanted: string | null = null;

  const find = (text: string): Drift[] => {
    const unit = fileDrift(unit_file, text);
    if (unit !== null) return [unit];
    const link = fileDrift(wanted_link, text, 'a link to the unit, by which it starts');
    return link === null ? [] : [link];
  };

  return {
    async repair() {
      wanted = installed(unit_file) ?? wanted;
      if (wanted === null || find(wanted).length === 0) return [];
      await sleep(wait_ms);
      wanted = installed(unit_file) ?? wanted;
      const found = find(wanted);
      if (found.length === 0) return [];
      writeWhole(unit_file, wanted, 0o644);
      const commands: [string, ...string[]][] = [
        ['systemctl', 'daemon-reload'],
        ['systemctl', 'reenable', '--quiet', places.unit],
      ];
      for (const command of commands) await exec(command, { timeout_ms: 30_000 });
      return found;
    },
  };
}

/** Text of the unit when it is that of this version. */
function installed(path: string): string | null {
  try {
    const text = readFileSync(path, 'utf8');
    const binary = /^ExecStart=(\S+) run /m.exec(text)?.[1];
    return binary !== undefined && text === unitText(binary) ? text : null;
  } catch {
    return null;
  }
}
