/** Health over time, per server: a strip in which what was wrong is lower than what was well, and the same in words. */
import type { UsageRange } from '@mainstay/contract/operations/usage';
import { getRouteApi } from '@tanstack/react-router';
import type { Output } from '../../api/client.ts';
import { useRead } from '../../api/queries.ts';
import { chart } from '../../texts/chart.ts';
import { service } from '../../texts/service.ts';
import { fetchEvery, RangePicker } from '../../ui/chart/range-picker.tsx';
import { momentWithin } from '../../ui/chart/words.ts';
import { Fetched, Rows, Section } from '../../ui/page.tsx';
import { absoluteTime } from '../../ui/time.tsx';
import { duration } from '../../ui/words.ts';
import { type HealthRun, healthRuns, timeIn, troublesOf } from './health-runs.ts';
import css from './service.module.css';
import type { TabProps } from './tab-props.ts';

const texts = service.health;
const route = getRouteApi('/stacks/$stack/services/$service');

export function HealthHistory({ stack, service: name, entries }: Omit<TabProps, 'spec'>) {
  const { range = '24h', server } = route.useSearch();
  const navigate = route.useNavigate();
  const input = { stack, service: name, range, ...(server === undefined ? {} : { server }) };
  const query = useRead('services.usage', input, { keep: true, every_ms: fetchEvery(range) });
  return (
    <Section
      title={texts.history}
      aside={
        <RangePicker
          value={range}
          onChange={(next) =>
            void navigate({ search: (old) => ({ ...old, range: next }), replace: true, resetScroll: false })
          }
        />
      }
    >
      <Fetched query={query} skeleton={<Rows count={Math.max(1, entries.length) * 2} />}>
        {(usage) => (
          <div className={css.histories}>
            {usage.series.length === 0 && <p className="quiet">{texts.nothingSeen(chart.rangeLong[range])}</p>}
            {usage.series.map((series) => (
              <History key={series.server} usage={usage} series={series} range={range} />
            ))}
          </div>
        )}
      </Fetched>
    </Section>
  );
}

type HistoryProps = {
  usage: Output<'services.usage'>;
  series: Output<'services.usage'>['series'][number];
  range: UsageRange;
};

const strip = { width: 1_000, height: 24 };
/** The worse, the lower: what is missing above is what was wrong. */
const heights = { healthy: 24, unhealthy: 14, down: 7, unknown: 2 } as const;
const troubles_max = 6;

function History({ usage: { times, to, from }, series, range }: HistoryProps) {
  const runs = healthRuns(times, series.health, to);
  const spent = timeIn(runs);
  const words = (['healthy', 'unhealthy', 'down', 'unknown'] as const)
    .filter((state) => spent[state] > 0)
    .map((state) => texts.spent(texts.seen[state], spent[state]));
  const x = (at: number) => ((at - from) / Math.max(1, to - from)) * strip.width;
  return (
    <div className={css.history}>
      <div className={css.historyHead}>
        <span className={css.historyServer}>{series.server}</span>
        <span className="quiet">{words.join(' · ')}</span>
      </div>
      <svg
        className={css.strip}
        viewBox={`0 0 ${strip.width} ${strip.height}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={texts.historyOf(series.server, words.join(', '))}
      >
        {runs.map((run) => (
          <rect
            key={run.from}
            x={x(run.from)}
            y={strip.height - heights[run.state]}
            width={Math.max(1.5, x(run.to) - x(run.from))}
            height={heights[run.state]}
            data-seen={run.state}
          >
            <title>{texts.until(texts.seen[run.state], absoluteTime(run.from), duration(run.to - run.from))}</title>
          </rect>
        ))}
      </svg>
      <Troubles troubles={troublesOf(runs)} span_ms={to - from} isKnown={spent.unknown < to - from} range={range} />
    </div>
  );
}

type TroublesProps = { troubles: HealthRun[]; span_ms: number; isKnown: boolean; range: UsageRange };

function Troubles({ troubles, span_ms, isKnown, range }: TroublesProps) {
  if (!isKnown) return <p className={css.small}>{texts.nothingSeen(chart.rangeLong[range])}</p>;
  if (troubles.length === 0) return <p className={css.small}>{texts.noTroubles(chart.rangeLong[range])}</p>;
  const more = troubles.length - troubles_max;
  return (
    <ul className={css.small}>
      {troubles.slice(0, troubles_max).map(({ state, from, to }) => (
        <li key={from} title={absoluteTime(from)}>
          {texts.until(texts.seen[state], momentWithin(from, span_ms), duration(to - from))}
        </li>
      ))}
      {more > 0 && <li>{texts.moreTroubles(more)}</li>}
    </ul>
  );
}
