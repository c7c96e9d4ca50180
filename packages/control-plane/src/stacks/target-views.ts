/** What labels would change with the next deployment of stacks that choose their servers by them, as stacks, servers and plans show it. */
import { AppError } from '@mainstay/contract/errors';
import type { ServerView } from '@mainstay/contract/operations/servers';
import type { StackTargets } from '@mainstay/contract/operations/stacks';
import type { Labels } from '@mainstay/contract/server-labels';
import type { Context } from '../context.ts';
import { type ServerRow, serversByIds } from '../servers/server-store.ts';
import { baseVersion, type StackRow, type StackVersion, selectChoosers } from './stack-store.ts';
import { type Choice, candidatesNow, selectorText, selectTargets } from './stack-targets.ts';

export type Chosen = Pick<ServerView, 'chosen_by' | 'next_moves'>;

/** How a stack chooses its servers; null where it does not. */
export async function targetsOfStack(
  { store }: Pick<Context, 'store'>,
  stack: StackRow,
  base: StackVersion,
): Promise<StackTargets | null> {
  const { spec, document } = base;
  if (!spec.targets) return null;
  const { joins, leaves, passed_over } = await selectTargets({ store }, { name: stack.name, stack, base, spec });
  const servers = await serversByIds(store, document.targets ?? []);
  const moves = (all: typeof joins) => all.map(({ name, why }) => ({ server: name, why }));
  return {
    labels: spec.targets.labels,
    servers: [...servers.values()].map(({ name }) => name).sort(),
    joins: moves(joins),
    leaves: moves(leaves),
    passed_over,
  };
}

/** By what each server was chosen, and what the next deployments would change for it. */
export async function nextMoves(
  { store }: Pick<Context, 'store'>,
  choice: Choice = {},
): Promise<(server: Pick<ServerRow, 'id' | 'stack_id'>) => Chosen> {
  const moves = new Map<string, Chosen['next_moves']>();
  const selectors = new Map<string, { labels: Labels; targets: ReadonlySet<string> }>();
  const stacks = await selectChoosers(store);
  const candidates = choice.candidates ?? (stacks.length > 0 ? await candidatesNow(store) : undefined);
  for (const stack of stacks) {
    const base = await baseVersion(store, stack);
    if (!base?.spec.targets) continue;
    const { spec, document } = base;
    selectors.set(stack.id, { labels: base.spec.targets.labels, targets: new Set(document.targets) });
    const chooser = { name: stack.name, stack, base, spec };
    const { joins, leaves } = await selectTargets({ store }, chooser, { ...choice, candidates });
    for (const [move, all] of [['joins', joins] as const, ['leaves', leaves] as const])
      for (const { id, why } of all) moves.set(id, [...(moves.get(id) ?? []), { stack: stack.name, move, why }]);
  }
  return ({ id, stack_id }) => {
    const selector = selectors.get(stack_id ?? '');
    return { chosen_by: selector?.targets.has(id) ? selector.labels : null, next_moves: moves.get(id) ?? [] };
  };
}

/** As a plan warns of it. */
export function moveText(server: string, stack: string, move: 'joins' | 'leaves', why: string): string {
  const does = move === 'joins' ? `comes into stack ${stack}` : `leaves stack ${stack}`;
  return `${server} ${does} with its next deployment: ${why}. Until then nothing changes.`;
}

/** A stack that chooses its servers is given to none by hand. @throws AppError Conflict. */
export async function refuseChooser({ store }: Context, stack: StackRow, server: string): Promise<void> {
  const labels = (await baseVersion(store, stack))?.spec.targets?.labels;
  if (!labels) return;
  const text = selectorText(labels);
  throw new AppError('Conflict', `Stack "${stack.name}" chooses its servers by their labels: ${text}.`, {
    field: 'stack',
    hint: `Label it (mainstay servers label ${server} ${text.replaceAll(',', '')}), and deploy: mainstay stacks deploy ${stack.name}`,
  });
}
