/**
 * The rules of waves, without a clock or a store: which server is in which wave, and whether a wave came through.
 *
 * A wave came through when each of its servers reported success, was away, or left, and at least one of them is the proof of it. What a
 * server reports includes that its candidates passed their health checks. A server that is away is not waited for: it follows when it is
 * back, without a word in whether the rollout goes on.
 */
import type { PlannedRollout } from '@mainstay/contract/operation';
import { RolloutSettings, type StackSpec } from '@mainstay/contract/stack';

/** A server that has been silent for this long is not waited for. */
export const away_after_ms = 60_000;
/** A server that has not reported the end of it so long after its wave was opened has failed to. */
export const wave_within_ms = 3_600_000;

/** The settings of a specification; of one that was stored before there were any, the defaults. */
export function rolloutOf(spec: Pick<StackSpec, 'rollout'>): RolloutSettings {
  return RolloutSettings.parse(spec.rollout ?? {});
}

/** Servers in their waves, those that report first: the first wave is to prove something. Stable by their order. */
export function wavesOf<T extends { online: number }>(servers: readonly T[], { first, batch }: RolloutSettings): T[][] {
  const ordered = [...servers].sort((a, b) => b.online - a.online);
  const share = typeof batch === 'number' ? batch : Math.ceil((servers.length * Number.parseInt(batch, 10)) / 100);
  const waves = [ordered.slice(0, first)];
  for (let start = first; start < ordered.length; start += share) waves.push(ordered.slice(start, start + share));
  return waves.filter((wave) => wave.length > 0);
}

/** As a plan shows it. */
export function plannedRollout(waves: readonly { name: string }[][], settings: RolloutSettings): PlannedRollout {
  const { pause_seconds, max_failed } = settings;
  const names = (wave: readonly { name: string }[]) => wave.slice(0, 5).map(({ name }) => name);
  return { waves: waves.map((wave) => ({ count: wave.length, servers: names(wave) })), pause_seconds, max_failed };
}

/** How one server of an open wave stands to the version. */
export type Standing = {
  name: string;
  /** left: it was removed, drained or given another stack. unsteady: it took it, and then a service that it switched fell ill. */
  state: 'waiting' | 'running' | 'succeeded' | 'failed' | 'unsteady' | 'left';
  message: string | null;
  hint: string | null;
  online: boolean;
  last_seen_at: number | null;
  was_online: boolean;
  admitted_at: number;
  /** How long it may be silent before it counts as away; left out: a minute. */
  silent_within_ms?: number;
};

export type Verdict =
  /** `until`: when it is to be looked at again at the latest, though nothing was reported. */
  | { kind: 'open'; until: number }
  | { kind: 'through'; away: string[]; failed: string[] }
  | { kind: 'stopped'; reason: string };

/** @param before Servers of earlier waves that failed, or fell ill since. */
export function judgeWave(
  wave: readonly Standing[],
  before: readonly Standing[],
  max_failed: number,
  now: number,
): Verdict {
  const standings = wave.map((one) => (isLate(one, now) ? late(one) : one));
  const failed = [...before, ...standings].filter(isFailure);
  const away = standings.filter((one) => isOpen(one) && isAway(one, now));
  const through = standings.filter(({ state }) => state === 'succeeded');
  if (failed.length > max_failed) return { kind: 'stopped', reason: describe(failed) };
  const open = standings.filter((one) => isOpen(one) && !isAway(one, now));
  if (open.length > 0) return { kind: 'open', until: Math.min(...open.map((one) => dueOf(one, now))) };
  const proven = through.length > 0 || standings.every(({ state, was_online }) => state === 'left' || !was_online);
  if (proven) return { kind: 'through', away: away.map(({ name }) => name), failed: failed.map(({ name }) => name) };
  if (failed.length > 0) return { kind: 'stopped', reason: describe(failed) };
  return { kind: 'stopped', reason: `No server of the wave came through it: ${names(away)} went offline.` };
}

/** Whether a server may have the version, or come to have it, so that it must be given what was before. */
export function mayHaveIt({ state }: Pick<Standing, 'state'>): boolean {
  return state !== 'failed' && state !== 'left';
}

export function isFailure({ state }: Pick<Standing, 'state'>): boolean {
  return state === 'failed' || state === 'unsteady';
}

export function isOpen({ state }: Pick<Standing, 'state'>): boolean {
  return state === 'waiting' || state === 'running';
}

export function isAway({ online, last_seen_at, silent_within_ms }: Standing, now: number): boolean {
  return !online && now - (last_seen_at ?? 0) >= (silent_within_ms ?? away_after_ms);
}

/** A server that is at work is let come to its end: its builds and starts are bounded by themselves. */
export function isLate(one: Standing, now: number): boolean {
  return one.state === 'waiting' && !isAway(one, now) && now - one.admitted_at > wave_within_ms;
}

function late(one: Standing): Standing {
  return { ...one, state: 'failed', message: 'did not report the end of it in time' };
}

function dueOf({ online, last_seen_at, admitted_at, silent_within_ms = away_after_ms }: Standing, now: number): number {
  const given_up_at = admitted_at + wave_within_ms + 1;
  return Math.max(now + 100, online ? given_up_at : Math.min(given_up_at, (last_seen_at ?? 0) + silent_within_ms));
}

function describe(failed: readonly Standing[]): string {
  const told = failed.slice(0, 10).map(({ name, message }) => `${name}: ${message ?? 'failed'}`);
  const more = failed.length > told.length ? [`and ${failed.length - told.length} more`] : [];
  return [...told, ...more].join('\n').slice(0, 3_000);
}

/** Names for a message: some of them, and how many more. */
export function names(all: readonly { name: string }[] | readonly string[], most = 5): string {
  const list = all.map((one) => (typeof one === 'string' ? one : one.name));
  const more = list.length > most ? ` and ${list.length - most} more` : '';
  return `${list.slice(0, most).join(', ')}${more}`;
}
