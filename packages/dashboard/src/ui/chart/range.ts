/** How much time charts show. Apart from the picker, so that reading an address loads no component. */
import type { UsageRange } from '@mainstay/contract/operations/usage';
import { oneOf } from '../../search.ts';

export const rangeWords = ['1h', '6h', '24h', '7d', '14d'] as const satisfies readonly UsageRange[];

/** The search parameter `range`; undefined when it is none. */
export function rangeOf(raw: unknown): UsageRange | undefined {
  return oneOf(raw, rangeWords);
}

/** Milliseconds between fetches of a chart: it gains a point each minute, or each quarter of an hour. */
export function fetchEvery(range: UsageRange): number {
  return range === '1h' || range === '6h' ? 30_000 : 120_000;
}
