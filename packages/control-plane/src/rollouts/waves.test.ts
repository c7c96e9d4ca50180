import { RolloutSettings } from '@mainstay/contract/stack';
import { describe, expect, it } from 'vitest';
import { judgeWave, type Standing, wave_within_ms, wavesOf } from './waves.ts';

const now = 10 * wave_within_ms;
const server = (name: string, over: Partial<Standing> = {}): Standing => ({
  name,
  state: 'waiting',
  message: null,
  hint: null,
  online: true,
  last_seen_at: now - 1_000,
  was_online: true,
  admitted_at: now - 5_000,
  ...over,
});
const done = (name: string) => server(name, { state: 'succeeded' });
const failed = (name: string) => server(name, { state: 'failed', message: 'the build failed' });
const away = (name: string, over: Partial<Standing> = {}) =>
  server(name, { online: false, last_seen_at: now - 90_000, ...over });
const judge = (wave: Standing[], max_failed = 0, before: Standing[] = []) => judgeWave(wave, before, max_failed, now);

describe('waves', () => {
  const sizes = (count: number, settings: object, online = count) => {
    const servers = Array.from({ length: count }, (_, index) => ({ online: index >= count - online ? 1 : 0 }));
    return wavesOf(servers, RolloutSettings.parse(settings)).map((wave) => wave.length);
  };

  it('begin with one server, and go on with a quarter of all, unless the stack says otherwise', () => {
    expect(sizes(1, {})).toEqual([1]);
    expect(sizes(3, {})).toEqual([1, 1, 1]);
    expect(sizes(10, {})).toEqual([1, 3, 3, 3]);
    expect(sizes(10, { first: 2, batch: 5 })).toEqual([2, 5, 3]);
    expect(sizes(10, { first: 10 })).toEqual([10]);
    expect(sizes(10, { batch: '100%' })).toEqual([1, 9]);
  });

  it('begin with a server that reports: one that is offline proves nothing', () => {
    const servers = [
      { name: 'a', online: 0 },
      { name: 'b', online: 1 },
      { name: 'c', online: 1 },
    ];
    const waves = wavesOf(servers, RolloutSettings.parse({}));
    expect(waves.map((wave) => wave.map(({ name }) => name))).toEqual([['b'], ['c'], ['a']]);
  });
});

describe('a wave', () => {
  it('is open while one of its servers has not reported the end', () => {
    expect(judge([done('a'), server('b')])).toMatchObject({ kind: 'open' });
    expect(judge([done('a'), server('b', { state: 'running' })])).toMatchObject({ kind: 'open' });
    expect(judge([done('a'), done('b')])).toEqual({ kind: 'through', away: [], failed: [] });
  });

  it('stops at the first failure, though others are still at work, and says where and why', () => {
    expect(judge([failed('a'), server('b')])).toEqual({ kind: 'stopped', reason: 'a: the build failed' });
  });

  it('bears as many failures as the stack allows, those of earlier waves counted, and never of all its servers', () => {
    expect(judge([failed('a'), done('b')], 1)).toEqual({ kind: 'through', away: [], failed: ['a'] });
    expect(judge([failed('a'), done('b')], 1, [failed('z')])).toMatchObject({ kind: 'stopped' });
    expect(judge([failed('a')], 1)).toMatchObject({ kind: 'stopped' });
  });

  it('does not wait for a server that is away, and is not proven by servers that are', () => {
    expect(judge([done('a'), away('b')])).toEqual({ kind: 'through', away: ['b'], failed: [] });
    expect(judge([server('a', { online: false, last_seen_at: now - 40_000 })])).toMatchObject({
      kind: 'open',
      until: now + 20_000,
    });
    expect(judge([away('a'), away('b')])).toMatchObject({
      kind: 'stopped',
      reason: expect.stringMatching(/a, b went/),
    });
  });

  it('of servers that were away already when it was opened is passed over', () => {
    expect(judge([away('a', { was_online: false })])).toEqual({ kind: 'through', away: ['a'], failed: [] });
  });

  it('passes over a server that left the stack', () => {
    expect(judge([server('a', { state: 'left' })])).toMatchObject({ kind: 'through' });
  });

  it('stops when a service that it switched falls ill', () => {
    const ill = server('a', { state: 'unsteady', message: 'api is crash looping' });
    expect(judge([done('b')], 0, [ill])).toMatchObject({ kind: 'stopped', reason: 'a: api is crash looping' });
  });

  it('stops when a server that reports has not begun in time; one that is at work is let come to its end', () => {
    const admitted_at = now - wave_within_ms - 1;
    expect(judge([server('a', { admitted_at })])).toMatchObject({ reason: 'a: did not report the end of it in time' });
    expect(judge([server('a', { admitted_at, state: 'running' })])).toMatchObject({ kind: 'open' });
  });
});
