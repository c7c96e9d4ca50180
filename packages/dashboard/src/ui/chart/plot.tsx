/**
 * The drawing of a chart, by uPlot: lines with their gaps, shaded where nothing is known, a capacity line, marks. Loaded only
 * when a chart is shown. Colours are read from the theme when something is drawn, so that a change of theme draws it again.
 */
import 'uplot/dist/uPlot.min.css';
import { useEffect, useRef, useState } from 'react';
import UPlot from 'uplot';
import { chart as texts } from '../../texts/chart.ts';
import { useAppearance, useScheme } from '../appearance.ts';
import css from './chart.module.css';
import { type ChartUnit, type Gap, lonePoints } from './series.ts';
import type { ChartMark, ChartSeries } from './usage-chart.tsx';
import { momentOf, tickWords } from './words.ts';

export type PlotProps = {
  times: readonly number[];
  to: number;
  series: readonly (ChartSeries & { isDashed: boolean })[];
  unit: ChartUnit;
  top: number;
  capacity: number | null;
  marks: readonly ChartMark[];
  gaps: readonly Gap[];
  height: number;
  syncKey: string | null;
  onCursor(index: number | null): void;
};

type Hover = { index: number; left: number; width: number } | null;

export default function Plot(props: PlotProps) {
  const holder = useRef<HTMLDivElement>(null);
  const plot = useRef<UPlot | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const [hover, setHover] = useState<Hover>(null);
  const { times, to, series, top, capacity, marks, gaps, height, syncKey } = props;
  const shape = series.map(({ label, tone, isDashed }) => `${tone}${isDashed ? '-' : ''}${label}`).join('\n');

  useEffect(() => {
    const element = holder.current;
    if (!element) return;
    const options = optionsOf(() => latest.current, shape.split('\n').length, syncKey, setHover);
    const made = new UPlot({ ...options, width: element.clientWidth, height }, dataOf(latest.current), element);
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [shape, height, syncKey]);

  useEffect(() => {
    if (times.length === series[0]?.values.length) plot.current?.setData(dataOf(latest.current));
  }, [times, series, to, top, capacity, marks, gaps]);

  const scheme = useScheme();
  const { contrast } = useAppearance();
  // The colours depend on them, by way of the style sheet.
  useEffect(() => plot.current?.redraw(false), [scheme, contrast]);

  return (
    <>
      <div ref={holder} className={css.plot} aria-hidden="true" />
      {hover && <Tooltip hover={hover} {...props} />}
    </>
  );
}

function Tooltip({ hover, times, series, unit, marks }: PlotProps & { hover: NonNullable<Hover> }) {
  const at = times[hover.index];
  if (at === undefined) return null;
  const interval = (times[1] ?? 0) - (times[0] ?? 0);
  const near = marks.filter((mark) => mark.at >= at && mark.at < at + interval);
  const isLeft = hover.left > hover.width / 2;
  return (
    <div
      className={css.tooltip}
      data-left={isLeft || undefined}
      style={isLeft ? { right: hover.width - hover.left + 12 } : { left: hover.left + 12 }}
      aria-hidden="true"
    >
      <div className={css.tooltipTime}>{momentOf(at)}</div>
      {series.map((one) => {
        const value = one.values[hover.index];
        return (
          <div key={one.label} className={css.tooltipRow} data-tone={one.tone}>
            <span className={css.sample} data-dashed={one.isDashed || undefined} />
            <bdi className={css.name}>{one.label}</bdi>
            <b>{value == null ? texts.noValue : unit.format(value)}</b>
          </div>
        );
      })}
      {near.map((mark) => (
        <div key={`${mark.at} ${mark.label}`} className={css.tooltipMark}>
          ▲ {mark.label}
        </div>
      ))}
    </div>
  );
}

function dataOf({ times, series }: PlotProps): UPlot.AlignedData {
  return [times as number[], ...series.map(({ values }) => values as (number | null)[])];
}

function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--ms-${name}`).trim();
}

const font = "11px 'Inter Variable', system-ui, sans-serif";
const binary_steps = Array.from({ length: 45 }, (_, power) => 2 ** power);

function optionsOf(
  props: () => PlotProps,
  count: number,
  syncKey: string | null,
  setHover: (hover: Hover) => void,
): Omit<UPlot.Options, 'width' | 'height'> {
  const stroke = (index: number) => colour(props().series[index]?.tone ?? 'accent');
  return {
    ms: 1,
    legend: { show: false },
    padding: [8, 20, 0, 0],
    cursor: {
      y: false,
      drag: { x: false, y: false },
      points: { size: 7, width: 0 },
      ...(syncKey === null ? {} : { sync: { key: syncKey, setSeries: false, scales: ['x', null] } }),
    },
    scales: {
      x: { range: () => [props().times[0] ?? 0, Math.max(props().to, (props().times[0] ?? 0) + 1)] },
      y: { range: () => [0, props().top] },
    },
    axes: [
      {
        stroke: () => colour('quiet'),
        font,
        size: 26,
        space: 68,
        grid: { show: false },
        ticks: { stroke: () => colour('line'), size: 4, width: 1 },
        values: (_, ticks) => tickWords(ticks),
      },
      {
        stroke: () => colour('quiet'),
        font,
        size: 66,
        space: 34,
        grid: { stroke: () => colour('line'), width: 1 },
        ticks: { show: false },
        ...(props().unit.binary ? { incrs: binary_steps } : {}),
        values: (_, ticks) => ticks.map((value) => (props().unit.tick ?? props().unit.format)(value)),
      },
    ],
    series: [
      {},
      ...Array.from({ length: count }, (_, index): UPlot.Series => {
        const one = props().series[index];
        return {
          label: one?.label ?? '',
          stroke: () => stroke(index),
          ...(count === 1 ? { fill: () => `${stroke(index)}1f` } : {}),
          ...(one?.isDashed ? { dash: [6, 4] } : {}),
          width: 1.6,
          points: {
            show: true,
            size: 5,
            filter: () => lonePoints(props().series[index]?.values ?? []),
          },
        };
      }),
    ],
    hooks: {
      drawClear: [(plot) => shadeGaps(plot, props())],
      draw: [(plot) => drawExtras(plot, props())],
      setCursor: [
        (plot) => {
          const { idx, left } = plot.cursor;
          const isOver = idx != null && left !== undefined && left >= 0;
          props().onCursor(isOver ? idx : null);
          const offset = plot.over.offsetLeft;
          const width = plot.over.offsetWidth + offset;
          setHover(isOver && plot.over.matches(':hover') ? { index: idx, left: left + offset, width } : null);
        },
      ],
    },
  };
}

function shadeGaps(plot: UPlot, { times, gaps, to }: PlotProps): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.fillStyle = colour('sunken');
  for (const { first, last } of gaps) {
    const left = plot.valToPos(times[first] ?? 0, 'x', true);
    const right = plot.valToPos(times[last + 1] ?? to, 'x', true);
    ctx.fillRect(left, bbox.top, right - left, bbox.height);
  }
  ctx.restore();
}

function drawExtras(plot: UPlot, { capacity, marks }: PlotProps): void {
  const { ctx, bbox } = plot;
  const pixel = devicePixelRatio || 1;
  ctx.save();
  if (capacity !== null) {
    const y = Math.round(plot.valToPos(capacity, 'y', true));
    ctx.strokeStyle = colour('quiet');
    ctx.lineWidth = pixel;
    ctx.setLineDash([2 * pixel, 3 * pixel]);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
  }
  ctx.setLineDash([]);
  ctx.fillStyle = colour('bad');
  for (const { at } of marks) {
    const x = plot.valToPos(at, 'x', true);
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    const y = bbox.top + bbox.height;
    ctx.beginPath();
    ctx.moveTo(x, y - 8 * pixel);
    ctx.lineTo(x + 4 * pixel, y);
    ctx.lineTo(x - 4 * pixel, y);
    ctx.fill();
  }
  ctx.restore();
}
