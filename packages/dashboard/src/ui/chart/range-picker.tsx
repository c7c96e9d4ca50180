/** How much time the charts of a page show: one choice for all of them, kept in the page's address by whoever shows it. */
import type { UsageRange } from '@mainstay/contract/operations/usage';
import { SegmentedControl } from '@mantine/core';
import { chart as texts } from '../../texts/chart.ts';
import { rangeWords } from './range.ts';

export { fetchEvery } from './range.ts';

export type RangePickerProps = { value: UsageRange; onChange(range: UsageRange): void };

/** Bind it to the search parameter `range`, read with `rangeOf` of range.ts. */
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
