/**
 * Values over time, honestly: a gap stays a gap and is said in words, the scale begins at zero, exact values and absolute times
 * are under the pointer and in a table. The drawing itself (plot.tsx, uPlot) is loaded when a chart is first shown; its place
 * is reserved, so that nothing jumps.
 */
import { lazy, Suspense, useMemo, useState } from 'react';
import { chart as texts } from '../../texts/chart.ts';
import css from './chart.module.css';
import { ChartTable } from './chart-table.tsx';
import { type ChartUnit, type Column, gapsOf, latestOf, topOf } from './series.ts';
import { gapWords, momentOf } from './words.ts';

const Plot = lazy(() => import('./plot.tsx'));

/** Colours come from the theme; a second series of the same tone is dashed. */
export type ChartTone = 'accent' | 'busy' | 'good' | 'warning' | 'bad' | 'idle';
/** Tones for as many series as there are, in order; after them they repeat, dashed. */
export const chartTones: readonly ChartTone[] = ['accent', 'busy', 'warning', 'good', 'idle', 'bad'];

export type ChartSeries = { label: string; values: Column; tone: ChartTone };
export type ChartMark = { at: number; label: string };

export type UsageChartProps = {
  /** What is drawn: `Memory`. Names the chart for those who do not see it. */
  label: string;
  /** When each interval begins, UTC milliseconds. */
  times: readonly number[];
  /** Where the time axis ends; the begin of the last interval when left out. */
  to?: number;
  series: readonly ChartSeries[];
  /** `inBytes`, `inShares`, `inCores`, or one of your own. */
  unit: ChartUnit;
  /** A limit, drawn as a line when it is near enough, and said in words in any case. */
  capacity?: { value: number; label: string } | null;
  /** Moments marked on the time axis, such as restarts. */
  marks?: readonly ChartMark[];
  /** Pixels of the drawing. */
  height?: number;
  /** Charts with the same key show their cursors at the same time. */
  syncKey?: string;
};

export function UsageChart({
  label,
  times,
  to,
  series,
  unit,
  capacity = null,
  marks = none,
  height = 168,
  syncKey,
}: UsageChartProps) {
  const [cursor, setCursor] = useState<number | null>(null);
  const columns = useMemo(() => series.map(({ values }) => values), [series]);
  const gaps = useMemo(() => gapsOf(times, columns), [times, columns]);
  const scale = useMemo(() => topOf(columns, unit, capacity?.value ?? null), [columns, unit, capacity?.value]);
  const isEmpty = columns.every((column) => latestOf(column) === null);
  const drawn = useMemo(
    () =>
      series.map((one, index) => ({
        ...one,
        isDashed: series.findIndex(({ tone }) => tone === one.tone) !== index,
      })),
    [series],
  );
  return (
    <figure className={css.chart} aria-label={texts.chartOf(label, series.map((one) => one.label).join(', '))}>
      <figcaption className={css.head}>
        <span className={css.label}>{label}</span>
        <ul className={css.legend}>
          {drawn.map((one) => (
            <li key={one.label} className={css.entry} data-tone={one.tone}>
              <span className={css.sample} data-dashed={one.isDashed || undefined} aria-hidden="true" />
              <bdi className={css.name}>{one.label}</bdi>
              <Value column={one.values} cursor={cursor} unit={unit} times={times} />
            </li>
          ))}
          {capacity && (
            <li className={css.entry} data-tone="capacity">
              {scale.shows && <span className={css.sample} data-dashed aria-hidden="true" />}
              <span className="quiet">
                {scale.shows
                  ? texts.capacity(capacity.label, unit.format(capacity.value))
                  : texts.capacityBeyond(capacity.label, unit.format(capacity.value))}
              </span>
            </li>
          )}
        </ul>
      </figcaption>
      <div className={css.field} style={{ height }}>
        {isEmpty ? (
          <p className={css.nothing}>{texts.nothing}</p>
        ) : (
          <Suspense fallback={<div className={css.nothing} aria-busy="true" />}>
            <Plot
              times={times}
              to={to ?? times.at(-1) ?? 0}
              series={drawn}
              unit={unit}
              top={scale.top}
              capacity={scale.shows ? (capacity?.value ?? null) : null}
              marks={marks}
              gaps={gaps}
              height={height}
              syncKey={syncKey ?? null}
              onCursor={setCursor}
            />
          </Suspense>
        )}
      </div>
      <div className={css.foot}>
        <p className={css.gaps}>{isEmpty ? ' ' : gapWords(gaps, times) || ' '}</p>
        {!isEmpty && <ChartTable label={label} times={times} series={series} unit={unit} />}
      </div>
    </figure>
  );
}

const none: readonly never[] = [];

type ValueProps = { column: Column; cursor: number | null; unit: ChartUnit; times: readonly number[] };

/** The value under the pointer, or the latest one; as wide as it gets, so that the legend stands still. */
function Value({ column, cursor, unit, times }: ValueProps) {
  const latest = latestOf(column);
  const value = cursor === null ? latest?.value : column[cursor];
  const at = times[cursor ?? latest?.index ?? -1];
  return (
    <span className={css.value} title={at === undefined ? undefined : momentOf(at)}>
      {value == null ? texts.noValue : unit.format(value)}
    </span>
  );
}
