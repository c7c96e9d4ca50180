/** Health over the last hour as a bar of segments. Heights differ besides the colours; the words stand in its name. */
import type { ServiceOnServer } from '@mainstay/contract/operations/services';
import { useRead } from '../../../api/queries.ts';
import css from './health-bar.module.css';
import { historyInWords, recentInWords, recentSegments, type Segment, segmentsOf } from './health-history.ts';

const every_ms = 60_000;
const step = 4;
const height = 20;

/** Of healthy segments the whole height is drawn, of others less: what is missing is what is wrong. */
const heights: Record<Segment, number> = { healthy: height, unhealthy: 12, down: 6, unknown: 2 };

export function HealthBar({ entry: { stack, service, server, observed } }: { entry: ServiceOnServer }) {
  const usage = useRead('services.usage', { stack, service, range: '1h' }, { every_ms });
  const health = usage.data?.series.find((series) => series.server === server)?.health ?? [];
  const recent = observed?.health.recent ?? [];
  const isKnown = health.some((seen) => seen !== null);
  const segments = isKnown ? segmentsOf(health) : recentSegments(recent);
  const words = isKnown ? historyInWords(health) : recentInWords(recent);
  return (
    <svg className={css.bar} viewBox={`0 0 ${30 * step} ${height}`} role="img" aria-label={words}>
      <title>{words}</title>
      {Array.from({ length: 30 }, (_, index) => {
        const segment = segments[index - 30 + segments.length] ?? 'unknown';
        return (
          <rect
            key={index}
            x={index * step}
            y={height - heights[segment]}
            width={step - 1}
            height={heights[segment]}
            rx="1"
            data-seen={segment}
          />
        );
      })}
    </svg>
  );
}
