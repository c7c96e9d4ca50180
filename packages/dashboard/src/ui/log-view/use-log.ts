/** Keeps a reader of the log and a finder of hits for as long as a log is shown, fed by what is asked for and by the live stream. */
import { useEffect, useMemo, useState, useSyncExternalStore } from 'react';
import { call } from '../../api/client.ts';
import { onTopics } from '../../api/live.ts';
import { createHitFinder, type Hits } from './log-hits.ts';
import { createLogReader, type LogFilter, type LogReader, type LogState, type OpenAt } from './log-reader.ts';
import type { LogLine } from './log-window.ts';

/** For when the live stream is away: looks by itself now and then. */
const look_ms = 8_000;

export function useLog(filter: LogFilter, openAt: () => OpenAt): { state: LogState; reader: LogReader } {
  const [reader] = useState(() => createLogReader((input, signal) => call('logs.list', input, { signal })));
  const state = useSyncExternalStore(reader.subscribe, reader.state);
  const key = JSON.stringify(filter);
  // Only another filter opens it anew; where, is asked at that moment.
  useEffect(() => {
    reader.open(JSON.parse(key) as LogFilter, openAt());
  }, [reader, key]);
  const { stack } = filter;
  useEffect(() => {
    const look = () => {
      const { is_opening, window } = reader.state();
      if (!is_opening && !window.more_after && document.visibilityState === 'visible') reader.newer();
    };
    const topic = `logs:${stack}`;
    const end = onTopics((topics) => {
      if (topics.length === 0 || topics.includes(topic)) look();
    });
    const timer = setInterval(look, look_ms);
    document.addEventListener('visibilitychange', look);
    return () => {
      end();
      clearInterval(timer);
      document.removeEventListener('visibilitychange', look);
    };
  }, [reader, stack]);
  useEffect(() => () => reader.close(), [reader]);
  return { state, reader };
}

export function useHits(lines: readonly LogLine[], pattern: RegExp | null): Hits {
  const [finder] = useState(createHitFinder);
  useEffect(() => finder.look(lines, pattern), [finder, lines, pattern]);
  useEffect(() => () => finder.close(), [finder]);
  const hits = useSyncExternalStore(finder.subscribe, finder.hits);
  return useMemo(() => (pattern ? hits : { cursors: [], is_complete: true }), [hits, pattern]);
}
