/** Removing a group: found by its names and its folder, not by memory, so that it works after a crash at any point. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { removeCgroup, removeLock } from './container.ts';
import { networkOf, ofGroup, removeNetwork } from './network.ts';
import { companionsOf, descendantsOf, holdersOf, isFirstOfNamespace, markOf, signal, waitFor } from './processes.ts';
import { run } from './run.ts';

/** Ends the processes of a group, and removes its mounts, network, cgroups and folder. */
export async function removeGroup(folder: string, index: number): Promise<void> {
  await endProcesses(folder);
  for (const mount of mountsBelow(folder)) {
    await removeLock(mount);
    await run(['umount', mount]);
  }
  await removeNetwork(networkOf(index));
  const own = ofGroup(index);
  for (const tree of [
    '/sys/fs/cgroup',
    '/sys/fs/cgroup/systemd',
    '/sys/fs/cgroup/unified',
    '/run/systemd/nspawn/propagate',
  ]) {
    for (const name of existsSync(tree) ? readdirSync(tree).filter(own) : []) {
      if (tree.startsWith('/sys')) await removeCgroup(join(tree, name));
      else await rm(join(tree, name), { recursive: true, force: true });
    }
  }
  await rm(folder, { recursive: true, force: true });
}

/** What runs in a host ends with its first process. */
async function endProcesses(folder: string): Promise<void> {
  const roots = holdersOf(folder);
  const below = roots.flatMap(descendantsOf);
  const all = new Set([...roots, ...below, ...below.filter(isFirstOfNamespace).flatMap(companionsOf)]);
  for (const pid of all) signal(pid, 'SIGKILL');
  const gone = () => ([...all].every((pid) => markOf(pid) === null) ? true : null);
  await waitFor('the processes of the group end', gone, { timeout_ms: 30_000 });
}

/** Deepest first. */
function mountsBelow(folder: string): string[] {
  const points = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '');
  return points.filter((point) => point.startsWith(`${folder}/`)).reverse();
}
