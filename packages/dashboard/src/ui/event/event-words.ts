/** How an event is told: its tone, and what its data holds. Data is whatever the sender wrote, so everything is looked at first. */
import type { EventKind } from '@mainstay/contract/agent-api';
import type { EventView } from '@mainstay/contract/operations/watch';
import type { Tone } from '../words.ts';

const goodKinds: ReadonlySet<EventKind> = new Set<EventKind>([
  'deployment.succeeded',
  'build.succeeded',
  'release.switched',
  'service.healthy',
  'operation.succeeded',
  'server.enrolled',
  'server.online',
  'agent.recovered',
  'stack.source_available',
]);

/** The shape that stands for an event. */
export function eventTone({ kind, severity }: Pick<EventView, 'kind' | 'severity'>): Tone {
  if (severity === 'error') return 'bad';
  if (severity === 'warning') return 'warning';
  return goodKinds.has(kind) ? 'good' : 'idle';
}

export type PrintedLine = { at: number; stream: string; text: string };

/** The last lines before an end, where the event brought any. */
export function lastLinesOf(data: EventView['data']): PrintedLine[] {
  const lines = data?.['last_lines'];
  if (!Array.isArray(lines)) return [];
  return lines.filter(isPrintedLine);
}

function isPrintedLine(value: unknown): value is PrintedLine {
  const { at, stream, text } = (value ?? {}) as Record<string, unknown>;
  return typeof at === 'number' && typeof stream === 'string' && typeof text === 'string';
}

export type Fact = { name: string; value: unknown };

/** What else the data holds: facts, by name; names of nothing are left out. */
export function factsOf(data: EventView['data']): Fact[] {
  return Object.entries(data ?? {})
    .filter(([name, value]) => name !== 'last_lines' && value !== null && value !== '')
    .map(([name, value]) => ({ name, value }));
}

/** The line that stands for a message of several. */
export function firstLine(message: string): string {
  const end = message.indexOf('\n');
  return end < 0 ? message : message.slice(0, end);
}
