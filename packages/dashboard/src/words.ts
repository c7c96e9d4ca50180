/** States in words and shapes, durations and sizes for people. Colour repeats what the word and the shape say already. */
import type { ServiceOnServer } from '@mainstay/contract/operations/services';
import type { StackHealth } from '@mainstay/contract/operations/stacks';
import type * as z from 'zod';

export type Tone = 'good' | 'busy' | 'warning' | 'bad' | 'idle';
export type Status = { tone: Tone; word: string };

/** How a service is, in one word or two. */
export function serviceStatus(service: ServiceOnServer): Status {
  const { observed } = service;
  if (!observed) return { tone: 'idle', word: 'Not reported yet' };
  if (!service.server_online) return { tone: 'idle', word: `Server offline (was ${observed.state.replace('_', ' ')})` };
  switch (observed.state) {
    case 'running':
      if (observed.health.state === 'healthy') return { tone: 'good', word: 'Healthy' };
      if (observed.health.state === 'unhealthy') return { tone: 'warning', word: 'Unhealthy' };
      return { tone: 'busy', word: 'Running, not checked yet' };
    case 'pending':
      return { tone: 'busy', word: 'Waiting' };
    case 'building':
      return { tone: 'busy', word: 'Building' };
    case 'starting':
      return { tone: 'busy', word: 'Starting' };
    case 'unhealthy':
      return { tone: 'warning', word: 'Unhealthy' };
    case 'crash_looping':
      return { tone: 'bad', word: 'Crash looping' };
    case 'failed':
      return { tone: 'bad', word: 'Failed' };
    case 'stopped':
      return { tone: 'idle', word: 'Stopped' };
  }
}

export function stackStatus(health: z.infer<typeof StackHealth>): Status {
  switch (health) {
    case 'healthy':
      return { tone: 'good', word: 'Healthy' };
    case 'deploying':
      return { tone: 'busy', word: 'Deploying' };
    case 'degraded':
      return { tone: 'warning', word: 'Degraded' };
    case 'failed':
      return { tone: 'bad', word: 'Failed' };
    case 'offline':
      return { tone: 'bad', word: 'Offline' };
    case 'empty':
      return { tone: 'idle', word: 'On no server' };
  }
}

export function serverStatus(state: 'invited' | 'online' | 'offline'): Status {
  switch (state) {
    case 'online':
      return { tone: 'good', word: 'Online' };
    case 'offline':
      return { tone: 'bad', word: 'Offline' };
    case 'invited':
      return { tone: 'idle', word: 'Invited' };
  }
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
  return now - at < 2_000 ? 'just now' : `${duration(now - at)} ago`;
}

export function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 1024 / 1024)} MiB`;
}

/** First characters of a commit, as Git shows them. */
export function shortCommit(commit: string): string {
  return commit.slice(0, 7);
}

export function counted(count: number, singular: string): string {
  return `${count} ${singular}${count === 1 ? '' : 's'}`;
}
