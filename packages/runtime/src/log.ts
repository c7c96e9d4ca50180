/**
 * Logs: JSON lines by pino on stderr, with a correlation id where a request is known. Secrets never enter a log: callers
 * do not pass them, and the names below are cut out should one do so all the same.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { destination, type Logger, pino } from 'pino';
import type { RecentLines } from './recent-lines.ts';

export type { Logger };

const redactedNames = ['token', 'secret', 'password', 'authorization', 'cookie', 'credential', 'value', 'private_key'];

const context = new AsyncLocalStorage<{ correlation_id: string }>();

/** Runs something with a correlation id that all its log lines then carry. */
export function withCorrelation<T>(correlation_id: string, run: () => T): T {
  return context.run({ correlation_id }, run);
}

export function correlationId(): string | undefined {
  return context.getStore()?.correlation_id;
}

export type LogOptions = {
  name: string;
  level?: string;
  file?: string;
  /** Is given each line as well. */
  recent?: RecentLines;
};

export function createLogger(options: LogOptions): Logger {
  const output = destination({ dest: options.file ?? 2, sync: true, mkdir: true });
  const { recent } = options;
  const both = recent && {
    write(text: string) {
      recent.add(text);
      output.write(text);
    },
  };
  return pino(
    {
      name: options.name,
      level: options.level ?? process.env['MAINSTAY_LOG_LEVEL'] ?? 'info',
      base: { name: options.name },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: redactedNames.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]), censor: '[redacted]' },
      mixin: () => context.getStore() ?? {},
    },
    both ?? output,
  );
}

export function silentLogger(): Logger {
  return pino({ level: 'silent' });
}
