import { AppError } from '@mainstay/contract/errors';
import type { OperationView } from '@mainstay/contract/operation';
import type { EventView } from '@mainstay/contract/operations/watch';
import { fakeClock } from '@mainstay/runtime/clock';
import { expect, it } from 'vitest';
import type { Connection } from '../connection.ts';
import { followOperation, withRetries } from './follow.ts';

const operation = (state: OperationView['state']) => ({ id: 'op_1', state }) as OperationView;
const event = (cursor: number) => ({ cursor, message: `event ${cursor}` }) as EventView;

type Answers = { states: (OperationView['state'] | AppError)[]; events: EventView[][] };

/** A control plane that answers by script; when nothing is left it waits for the caller to go. */
function scripted({ states, events }: Answers): Connection {
  const forever = (signal?: AbortSignal) =>
    new Promise<never>((_, reject) => {
      if (signal?.aborted) reject(signal.reason);
      signal?.addEventListener('abort', () => reject(signal.reason));
    });
  const call = async (
    id: string,
    input: { after?: number; wait_seconds?: number },
    options?: { signal?: AbortSignal },
  ) => {
    if (id === 'operations.get') {
      const next = states.shift();
      if (next === undefined) return forever(options?.signal);
      if (next instanceof AppError) throw next;
      return { operation: operation(next) };
    }
    const page = events.shift();
    if (page === undefined)
      return input.wait_seconds === 0 ? { events: [], next: input.after } : forever(options?.signal);
    return { events: page, next: page.at(-1)?.cursor ?? input.after };
  };
  return { url: '', callRaw: call, call: call as Connection['call'] } as Connection;
}

const patient = () => ({ signal: new AbortController().signal, timeout_ms: 60_000, clock: fakeClock() });

it('an operation is followed to its end, and no event is lost or told twice', async () => {
  const seen: number[] = [];
  const connection = scripted({
    states: ['running', 'running', 'succeeded'],
    events: [[event(1)], [event(2), event(3)]],
  });
  const ended = await followOperation(connection, 'op_1', { ...patient(), onEvent: ({ cursor }) => seen.push(cursor) });
  expect(ended.state).toBe('succeeded');
  expect(seen).toEqual([1, 2, 3]);
});

it('a control plane that is gone for a moment is waited for', async () => {
  const gone = new AppError('Unavailable', 'does not answer');
  const clock = fakeClock();
  const told: string[] = [];
  const following = followOperation(scripted({ states: ['running', gone, gone, 'failed'], events: [] }), 'op_1', {
    ...patient(),
    clock,
    onTrouble: ({ message }) => told.push(message),
  });
  for (let step = 0; step < 10; step += 1) await clock.advance(1_000);
  expect((await following).state).toBe('failed');
  expect(told).toEqual(['does not answer']);
});

it('one that stays away is given up after a minute, and an error that does not pass at once', async () => {
  const clock = fakeClock();
  const { signal } = new AbortController();
  const lost = withRetries(
    async () => {
      throw new AppError('Unavailable', 'gone');
    },
    { clock, signal, onTrouble: undefined },
  ).catch((error: AppError) => error.code);
  for (let step = 0; step < 40; step += 1) await clock.advance(5_000);
  expect(await lost).toBe('Unavailable');
  const states = [new AppError('NotFound', 'no such operation')];
  await expect(followOperation(scripted({ states, events: [] }), 'op_1', patient())).rejects.toMatchObject({
    code: 'NotFound',
  });
});

it('an interruption ends the watching, not with a timeout', async () => {
  const interrupt = new AbortController();
  const following = followOperation(scripted({ states: ['running'], events: [] }), 'op_1', {
    ...patient(),
    signal: interrupt.signal,
    onEvent: () => {},
    onState: () => interrupt.abort(),
  });
  await expect(following).rejects.toMatchObject({ name: 'AbortError' });
});

it('what takes too long says that it goes on', async () => {
  const following = followOperation(scripted({ states: ['running'], events: [] }), 'op_1', {
    ...patient(),
    timeout_ms: 20,
  });
  await expect(following).rejects.toMatchObject({ code: 'Timeout', hint: expect.stringContaining('It goes on.') });
});
