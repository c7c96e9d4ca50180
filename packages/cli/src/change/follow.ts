/**
 * Following an operation to its end: two long polls side by side, one for its state and one for its events. What is
 * followed does not depend on being followed; a control plane that restarts meanwhile is waited for, for a bounded time.
 */
import { AppError, isRetryable } from '@mainstay/contract/errors';
import { type OperationView, terminalOperationStates } from '@mainstay/contract/operation';
import type { EventView } from '@mainstay/contract/operations/watch';
import { type Clock, systemClock } from '@mainstay/runtime/clock';
import type { Connection } from '../connection.ts';

export type FollowOptions = {
  signal: AbortSignal;
  timeout_ms: number;
  onEvent?: (event: EventView) => void;
  onState?: (operation: OperationView) => void;
  /** Told once when the control plane stops answering. */
  onTrouble?: (error: AppError) => void;
  clock?: Clock;
};

const wait_seconds = 20;
const outage_ms_max = 60_000;
const events_per_poll = 500;

/** Waits for the end of an operation. Throws Timeout when it takes longer, and the abort reason when interrupted. */
export async function followOperation(
  connection: Connection,
  id: string,
  options: FollowOptions,
): Promise<OperationView> {
  const clock = options.clock ?? systemClock;
  const ended = new AbortController();
  const signal = AbortSignal.any([options.signal, ended.signal, AbortSignal.timeout(options.timeout_ms)]);
  const retrying = <T>(call: () => Promise<T>) => withRetries(call, { clock, signal, onTrouble: options.onTrouble });
  let after = 0;
  const takeEvents = async (wait: number, polling: AbortSignal) => {
    const page = await connection.call(
      'events.list',
      { operation_id: id, after, limit: events_per_poll, wait_seconds: wait },
      { signal: polling },
    );
    after = page.next;
    for (const event of page.events) options.onEvent?.(event);
    return page.events.length;
  };
  // The first look does not wait, so that what it waits for is said at once.
  let wait_for_end = 0;
  const watchEvents = async () => {
    while (!signal.aborted) await retrying(() => takeEvents(wait_seconds, signal));
  };
  const events = options.onEvent ? watchEvents().catch(() => {}) : Promise.resolve();
  try {
    for (;;) {
      const { operation } = await retrying(() =>
        connection.call('operations.get', { id, wait_seconds: wait_for_end }, { signal }),
      );
      wait_for_end = wait_seconds;
      options.onState?.(operation);
      if (!terminalOperationStates.includes(operation.state)) continue;
      ended.abort();
      await events;
      // The last events may have come in together with the end.
      if (options.onEvent) while ((await takeEvents(0, options.signal)) === events_per_poll);
      return operation;
    }
  } catch (error) {
    if (options.signal.aborted || !signal.aborted || ended.signal.aborted) throw error;
    throw new AppError('Timeout', `It has not ended within ${Math.round(options.timeout_ms / 1000)} s.`, {
      hint: `It goes on. Follow it with \`mainstay operations follow ${id}\`.`,
      field: 'timeout',
    });
  } finally {
    ended.abort();
    await events;
  }
}

/** Repeats a call that fails for a reason that passes, until it has failed for a minute. */
export async function withRetries<T>(
  call: () => Promise<T>,
  options: { clock: Clock; signal: AbortSignal; onTrouble: ((error: AppError) => void) | undefined },
): Promise<T> {
  const since = options.clock.now();
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await call();
    } catch (error) {
      const passes = error instanceof AppError && isRetryable(error.code);
      if (!passes || options.signal.aborted || options.clock.now() - since > outage_ms_max) throw error;
      if (attempt === 0) options.onTrouble?.(error);
      await options.clock.sleep(Math.min(5_000, 250 * 2 ** attempt), options.signal);
    }
  }
}
