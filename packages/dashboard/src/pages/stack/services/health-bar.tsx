/** Health over the last hour as a bar of segments. Heights differ besides the colours; the words stand in its name. */
import type { ServiceOnServer } from '@mainstay/contract/operations/services';
import { useEffect, useState } from 'react';
import { useRead } from '../../../api/queries.ts';
import css from './health-bar.module.css';
import {
  historyInWords,
  recentInWords,
  recentSegments,
  type Segment,
  segments_max,
  segmentsOf,
} from './health-history.ts';

const every_ms = 60_000;
/** A row that is only scrolled past asks for nothing. */
const seen_after_ms = 600;
const step = 4;
const height = 20;

/** Of healthy segments the whole height is drawn, of others less: what is missing is what is wrong. */
const heights: Record<Segment, number> = { healthy: height, unhealthy: 12, down: 6, unknown: 2 };
const states = Object.keys(heights) as Segment[];

export function HealthBar({ entry: { stack, service, server, observed } }: { entry: ServiceOnServer }) {
  const usage = useRead('services.usage', { stack, service, range: '1h' }, { every_ms, enabled: useIsSeen() });
  const health = usage.data?.series.find((series) => series.server === server)?.health ?? [];
  const recent = observed?.health.recent ?? [];
  const isKnown = health.some((seen) => seen !== null);
  const segments = isKnown ? segmentsOf(health) : recentSegments(recent);
  const words = isKnown ? historyInWords(health) : recentInWords(recent);
  return (
    <svg className={css.bar} viewBox={`0 0 ${segments_max * step} ${height}`} role="img" aria-label={words}>
      <title>{words}</title>
      {states.map((state) => (
        <path key={state} data-seen={state} d={pathOf(segments, state)} />
      ))}
    </svg>
  );
}

/** All segments of one state, at their places; the newest is the rightmost. */
function pathOf(segments: readonly Segment[], state: Segment): string {
  const missing = segments_max - segments.length;
  return Array.from({ length: segments_max }, (_, index) =>
    (segments[index - missing] ?? 'unknown') === state
      ? `M${index * step} ${height}v-${heights[state]}h${step - 1}v${heights[state]}z`
      : '',
  ).join('');
}

function useIsSeen(): boolean {
  const [seen, setSeen] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setSeen(true), seen_after_ms);
    return () => clearTimeout(timer);
  }, []);
  return seen;
}
