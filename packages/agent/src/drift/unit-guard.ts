/**
 * The units of this agent as it wrote them: its own, HAProxy's, and those of the services that run. Drop-ins of theirs are taken away, whoever
 * put them there and wherever, and files of running services that were edited or deleted are written again; the rest of those of the agent
 * and of HAProxy is kept by their own parts. What was started under an override is started again, so that nothing of it stays in force (ADR
 * 0033). Drop-ins of all services of the machine (`service.d`) are its administrator's, and stay.
 */
import { lstatSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Exec, systemExec } from '@mainstay/runtime/exec';
import { writeWhole } from '../installation/agent-file.ts';
import { uninstall_drop_in } from '../installation/unit.ts';
import { type Drift, fileDrift, strayFile } from './drift.ts';

/** Where systemd looks for drop-ins that people and programs write (systemd.unit(5), "Unit File Load Path"). */
export const drop_in_folders = ['/etc/systemd/system', '/run/systemd/system', '/usr/local/lib/systemd/system'].concat([
  '/etc/systemd/system.control',
  '/run/systemd/system.control',
]);

export type GuardedUnit = {
  name: string;
  /** The file and its text, where the guard keeps it. */
  file: { path: string; text: string } | null;
  /** The service that runs by it; null where systemd starts it. */
  service: string | null;
};

export type UnitGuard = {
  /** Puts back what is other, and says what it was. `renew`: starts a service anew that was started under an override. */
  repair(renew: (service: string) => void): Promise<Drift[]>;
};

export type UnitGuardOptions = {
  /** Units that are there now. */
  units(): GuardedUnit[];
  folders?: readonly string[];
  /** Where uninstalling puts its own, which stays. */
  uninstall_path?: string;
  exec?: Exec;
};

/** Of more drop-ins in one round so many are told; all of them are taken away. */
const told_max = 20;
const command_ms = 60_000;

export function createUnitGuard(options: UnitGuardOptions): UnitGuard {
  const { units, folders = drop_in_folders, uninstall_path = uninstall_drop_in.path, exec = systemExec } = options;
  /** Drop-ins of these units, with the units that each is of. */
  const strays = (present: readonly GuardedUnit[]): { path: string; of: GuardedUnit[] }[] =>
    folders.flatMap((folder) =>
      namesIn(folder)
        .filter((name) => name.endsWith('.service.d'))
        .flatMap((name) => {
          const of = present.filter((unit) => foldersOf(unit.name).includes(name));
          if (of.length === 0) return [];
          const path = join(folder, name);
          // What a link leads to is somebody else's.
          if (isLink(path)) return [{ path, of }];
          const files = namesIn(path).filter((file) => file.endsWith('.conf'));
          return files.map((file) => ({ path: join(path, file), of }));
        }),
    );

  /** Whether the program of the unit was started when the override was there already. */
  const startedSince = async ({ name }: GuardedUnit, at: number): Promise<boolean> => {
    const shown = await exec(
      ['systemctl', 'show', '--value', '--timestamp=unix', '--property=ExecMainStartTimestamp', '--', name],
      { timeout_ms: command_ms },
    );
    const started_at = Number(/^@(\d+)/.exec(shown.stdout.trim())?.[1] ?? 0);
    return started_at >= Math.floor(at / 1000);
  };

  return {
    async repair(renew) {
      const present = units();
      const found: Drift[] = [];
      const overridden = new Set<GuardedUnit>();
      for (const { file } of present) {
        const changed = file && fileDrift(file.path, file.text);
        if (!changed) continue;
        writeWhole(file.path, file.text, 0o644);
        found.push(changed);
      }
      for (const { path, of } of strays(present)) {
        if (path === uninstall_path && isUninstalling(path)) continue;
        const stray = strayFile(path, `no drop-in: ${of[0]!.name} as the agent wrote it`, 'an override');
        rmSync(path, { force: true, recursive: true });
        removeEmpty(dirname(path));
        found.push(stray);
        for (const unit of of) if (await startedSince(unit, stray.changed_at ?? 0)) overridden.add(unit);
      }
      if (found.length === 0) return [];
      await exec(['systemctl', 'daemon-reload'], { timeout_ms: command_ms });
      for (const { name, service } of overridden) {
        if (service !== null) renew(service);
        else await exec(['systemctl', 'try-restart', '--no-block', '--', name], { timeout_ms: command_ms });
      }
      return found.slice(0, told_max);
    },
  };
}

/** Names of the folders of drop-ins that are this unit's: its own, and those of its name's beginnings up to each dash. */
function foldersOf(unit: string): string[] {
  const stem = unit.replace(/\.service$/, '');
  const dashes = [...stem.matchAll(/-/g)].map(({ index }) => stem.slice(0, index + 1));
  return [stem, ...dashes].map((name) => `${name}.service.d`);
}

function isUninstalling(path: string): boolean {
  try {
    return readFileSync(path, 'utf8') === uninstall_drop_in.text;
  } catch {
    return true;
  }
}

function isLink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
}

function removeEmpty(folder: string): void {
  if (!folder.endsWith('.service.d')) return;
  try {
    rmdirSync(folder);
  } catch {
    // Something else is in it, which has no effect.
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}
