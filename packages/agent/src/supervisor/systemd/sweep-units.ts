/** Ends what a crash of the agent left: units of this agent that nobody knows of any more, and builds whose agent is gone. */
import type { Clock } from '@mainstay/runtime/clock';
import { isOrphanBuild } from '../sweep.ts';
import { findUnits, removeUnit } from './unit-files.ts';
import { createUnitGroup } from './unit-group.ts';
import type { Units } from './units.ts';

/** From SIGTERM to SIGKILL. */
const stray_grace_ms = 2_000;

export type SweepOptions = { agent: string; keep: ReadonlySet<string>; units: Units; clock: Clock };

/** Ends all strays, and gives the ids of those of which something ran. */
export async function sweepUnits({ agent, keep, units, clock }: SweepOptions): Promise<string[]> {
  const strays = findUnits().filter(({ id, owner }) => {
    if (owner.split('@')[0] !== agent) return false;
    return id.startsWith('bld_') ? isOrphanBuild(owner) : !keep.has(id);
  });
  const ended = await Promise.all(
    strays.map(async ({ unit, id }) => {
      const group = createUnitGroup(unit, units, clock);
      const ran = group.members().length > 0;
      await group.terminate(id.startsWith('bld_') ? 0 : stray_grace_ms);
      await units.discard(unit);
      removeUnit(unit);
      return ran ? [id] : [];
    }),
  );
  return ended.flat();
}
