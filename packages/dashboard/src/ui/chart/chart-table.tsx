/** The values of a chart as a table, made when it is opened: for screen readers, and for who wants the numbers. */
import { useState } from 'react';
import { chart as texts } from '../../texts/chart.ts';
import { Scroller } from '../scroller.tsx';
import css from './chart.module.css';
import type { ChartUnit, Column } from './series.ts';
import { momentOf } from './words.ts';

/** Rows that are listed; more are for a program, and the API gives them. */
const rows_max = 200;

export type ChartTableProps = {
  label: string;
  times: readonly number[];
  series: readonly { label: string; values: Column }[];
  unit: ChartUnit;
};

export function ChartTable(props: ChartTableProps) {
  const [isOpen, setOpen] = useState(false);
  return (
    <details className={css.details} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{texts.table}</summary>
      {isOpen && <Values {...props} />}
    </details>
  );
}

function Values({ label, times, series, unit }: ChartTableProps) {
  const rows = times
    .map((at, index) => ({ at, index }))
    .toReversed()
    .slice(0, rows_max);
  return (
    <Scroller className={css.tableScroll} aria-label={texts.tableCaption(label)}>
      <table className={css.table}>
        <caption className="visually-hidden">{texts.tableCaption(label)}</caption>
        <thead>
          <tr>
            <th scope="col">{texts.tableTime}</th>
            {series.map((one) => (
              <th key={one.label} scope="col">
                <bdi>{one.label}</bdi>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ at, index }) => (
            <tr key={at}>
              <th scope="row">{momentOf(at)}</th>
              {series.map((one) => {
                const value = one.values[index];
                return <td key={one.label}>{value == null ? texts.noValue : unit.format(value)}</td>;
              })}
            </tr>
          ))}
        </tbody>
      </table>
      {times.length > rows_max && <p className="quiet">{texts.tableCut(rows_max)}</p>}
    </Scroller>
  );
}
