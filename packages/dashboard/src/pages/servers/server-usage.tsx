/** How busy a server was over time. Loaded when it is asked for, with the charts. */
import type { ServerView } from '@mainstay/contract/operations/servers';
import { getRouteApi } from '@tanstack/react-router';
import type { Output } from '../../api/client.ts';
import { useRead } from '../../api/queries.ts';
import { servers } from '../../texts/servers.ts';
import { fetchEvery, RangePicker } from '../../ui/chart/range-picker.tsx';
import { inBytes, inShares } from '../../ui/chart/series.ts';
import { type ChartSeries, UsageChart } from '../../ui/chart/usage-chart.tsx';
import { EmptyState, Fetched, Rows, Section } from '../../ui/page.tsx';
import css from './server.module.css';

const texts = servers.usage;
const route = getRouteApi('/servers/$server');
const inLoad = { format: (value: number) => value.toFixed(2), least: 1 };

export default function ServerUsage({ server }: { server: ServerView }) {
  const { range = '1h' } = route.useSearch();
  const navigate = route.useNavigate();
  const query = useRead('servers.usage', { server: server.name, range }, { keep: true, every_ms: fetchEvery(range) });
  return (
    <div className={css.usage}>
      <RangePicker
        value={range}
        onChange={(next) =>
          void navigate({ search: (before) => ({ ...before, range: next }), replace: true, resetScroll: false })
        }
      />
      <Fetched query={query} skeleton={<Rows count={10} />}>
        {(usage) => <Charts usage={usage} />}
      </Fetched>
    </div>
  );
}

function Charts({ usage }: { usage: Output<'servers.usage'> }) {
  const { times, to, series } = usage;
  const one = series[0];
  if (!one) {
    return (
      <Section>
        <EmptyState title={texts.none}>{texts.noneText}</EmptyState>
      </Section>
    );
  }
  const shared = { times, to, syncKey: 'server' };
  const line = (label: string, values: ChartSeries['values'], tone: ChartSeries['tone'] = 'accent') => ({
    label,
    values,
    tone,
  });
  const capacity = (value: number | null) => (value === null ? null : { value, label: texts.total });
  return (
    <div className={css.charts}>
      <Section>
        <UsageChart
          {...shared}
          label={texts.cpu}
          unit={inShares}
          series={[line(texts.average, one.cpu), line(texts.highest, one.cpu_max, 'busy')]}
        />
      </Section>
      <Section>
        <UsageChart
          {...shared}
          label={texts.memory}
          unit={inBytes}
          series={[line(texts.used, one.memory_bytes)]}
          capacity={capacity(one.memory_total_bytes)}
        />
      </Section>
      <Section>
        <UsageChart
          {...shared}
          label={texts.disk}
          unit={inBytes}
          series={[line(texts.used, one.disk_bytes)]}
          capacity={capacity(one.disk_total_bytes)}
        />
      </Section>
      <Section>
        <UsageChart
          {...shared}
          label={texts.load}
          unit={inLoad}
          series={[line(texts.load1, one.load1)]}
          capacity={one.cpus === null ? null : { value: one.cpus, label: texts.cores }}
        />
      </Section>
    </div>
  );
}
