/**
 * The files of units that the agent makes: a unit file for each instance in /run, where systemd finds it without a reload
 * because the name is new, and its environment, which only root reads and which goes once the unit has started. All of it
 * is gone after a reboot. The description of a unit names the agent it belongs to, and a build also the agent's process.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { environmentText, type Setting, unitText } from './unit-text.ts';
import { idOfUnit, transient_folder, units_folder } from './units.ts';

export const run_folder = '/run/mainstay';
const copies_folder = join(run_folder, 'units');

/** `owner` is the mark of the agent; behind an @ stands its process, where the unit is to end with it. */
export function describeUnit(what: string, owner: string): string {
  return `Mainstay ${what} [agent ${owner}]`;
}

function ownerOf(text: string): string | undefined {
  return /^Description=.*\[agent (\S+)\]$/m.exec(text)?.[1];
}

export type FoundUnit = { unit: string; id: string; owner: string };

/** Units of any agent that have not been cleared away. */
export function findUnits(): FoundUnit[] {
  return [units_folder, transient_folder].flatMap((folder) =>
    namesIn(folder).flatMap((unit) => {
      const id = idOfUnit(unit);
      const owner = id === null ? undefined : ownerOf(readText(join(folder, unit)));
      return id === null || owner === undefined ? [] : [{ unit, id, owner }];
    }),
  );
}

/** Files of units as this agent wrote them, by the copies that it keeps: what the files themselves say may be somebody else's. */
export function writtenUnits(owner: string): { unit: string; path: string; text: string }[] {
  return namesIn(copies_folder).flatMap((unit) => {
    const text = readText(join(copies_folder, unit));
    return ownerOf(text) === owner ? [{ unit, path: join(units_folder, unit), text }] : [];
  });
}

export function writeUnit(unit: string, description: string, service: readonly Setting[]): void {
  mkdirSync(units_folder, { recursive: true });
  const text = unitText({ Unit: [['Description', description]], Service: service });
  mkdirSync(copies_folder, { recursive: true, mode: 0o700 });
  writeFileSync(join(copies_folder, unit), text, { mode: 0o600 });
  writeFileSync(join(units_folder, unit), text, { mode: 0o644 });
}

export function removeUnit(unit: string): void {
  rmSync(join(copies_folder, unit), { force: true });
  rmSync(join(units_folder, unit), { force: true });
}

export type EnvironmentFiles = {
  path(id: string): string;
  write(id: string, env: Readonly<Record<string, string>>): void;
  remove(id: string): void;
  /** Removes those of units that are not to be kept. */
  keep(ids: ReadonlySet<string>): void;
};

export function createEnvironmentFiles(agent: string): EnvironmentFiles {
  const folder = join(run_folder, agent);
  const path = (id: string) => join(folder, `${id}.env`);
  return {
    path,
    write(id, env) {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      writeFileSync(path(id), environmentText(env), { mode: 0o600 });
    },
    remove: (id) => rmSync(path(id), { force: true }),
    keep(ids) {
      for (const name of namesIn(folder)) if (!ids.has(name.replace(/\.env$/, ''))) rmSync(join(folder, name));
    },
  };
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
