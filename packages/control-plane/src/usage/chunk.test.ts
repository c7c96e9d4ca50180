import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeChunk, encodeSample, type Fields, spans } from './chunk.ts';
import { combined, healthsByRank, type Sample } from './sample.ts';

const start = 1_750_000_000_000;
const { interval_ms } = spans[60];
const value = (max: number) => fc.option(fc.double({ min: 0, max, noNaN: true }), { nil: null });
const samples: fc.Arbitrary<Sample> = fc.record({
  cpu: value(256),
  cpu_max: value(256),
  memory_bytes: value(2 ** 45),
  health: fc.constantFrom(null, ...healthsByRank),
  restarts: fc.option(fc.nat(1_000), { nil: null }),
  disk_bytes: value(2 ** 50),
  load1: value(10_000),
});

const near = (read: number | null, wrote: number | null, step: number) => {
  if (wrote === null || read === null) return expect(read).toBe(wrote);
  expect(Math.abs(read - wrote)).toBeLessThanOrEqual(step / 2 + Math.abs(wrote) * 1e-12);
};

describe('a chunk', () => {
  it('gives back what was put in, to its steps, also where a writer did not know what came before', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(samples, fc.boolean()), { maxLength: 60 }), (records) => {
        let text = '';
        let before: Fields | null = null;
        for (const [slot, [sample, is_known]] of records.entries()) {
          const record = encodeSample(slot, sample, is_known ? before : null);
          text += record.text;
          before = record.fields;
        }
        const read = decodeChunk(text, start, interval_ms);
        expect(read.map(({ at }) => at)).toEqual(records.map((_, slot) => start + slot * interval_ms));
        for (const [index, [wrote]] of records.entries()) {
          const { sample } = read[index]!;
          near(sample.cpu, wrote.cpu, 0.001);
          near(sample.cpu_max, wrote.cpu_max, 0.001);
          near(sample.memory_bytes, wrote.memory_bytes, 65_536);
          near(sample.disk_bytes, wrote.disk_bytes, 1_048_576);
          near(sample.load1, wrote.load1, 0.01);
          expect([sample.health, sample.restarts]).toEqual([wrote.health, wrote.restarts]);
        }
      }),
    );
  });

  it('says of a service that does what it did before nothing but that it was there', () => {
    const idle = { cpu: 0, cpu_max: 0, memory_bytes: 60e6, health: 'healthy', restarts: 0 } as const;
    const sample: Sample = { ...idle, disk_bytes: null, load1: null };
    const { fields } = encodeSample(0, sample, null);
    expect(encodeSample(59, sample, fields).text).toBe('1n;');
  });
});

describe('samples that become one', () => {
  const known = (sample: Partial<Sample>): Sample => ({
    cpu: null,
    cpu_max: null,
    memory_bytes: null,
    health: null,
    restarts: null,
    disk_bytes: null,
    load1: null,
    ...sample,
  });

  it('give the average of processor and load, the most of memory, the worst of health, the sum of restarts', () => {
    const one = known({ cpu: 0.2, cpu_max: 0.9, memory_bytes: 5, health: 'healthy', restarts: 1, load1: 1 });
    const other = known({ cpu: 0.4, cpu_max: 0.4, memory_bytes: 9, health: 'unhealthy', restarts: 2, load1: 3 });
    expect(combined([one, other])).toMatchObject({ cpu: expect.closeTo(0.3), cpu_max: 0.9, memory_bytes: 9, load1: 2 });
    expect(combined([one, other])).toMatchObject({ health: 'unhealthy', restarts: 3, disk_bytes: null });
  });

  it('count nothing for what is not known, and are unknown only where nothing else is', () => {
    const silent = known({ health: 'unknown' });
    expect(combined([silent, known({ cpu: 0.5, health: 'healthy' })])).toEqual(known({ cpu: 0.5, health: 'healthy' }));
    expect(combined([silent, silent])).toEqual(silent);
  });
});
