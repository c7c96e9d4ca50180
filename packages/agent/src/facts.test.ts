import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fakeClock } from '@mainstay/runtime/clock';
import { expect, it } from 'vitest';
import { createServerUsage } from './facts.ts';

/** Works until the kernel has counted some of it. */
function burn(): void {
  const worked = () => {
    const [user = 0, nice = 0, system = 0] = readFileSync('/proc/stat', 'utf8').split(/\s+/).slice(1, 4).map(Number);
    return user + nice + system;
  };
  const before = worked();
  for (let round = 0; round < 10_000 && worked() === before; round++) for (let i = 0; i < 100_000; i++) Math.sqrt(i);
}

it('use of the processors is unknown at first, and a share of all cores from then on', async () => {
  const clock = fakeClock();
  const usage = createServerUsage(tmpdir(), clock);
  expect((await usage()).cpu_fraction).toBeNull();
  burn();
  expect((await usage()).cpu_fraction, 'too soon to be measured').toBeNull();
  await clock.advance(10_000);
  const first = (await usage()).cpu_fraction;
  expect(first).toBeGreaterThan(0);
  expect(first).toBeLessThanOrEqual(1);
  expect((await usage()).cpu_fraction, 'within the window it stays').toBe(first);
});

it('a clock that is set back stops no measuring', async () => {
  const clock = { at: 1_000_000_000_000, now: () => clock.at };
  const usage = createServerUsage(tmpdir(), clock);
  await usage();
  clock.at -= 3_600_000;
  burn();
  expect((await usage()).cpu_fraction).not.toBeNull();
});
