import type { AgentState, Receipt } from '@mainstay/contract/agent-api';
import type { ServiceOnServer } from '@mainstay/contract/operations/services';
import type { EventView } from '@mainstay/contract/operations/watch';
import { expect, test } from 'vitest';
import { outcomeOf, type Seen, standingOf, stepsOf } from './deploy-steps.ts';

const service = (observed: object | null): ServiceOnServer =>
  ({ service: 'web', server: 'local', desired_release_id: 'r2', observed }) as ServiceOnServer;
const event = (kind: string, at: number, more: object = {}) =>
  ({ kind, at, server: 'local', service: 'web', release_id: 'r2', ...more }) as EventView;
const states = (seen: Partial<Seen>) =>
  stepsOf({ service: service(null), events: [], receipt: null, builds: true, ...seen }).map(({ state }) => state);

test('nothing is done before the server has told of it', () => {
  expect(states({})).toEqual(['later', 'later', 'later', 'later', 'later']);
});

test('steps before that of the candidate are done, those after it are not', () => {
  const candidate = { release_id: 'r2', stage: 'health', since: 30 };
  const seen = { service: service({ candidate }), events: [event('build.started', 10), event('build.succeeded', 20)] };
  expect(states(seen)).toEqual(['done', 'done', 'done', 'running', 'later']);
  expect(stepsOf({ ...seen, receipt: null, builds: true })[1]).toMatchObject({ from: 10, to: 20 });
});

test('a build that need not be made is left out, not claimed', () => {
  const candidate = { release_id: 'r2', stage: 'start', since: 30 };
  expect(states({ service: service({ candidate }) })[1]).toBe('skipped');
  expect(states({ service: service({ candidate }), builds: false })[1]).toBe('skipped');
});

test('a failure is of its own release and step', () => {
  const last_failure = { release_id: 'r2', stage: 'build', at: 40 };
  expect(states({ service: service({ last_failure }) })).toEqual(['done', 'failed', 'later', 'later', 'later']);
  expect(states({ service: service({ last_failure: { ...last_failure, release_id: 'r1' } }) })[1]).toBe('later');
});

test('events of other servers and releases mark nothing', () => {
  const events = [event('build.started', 1, { server: 'other' }), event('build.started', 2, { release_id: 'r1' })];
  expect(states({ events })).toEqual(['later', 'later', 'later', 'later', 'later']);
});

test('it succeeded when every server says so and serves what is desired', () => {
  const standing = (state: string | null) => ({
    receipt: state === null ? null : ({ state } as Receipt),
    refusal: null,
  });
  const serving = service({ release_id: 'r2' });
  expect(outcomeOf([], [])).toBe('none');
  expect(outcomeOf([standing('succeeded'), standing(null)], [serving])).toBe('running');
  expect(outcomeOf([standing('succeeded')], [service({ release_id: 'r1' })])).toBe('running');
  expect(outcomeOf([standing('succeeded'), standing('failed')], [serving])).toBe('failed');
  expect(outcomeOf([standing('succeeded')], [serving])).toBe('succeeded');
});

test('receipts and refusals count only for the newest version of the stack itself', () => {
  const reported = (part: object) =>
    ({ stack_id: 'stk', receipt: { version: 2, state: 'failed' }, refusal: null, ...part }) as AgentState;
  const refusal = { version: 2, message: 'no', at: 50 };
  const of = (part: object) => standingOf(reported(part), 'stk', 2, 40);
  expect(of({})).toMatchObject({ receipt: { state: 'failed' }, refusal: null });
  expect(of({ stack_id: 'other' })).toEqual({ receipt: null, refusal: null });
  expect(of({ stack_id: 'other', refusal })).toEqual({ receipt: null, refusal });
  expect(of({ stack_id: 'other', refusal: { ...refusal, at: 30 } }).refusal).toBe(null);
  // It was accepted after all.
  expect(of({ refusal }).refusal).toBe(null);
});
