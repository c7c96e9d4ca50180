/**
 * Takes back what supervising by systemd brought to a server beside the agent's home: units, their slice, files in /run, and the
 * users of services and builds. What is gone already is no error.
 */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '@mainstay/runtime/clock';
import { systemExec } from '@mainstay/runtime/exec';
import { slice } from './sandbox.ts';
import { findUnits, removeUnit, run_folder } from './unit-files.ts';
import { createUnitGroup } from './unit-group.ts';
import { createUnits } from './units.ts';
import { isOurs } from './users.ts';

/** For an agent that has ended for good. Data that is to be kept is root's afterwards, since its users are gone. */
export async function removeSystemdTraces(home: string, keep_data: boolean): Promise<void> {
  const units = createUnits(systemExec);
  for (const { unit } of findUnits()) {
    await createUnitGroup(unit, units, systemClock).terminate(10_000);
    await units.discard(unit);
    removeUnit(unit);
  }
  await units.discard(slice);
  rmSync(run_folder, { recursive: true, force: true });
  const data = join(home, 'data');
  if (keep_data && existsSync(data)) {
    await systemExec(['chown', '--recursive', '--no-dereference', '0:0', '--', data], { timeout_ms: 600_000 });
  }
  for (const name of namesOfUsers()) {
    await systemExec(['userdel', '--', name]);
    // Where userdel does not remove the group with the user.
    await systemExec(['groupdel', '--', name]);
  }
}

function namesOfUsers(): string[] {
  return readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .filter(isOurs)
    .map((line) => line.split(':')[0]!);
}
