/** What of a log is shown, as search parameters: whoever has the address sees the same. */
import type { LogLevel } from '@mainstay/contract/log-level';
import type { Input } from '../../api/client.ts';
import { flagOf, numberOf, oneOf, type RawSearch, textOf } from '../../search.ts';
import type { LogFilter } from './log-reader.ts';

/** Named here once more, as an address is read before anything else is loaded. */
export const logLevels = ['debug', 'info', 'warn', 'error'] as const satisfies readonly LogLevel[];
export const logStreams = ['stdout', 'stderr', 'build'] as const satisfies readonly Input<'logs.list'>['stream'][];

export type LogSearch = {
  q?: string | undefined;
  /** Only lines that hold it. */
  only?: true | undefined;
  level?: (typeof logLevels)[number] | undefined;
  release?: string | undefined;
  stream?: (typeof logStreams)[number] | undefined;
  wrap?: true | undefined;
  clock?: 'date' | 'utc' | undefined;
  /** Cursor of the line that is pointed at. */
  line?: number | undefined;
  /** A moment, UTC milliseconds: opens at the last line before it. */
  at?: number | undefined;
};

export function logSearch(raw: RawSearch): LogSearch {
  return {
    q: textOf(raw['q']),
    only: flagOf(raw['only']),
    level: oneOf(raw['level'], logLevels),
    release: textOf(raw['release'], 64),
    stream: oneOf(raw['stream'], logStreams),
    wrap: flagOf(raw['wrap']),
    clock: oneOf(raw['clock'], ['date', 'utc']),
    line: numberOf(raw['line']),
    at: numberOf(raw['at']),
  };
}

/** Which lines that means. */
export function filterOf(of: Pick<LogFilter, 'stack' | 'service' | 'server'>, search: LogSearch): LogFilter {
  const { level, release, stream, q, only } = search;
  return {
    ...of,
    ...(level ? { level } : {}),
    ...(release ? { release_id: release } : {}),
    ...(stream ? { stream } : {}),
    ...(q && only ? { search: q } : {}),
  };
}
