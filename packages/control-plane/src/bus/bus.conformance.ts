/**
 * The laws of the bus port. Every adapter runs them against its real server; where time must pass, the harness lets it pass, by
 * moving its clock or by waiting.
 */
import { describe } from 'vitest';
import { deliveringLaws } from './conformance/delivering.ts';
import { type BusHarness, createBusLab } from './conformance/lab.ts';
import { settlingLaws } from './conformance/settling.ts';
import { storingLaws } from './conformance/storing.ts';

export function busConformance(adapter: string, create: () => Promise<BusHarness>) {
  describe(`bus: ${adapter}`, () => {
    const lab = createBusLab(create);
    deliveringLaws(lab);
    settlingLaws(lab);
    storingLaws(lab);
  });
}
