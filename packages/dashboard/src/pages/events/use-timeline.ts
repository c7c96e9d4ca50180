/** The timeline of a filter in a page: kept fresh by the live connection, and kept for the way back from another page. */
import { useEffect, useMemo, useSyncExternalStore } from 'react';
import { call } from '../../api/client.ts';
import { onTopics } from '../../api/live.ts';
import { createTimeline, type EventFilter, type Timeline, type TimelineState } from './timeline.ts';

/** The filters that were looked at last, so that going back shows at once what was read, where it was read. */
const kept = new Map<string, Timeline>();
const kept_max = 4;

/** Changes come in bursts; they are fetched together. */
const apart_ms = 700;

function timelineOf(key: string): Timeline {
  const found = kept.get(key);
  const timeline =
    found ?? createTimeline(JSON.parse(key) as EventFilter, (input, signal) => call('events.list', input, { signal }));
  kept.delete(key);
  kept.set(key, timeline);
  if (kept.size > kept_max) kept.delete(kept.keys().next().value!);
  return timeline;
}

export function useTimeline(filter: EventFilter): [state: TimelineState, timeline: Timeline] {
  const key = JSON.stringify(filter);
  const timeline = useMemo(() => timelineOf(key), [key]);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const catchUp = () => {
      timer = undefined;
      void timeline.catchUp();
    };
    catchUp();
    const silence = onTopics((topics) => {
      if (topics.length === 0 || topics.includes('events')) timer ??= setTimeout(catchUp, apart_ms);
    });
    return () => {
      silence();
      clearTimeout(timer);
      timeline.stop();
    };
  }, [timeline]);
  return [useSyncExternalStore(timeline.subscribe, timeline.get), timeline];
}
