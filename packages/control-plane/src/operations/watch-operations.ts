/** What the operations on events, logs and operations do. Waiting is bounded, and ends when the caller goes away. */

import { terminalOperationStates } from '@mainstay/contract/operation';
import { operations } from '@mainstay/contract/operations/index';
import type { Context } from '../context.ts';
import { lastEventCursor, selectEvents } from '../events/event-store.ts';
import { lastLogCursor, selectLines } from '../logs/log-store.ts';
import { getStackRow } from '../stacks/stack-store.ts';
import { type Handler, reads } from './handlers.ts';
import { findOperation, selectOperations } from './operation-store.ts';
import { operationView } from './settlement.ts';

export const watchHandlers: Handler[] = [
  reads(operations['events.list'], async (context, { wait_seconds, ...filter }, { signal }) => {
    const events = await waitFor(context, ['events'], wait_seconds, signal, () => selectEvents(context.store, filter));
    return { events, next: events.at(-1)?.cursor ?? filter.after ?? (await lastEventCursor(context.store)) };
  }),

  reads(operations['logs.list'], async (context, { wait_seconds, ...filter }, { signal }) => {
    await getStackRow(context.store, filter.stack);
    const lines = await waitFor(context, [`logs:${filter.stack}`], wait_seconds, signal, () =>
      selectLines(context.store, filter),
    );
    return { lines, next: lines.at(-1)?.cursor ?? filter.after ?? (await lastLogCursor(context.store)) };
  }),

  reads(operations['operations.list'], async (context, filter) => {
    const rows = await selectOperations(context.store, filter);
    return { operations: await Promise.all(rows.map((row) => operationView(context, row))) };
  }),

  reads(operations['operations.get'], async (context, { id, wait_seconds }, { signal }) => {
    const until = context.clock.now() + wait_seconds * 1000;
    for (;;) {
      const view = await operationView(context, await findOperation(context.store, id));
      const left = until - context.clock.now();
      if (terminalOperationStates.includes(view.state) || left <= 0 || signal.aborted) return { operation: view };
      if (!(await context.signals.wait(['operations'], left, signal))) return { operation: view };
    }
  }),
];

/** Looks, and while there is nothing waits for a signal and looks again, until the time is up. */
async function waitFor<T>(
  context: Context,
  topics: string[],
  wait_seconds: number,
  signal: AbortSignal,
  look: () => Promise<T[]>,
): Promise<T[]> {
  const until = context.clock.now() + wait_seconds * 1000;
  for (;;) {
    const found = await look();
    const left = until - context.clock.now();
    if (found.length > 0 || left <= 0 || signal.aborted) return found;
    if (!(await context.signals.wait(topics, left, signal))) return look();
  }
}
