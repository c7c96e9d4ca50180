/** States in words and shapes, durations and sizes for people. Colour repeats what the word and the shape say already. */

import type { OperationState } from '@mainstay/contract/operation';
import type { ServiceOnServer } from '@mainstay/contract/operations/services';
import type { StackHealth } from '@mainstay/contract/operations/stacks';
import type * as z from 'zod';
import { general } from '../texts/general.ts';
import { status } from '../texts/status.ts';

export type Tone = 'good' | 'busy' | 'warning' | 'bad' | 'idle';
export type Status = { tone: Tone; word: string };

/** How a service is, in one word or two. */
export function serviceStatus(service: ServiceOnServer): Status {
  const { observed } = service;
  const words = status.service;
  if (!observed) return { tone: 'idle', word: words.unreported };
  if (!service.server_online) return { tone: 'idle', word: words.serverOffline(observed.state.replace('_', ' ')) };
  switch (observed.state) {
    case 'running':
      if (observed.health.state === 'healthy') return { tone: 'good', word: words.healthy };
      if (observed.health.state === 'unhealthy') return { tone: 'warning', word: words.unhealthy };
      return { tone: 'busy', word: words.unchecked };
    case 'pending':
    case 'building':
    case 'starting':
      return { tone: 'busy', word: words[observed.state] };
    case 'unhealthy':
      return { tone: 'warning', word: words.unhealthy };
    case 'crash_looping':
    case 'failed':
      return { tone: 'bad', word: words[observed.state] };
    case 'stopped':
      return { tone: 'idle', word: words.stopped };
  }
}

const stackTones = {
  healthy: 'good',
  deploying: 'busy',
  degraded: 'warning',
  failed: 'bad',
  offline: 'bad',
  empty: 'idle',
} as const satisfies Record<z.infer<typeof StackHealth>, Tone>;

export function stackStatus(health: z.infer<typeof StackHealth>): Status {
  return { tone: stackTones[health], word: status.stack[health] };
}

const serverTones = { online: 'good', offline: 'bad', invited: 'idle', drained: 'idle' } as const;

export function serverStatus(state: keyof typeof serverTones): Status {
  return { tone: serverTones[state], word: status.server[state] };
}

/** Of a server that is drained and there, that it is drained. */
export function statusOfServer({
  state,
  drained,
}: {
  state: 'invited' | 'online' | 'offline';
  drained: boolean;
}): Status {
  return serverStatus(drained && state === 'online' ? 'drained' : state);
}

const operationTones = {
  planned: 'idle',
  proposed: 'busy',
  denied: 'bad',
  waiting: 'warning',
  rejected: 'bad',
  expired: 'idle',
  approved: 'busy',
  running: 'busy',
  succeeded: 'good',
  failed: 'bad',
  compensated: 'bad',
  cancelled: 'idle',
} as const satisfies Record<OperationState, Tone>;

export function operationStatus(state: OperationState): Status {
  return { tone: operationTones[state], word: status.operation[state] };
}

/** A duration in its largest one or two units: `8 s`, `3 min`, `2 h 5 min`, `4 d 1 h`. Negative counts as nothing. */
export function duration(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  const days = Math.floor(hours / 24);
  return hours % 24 === 0 ? `${days} d` : `${days} d ${hours % 24} h`;
}

/** `just now`, `8 s ago`, `3 min ago`. */
export function ago(at: number, now: number): string {
  return now - at < 2_000 ? general.justNow : general.ago(duration(now - at));
}

/** Bytes in binary units: `512 KiB`, `61.2 MiB`, `3.4 GiB`. */
export function bytes(count: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = Math.max(0, count);
  let unit = 0;
  for (; value >= 1024 && unit < units.length - 1; unit++) value /= 1024;
  return `${value >= 100 || unit === 0 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** A part of one as a percentage: `0.4 %`, `37 %`. */
export function percent(part: number): string {
  const value = part * 100;
  return `${value > 0 && value < 9.95 ? value.toFixed(1) : Math.round(value)} %`;
}

/** First characters of a commit, as Git shows them. */
export function shortCommit(commit: string): string {
  return commit.slice(0, 7);
}

export function counted(count: number, singular: string): string {
  return `${count} ${singular}${count === 1 ? '' : 's'}`;
}

/** States in which an operation stays. */
export const terminalStates: readonly OperationState[] = [
  'planned',
  'denied',
  'rejected',
  'expired',
  'succeeded',
  'failed',
  'compensated',
  'cancelled',
];
