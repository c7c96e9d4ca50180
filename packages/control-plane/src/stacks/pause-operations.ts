/**
 * Pausing: a paused stack follows no ref and takes no deployment, whoever asks, until it is resumed. What runs goes on, and a
 * rollback, which people want most when something is wrong, stays allowed.
 */
import { AppError } from '@mainstay/contract/errors';
import { operations } from '@mainstay/contract/operations/index';
import type { Context } from '../context.ts';
import { changes, type Handler } from '../operations/handlers.ts';
import type { Planned } from '../operations/planned.ts';
import { getStackRow, type Paused, pausedOf, type StackRow, updateStack } from './stack-store.ts';

export const pauseHandlers: Handler[] = [
  changes(operations['stacks.pause'], async (context, { stack: name, reason = null }) => {
    const row = await getStackRow(context.store, name);
    if (pausedOf(row))
      return { ...common(row), summary: `Stack ${name} is paused already.`, changes: [], carryOut: none };
    return {
      ...common(row),
      summary: `Pause stack ${name}`,
      changes: [
        { action: 'create', path: 'paused', to: reason ?? true, note: 'what runs goes on; nothing is deployed' },
      ],
      carryOut: ({ actor, now }) => {
        const message = `Stack ${name} was paused by ${actor.name}${reason === null ? '.' : `: ${reason}`}`;
        return set(context, row, { by: actor.name, reason, at: now }, { kind: 'stack.paused', message });
      },
    };
  }),

  changes(operations['stacks.resume'], async (context, { stack: name }) => {
    const row = await getStackRow(context.store, name);
    const paused = pausedOf(row);
    if (!paused) return { ...common(row), summary: `Stack ${name} is not paused.`, changes: [], carryOut: none };
    return {
      ...common(row),
      summary: `Resume stack ${name}`,
      changes: [{ action: 'delete', path: 'paused', from: paused.reason ?? true, note: 'its refs are followed again' }],
      carryOut: ({ actor }) =>
        set(context, row, null, { kind: 'stack.resumed', message: `Stack ${name} was resumed by ${actor.name}.` }),
    };
  }),
];

/** Refuses, with Conflict, what would deploy to a stack that is paused. */
export function refuseWhilePaused(stack: StackRow): void {
  const paused = pausedOf(stack);
  if (!paused) return;
  const why = paused.reason === null ? '' : ` (${paused.reason})`;
  throw new AppError('Conflict', `Stack "${stack.name}" was paused by ${paused.by}${why}: nothing is deployed to it.`, {
    field: 'stack',
    hint: `Resume it first: mainstay stacks resume ${stack.name}`,
  });
}

function common(row: StackRow): Pick<Planned, 'target' | 'base' | 'action' | 'stack'> {
  return {
    target: `stack/${row.name}`,
    base: row.rev,
    action: { kind: 'control_plane' },
    stack: { id: row.id, name: row.name, version: row.desired_version },
  };
}

const none = () => ({ statements: [] });

function set(
  { store }: Context,
  row: StackRow,
  paused: Paused | null,
  event: { kind: 'stack.paused' | 'stack.resumed'; message: string },
) {
  return {
    statements: [updateStack(store, row, { paused: paused && JSON.stringify(paused) })],
    events: [{ ...event, severity: 'notice' as const, stack: row.name }],
    signals: ['stacks'],
  };
}
