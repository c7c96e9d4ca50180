/**
 * The laws of the Proxy port. Every adapter runs them against a real proxy process, with real backends and raw sockets:
 * `proxyConformance('embedded', (home) => createEmbeddedProxy({ home, log }))`.
 */
import { afterAll, beforeAll, describe } from 'vitest';
import { type Differences, noDifferences } from './conformance/differences.ts';
import { failureLaws } from './conformance/failure-laws.ts';
import { createHarness, type Harness, type MakeProxy } from './conformance/harness.ts';
import { lifecycleLaws } from './conformance/lifecycle-laws.ts';
import { routingLaws } from './conformance/routing-laws.ts';
import { smugglingLaws } from './conformance/smuggling-laws.ts';
import { streamLaws } from './conformance/stream-laws.ts';
import { switchLaws } from './conformance/switch-laws.ts';

export function proxyConformance(name: string, makeProxy: MakeProxy, differences: Differences = noDifferences): void {
  describe(`proxy: ${name}`, { timeout: 30_000 }, () => {
    let current: Harness;
    beforeAll(async () => {
      current = await createHarness(makeProxy);
    }, 30_000);
    afterAll(() => current.end());
    const harness = () => current;
    describe('routing', () => routingLaws(harness, differences));
    describe('streams', () => streamLaws(harness, differences));
    describe('failures', () => failureLaws(harness, differences));
    describe('unclear requests', () => smugglingLaws(harness, differences));
    describe('switches', () => switchLaws(harness, differences));
    describe('lifecycle', () => lifecycleLaws(makeProxy));
  });
}
