/**
 * What a chart says beyond its lines: where nothing is known, how high its scale reaches, which points stand alone. Pure.
 * Values are columns as the control plane gives them: entry `i` is about the interval that begins at `times[i]`, null is
 * unknown and is never drawn as a value.
 */
import { bytes, percent } from '../words.ts';

export type Column = readonly (number | null)[];

/** A stretch without any value; `from` null when it reaches to the beginning, `to` null when it reaches to the end. */
export type Gap = { from: number | null; to: number | null; first: number; last: number };

/** The interval under way and the one before may not have been reported yet; their silence means nothing. */
const fresh_intervals = 2;

/** Stretches in which no series has a value, in order. A silence of the last two intervals alone is none. */
export function gapsOf(times: readonly number[], series: readonly Column[]): Gap[] {
  const gaps: Gap[] = [];
  for (let index = 0; index < times.length; index++) {
    if (series.some((column) => column[index] != null)) continue;
    const first = index;
    while (index + 1 < times.length && series.every((column) => column[index + 1] == null)) index++;
    const toEnd = index === times.length - 1;
    if (toEnd && index - first + 1 <= fresh_intervals) break;
    gaps.push({
      first,
      last: index,
      from: first === 0 ? null : (times[first] ?? null),
      to: toEnd ? null : (times[index + 1] ?? null),
    });
  }
  return gaps;
}

/** Indexes of values between two unknown ones: no line reaches them, so that each needs a point. */
export function lonePoints(column: Column): number[] {
  const lone: number[] = [];
  for (let index = 0; index < column.length; index++) {
    if (column[index] != null && column[index - 1] == null && column[index + 1] == null) lone.push(index);
  }
  return lone;
}

export type ChartUnit = {
  /** A value in words, as exact as people need it. */
  format(value: number): string;
  /** The same on the axis, where it must be short. */
  tick?(value: number): string;
  /** The scale reaches at least this high, so that noise does not look like a mountain. */
  least: number;
  /** Ticks stand at powers of two times a step. */
  binary?: boolean;
};

export const inBytes: ChartUnit = { format: bytes, least: 1024 * 1024, binary: true };
/** Parts of a whole, as percentages. */
export const inShares: ChartUnit = { format: percent, least: 0.05 };
/** Processor cores: 0.25 is a quarter of one. */
export const inCores: ChartUnit = { format: cores, tick: (value) => String(Number(value.toFixed(3))), least: 0.05 };

function cores(value: number): string {
  const shown = value === 0 ? '0' : value < 0.001 ? '< 0.001' : value < 0.1 ? value.toFixed(3) : value.toFixed(2);
  return `${shown} ${shown === '1.00' ? 'core' : 'cores'}`;
}

/** Past this many times the highest value a capacity is told in words, as drawing it would flatten everything. */
const capacity_times_max = 4;

/** The top of the scale, and whether the capacity is within it. */
export function topOf(
  series: readonly Column[],
  unit: ChartUnit,
  capacity: number | null,
): { top: number; shows: boolean } {
  let highest = 0;
  for (const column of series) for (const value of column) if (value != null && value > highest) highest = value;
  const shows = capacity !== null && capacity <= Math.max(highest, unit.least) * capacity_times_max;
  return { top: Math.max(highest, unit.least, shows ? (capacity ?? 0) : 0) * 1.08, shows };
}

/** The newest value of a column and its index; null when there is none. */
export function latestOf(column: Column): { index: number; value: number } | null {
  for (let index = column.length - 1; index >= 0; index--) {
    const value = column[index];
    if (value != null) return { index, value };
  }
  return null;
}
