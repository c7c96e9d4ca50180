/** What the operations on events, logs and operations do. Waiting is bounded, and ends when the caller goes away. */

import { terminalOperationStates } from '@mainstay/contract/operation';
import { operations } from '@mainstay/contract/operations/index';
import type { Context } from '../context.ts';
import { selectEvents } from '../events/event-store.ts';
import { logPage } from '../logs/log-pages.ts';
import { getStackRow } from '../stacks/stack-store.ts';
import { type Handler, reads } from './handlers.ts';
import { findOperation, selectOperations } from './operation-store.ts';
import { checkPage } from './page-input.ts';
import { operationView } from './settlement.ts';

export const watchHandlers: Handler[] = [
  reads(operations['events.list'], async (context, { wait_seconds, ...filter }, { signal }) => {
    checkPage(filter);
    const wait = { topic: 'events', seconds: filter.before === undefined ? wait_seconds : 0, signal };
    return waitFor(
      context,
      wait,
      () => selectEvents(context.store, filter),
      ({ events }) => events.length > 0,
    );
  }),

  reads(operations['logs.list'], async (context, { wait_seconds, ...input }, { signal }) => {
    checkPage(input);
    const { after, before, around, limit, ...filter } = input;
    await getStackRow(context.store, filter.stack);
    const isLive = before === undefined && around === undefined;
    let position = { after, before, around, limit };
    return waitFor(
      context,
      { topic: `logs:${filter.stack}`, seconds: isLive ? wait_seconds : 0, signal },
      async () => {
        const page = await logPage(context.store, filter, position, signal);
        // What does not fit is looked at once.
        if (after !== undefined) position = { ...position, after: page.next };
        return page;
      },
      // A search that took too long says so, instead of waiting.
      ({ lines, more_after }) => lines.length > 0 || more_after,
    );
  }),

  reads(operations['operations.list'], async (context, filter) => {
    const { rows, more } = await selectOperations(context.store, filter);
    return { operations: await Promise.all(rows.map((row) => operationView(context, row))), more };
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
  wait: { topic: string; seconds: number; signal: AbortSignal },
  look: () => Promise<T>,
  isSomething: (found: T) => boolean,
): Promise<T> {
  if (wait.seconds === 0) return look();
  const until = context.clock.now() + wait.seconds * 1000;
  const over = new AbortController();
  const ended = AbortSignal.any([wait.signal, over.signal]);
  try {
    for (;;) {
      // It listens before it looks, so that what comes meanwhile is not missed.
      const woken = context.signals.wait([wait.topic], until - context.clock.now(), ended);
      const found = await look();
      if (isSomething(found)) return found;
      if (!(await woken)) return look();
    }
  } finally {
    over.abort();
  }
}
