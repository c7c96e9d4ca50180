/** CPU and memory of the service over time, a line for each server, with its limits and its restarts. */
import { getRouteApi } from '@tanstack/react-router';
import { useMemo } from 'react';
import type { Output } from '../../api/client.ts';
import { useRead } from '../../api/queries.ts';
import { chart } from '../../texts/chart.ts';
import { service } from '../../texts/service.ts';
import { fetchEvery, RangePicker } from '../../ui/chart/range-picker.tsx';
import { type Column, inBytes, inCores } from '../../ui/chart/series.ts';
import { type ChartMark, type ChartSeries, chartTones, UsageChart } from '../../ui/chart/usage-chart.tsx';
import { EmptyState, Fetched, Section } from '../../ui/page.tsx';
import css from './service.module.css';
import type { TabProps } from './tab-props.ts';

const texts = service.usage;
const route = getRouteApi('/stacks/$stack/services/$service');

export default function UsageTab({ stack, service: name }: TabProps) {
  const { range = '1h', server } = route.useSearch();
  const navigate = route.useNavigate();
  const input = { stack, service: name, range, ...(server === undefined ? {} : { server }) };
  const query = useRead('services.usage', input, { keep: true, every_ms: fetchEvery(range) });
  return (
    <div className={css.sections}>
      <div className={css.range}>
        <RangePicker
          value={range}
          onChange={(next) =>
            void navigate({ search: (old) => ({ ...old, range: next }), replace: true, resetScroll: false })
          }
        />
        {query.data && <Restarts usage={query.data} range={chart.rangeLong[range]} />}
      </div>
      <Fetched query={query} skeleton={<div className={css.chartsPlace} aria-busy="true" />}>
        {(usage) => <Charts usage={usage} />}
      </Fetched>
    </div>
  );
}

type Usage = Output<'services.usage'>;

function Charts({ usage }: { usage: Usage }) {
  const { times, to, series, memory_limit_bytes, servers_left_out } = usage;
  const one = series.length === 1 ? series[0] : undefined;
  const drawn = useMemo(() => {
    const lines = (column: (of: Usage['series'][number]) => Column): ChartSeries[] =>
      series.map((of, index) => ({
        label: of.server,
        values: column(of),
        tone: chartTones[index % chartTones.length] ?? 'accent',
      }));
    const [first] = series;
    const cpu: ChartSeries[] =
      series.length === 1 && first
        ? [
            { label: texts.average, values: first.cpu, tone: 'accent' },
            { label: texts.highest, values: first.cpu_max, tone: 'busy' },
          ]
        : lines((of) => of.cpu);
    const memory = lines((of) => of.memory_bytes);
    const [used] = memory;
    return {
      cpu,
      memory: memory.length === 1 && used ? [{ ...used, label: texts.used }] : memory,
      marks: marksOf(usage),
    };
  }, [usage, series]);
  if (series.length === 0) {
    return (
      <Section>
        <EmptyState title={texts.empty}>{texts.emptyText}</EmptyState>
      </Section>
    );
  }
  const cores = one ? one.cpus : null;
  const shared = { times, to, marks: drawn.marks, height: 200, syncKey: 'service' };
  return (
    <>
      <Section>
        <UsageChart
          {...shared}
          label={texts.cpu}
          unit={inCores}
          series={drawn.cpu}
          capacity={cores === null ? null : { value: cores, label: texts.cores }}
        />
      </Section>
      <Section>
        <UsageChart
          {...shared}
          label={texts.memory}
          unit={inBytes}
          series={drawn.memory}
          capacity={memory_limit_bytes === null ? null : { value: memory_limit_bytes, label: texts.limit }}
        />
        {memory_limit_bytes === null && <p className={css.small}>{texts.noLimit}</p>}
      </Section>
      {servers_left_out > 0 && <p className="quiet">{texts.leftOut(servers_left_out)}</p>}
    </>
  );
}

/** Restarts as marks in the middle of the interval in which they were. */
function marksOf({ times, resolution_seconds, series }: Usage): ChartMark[] {
  return series.flatMap(({ server, restarts }) =>
    times.flatMap((at, index) => {
      const count = restarts[index] ?? 0;
      if (count === 0) return [];
      const label = series.length === 1 ? texts.restartsWithout(count) : texts.restarts(count, server);
      return [{ at: at + resolution_seconds * 500, label }];
    }),
  );
}

function Restarts({ usage, range }: { usage: Usage; range: string }) {
  const count = usage.series.reduce(
    (sum, of) => sum + of.restarts.reduce<number>((all, one) => all + (one ?? 0), 0),
    0,
  );
  return <span className="quiet">{count > 0 ? texts.restartsSeen(count, range) : texts.noRestarts(range)}</span>;
}
