/** How much time the charts of a page show: one choice for all of them, kept in the page's address by whoever shows it. */
import type { UsageRange } from '@mainstay/contract/operations/usage';
import { SegmentedControl } from '@mantine/core';
import { chart as texts } from '../../texts/chart.ts';

export const rangeWords = ['1h', '6h', '24h', '7d', '14d'] as const satisfies readonly UsageRange[];

/** Milliseconds between fetches of a chart: it gains a point each minute, or each quarter of an hour. */
export function fetchEvery(range: UsageRange): number {
  return range === '1h' || range === '6h' ? 30_000 : 120_000;
}

export type RangePickerProps = { value: UsageRange; onChange(range: UsageRange): void };

/** Bind it to the search parameter `range`, read with `oneOf(raw['range'], rangeWords)`. */
export function RangePicker({ value, onChange }: RangePickerProps) {
  return (
    <SegmentedControl
      size="xs"
      value={value}
      onChange={(next) => onChange(next as UsageRange)}
      aria-label={texts.range}
      data={rangeWords.map((range) => ({ value: range, label: texts.ranges[range] }))}
    />
  );
}
