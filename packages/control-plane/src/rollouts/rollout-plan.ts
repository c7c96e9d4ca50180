/** What the plan of a change says of how it goes out: its waves, and what it may be taken back to. */
import type { DesiredState } from '@mainstay/contract/desired-state';
import { AppError } from '@mainstay/contract/errors';
import { contentDigest } from '@mainstay/contract/keeper-api';
import type { StackSpec } from '@mainstay/contract/stack';
import type { Context } from '../context.ts';
import type { Planned } from '../operations/planned.ts';
import type { ServerBrief } from '../servers/server-store.ts';
import type { StackRow, StackVersion } from '../stacks/stack-store.ts';
import { openRollout } from './rollout-store.ts';
import { rolloutOf, wavesOf } from './waves.ts';

type GoingOut = {
  document: DesiredState;
  base: StackVersion | null;
  spec: StackSpec;
  goes?: 'in_waves' | 'at_once';
  servers: ServerBrief[];
  /** Ids of those that the stack leaves: after all others, once those serve the new version. */
  leaving: ReadonlySet<string>;
  held_before: Record<string, string>;
};

/**
 * How it goes out, where there are several servers. Whether it goes in waves, and can be taken back, is part of what is approved, so that it
 * stays as it was when the plan was made; the servers are those of the moment.
 */
export async function rollsOut(
  context: Context,
  { document, base, spec, goes = 'in_waves', servers, leaving, held_before }: GoingOut,
): Promise<Pick<Planned, 'rollout' | 'undo_sha256'>> {
  if (goes === 'at_once' || document.removed) return {};
  const in_waves = await context.recall('in_waves', () => servers.length > 1);
  if (!in_waves) return {};
  const undo = base ? { undo_sha256: await contentDigest(base.document) } : {};
  if (servers.length < 2) return undo;
  const settings = rolloutOf(spec);
  const staying = servers.filter(({ id }) => !leaving.has(id));
  const last = servers.filter(({ id }) => leaving.has(id));
  const waves = [...wavesOf(staying, settings), ...(last.length > 0 ? [last] : [])];
  return { ...undo, rollout: { waves, settings, previous_version: base?.version ?? null, held_before } };
}

/** What is on its way comes to its end first, or is taken back: two versions at a time on their way could not be told apart. */
export async function refuseWhileRolling({ store }: Context, stack: StackRow): Promise<void> {
  const rollout = await openRollout(store, stack.id);
  if (!rollout) return;
  const goes = rollout.state === 'rolling' ? 'is going out in waves' : 'is being taken back';
  throw new AppError('Conflict', `Version ${rollout.version} of stack "${stack.name}" ${goes}.`, {
    field: 'stack',
    hint: `Wait for its end, or take it back: mainstay ops cancel ${rollout.operation_id}`,
  });
}
