/** What an event tells of something that ended. Its data is whatever was sent, so everything is looked at before it is told. Pure. */
import type { CrashReport } from '@mainstay/contract/crash-report';
import type { EventView } from '@mainstay/contract/operations/watch';

export const crashKinds = ['service.crashed', 'service.limit_exceeded', 'candidate.failed', 'build.failed'] as const;
export type CrashKind = (typeof crashKinds)[number];

export type Crash = Partial<Omit<CrashReport, 'last_lines'>>;

const reasons: readonly string[] = [
  'exit',
  'memory_limit',
  'process_limit',
  'hung',
  'unhealthy',
] satisfies CrashReport['reason'][];

export function isCrashKind(kind: EventView['kind']): kind is CrashKind {
  return (crashKinds as readonly string[]).includes(kind);
}

export function crashOf(data: EventView['data']): Crash {
  const { reason, exit_code, signal, uptime_ms, failures, restarts, next_start_at } = (data ?? {}) as Record<
    string,
    unknown
  >;
  return {
    ...(typeof reason === 'string' && reasons.includes(reason) ? { reason: reason as CrashReport['reason'] } : {}),
    ...(isCount(exit_code) ? { exit_code } : {}),
    ...(typeof signal === 'string' ? { signal: signal.slice(0, 16) } : {}),
    ...(isCount(uptime_ms) ? { uptime_ms } : {}),
    ...(isCount(failures) ? { failures } : {}),
    ...(isCount(restarts) ? { restarts } : {}),
    ...(isCount(next_start_at) ? { next_start_at } : {}),
  };
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

/** What a message says before it repeats the last lines, which are shown apart. */
export function withoutLines(message: string, last_lines: readonly { text: string }[]): string {
  const printed = new Set(last_lines.map(({ text }) => text.trim()));
  const lines = message.split('\n');
  const end = lines.findIndex((line, index) => index > 0 && line.trim() !== '' && printed.has(line.trim()));
  if (end < 0) return message;
  // The sentence that announces them has nothing to announce any more.
  return lines
    .slice(0, end)
    .join('\n')
    .replace(/[^.!?\n]*:\s*$/, '')
    .trim();
}
