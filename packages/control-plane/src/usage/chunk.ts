/**
 * Samples as text, so that one row of the store holds an hour of minutes or a day of quarters, and another sample is put to
 * its end without reading it:
 * ```
 *  chunk   = record*
 *  record  = slot { "," field } ";"        slot: how many intervals after the beginning of the chunk
 *  field   = "" as in the record before | "-" null | whole number, base 36
 * ```
 * Fields are the rank of health, then those of `scales` in that order; those at the end that are as before are left out. A record of an idle service takes
 * 2 to 4 characters, of a busy one about 10. Values are rounded: CPU to a thousandth of a core or share, load to a hundredth,
 * memory to 64 KiB, disk to 1 MiB.
 */
import { healthsByRank, type Sample } from './sample.ts';

export type Resolution = 60 | 900;

/** Length of an interval and of a chunk, milliseconds. */
export const spans: Record<Resolution, { interval_ms: number; chunk_ms: number }> = {
  60: { interval_ms: 60_000, chunk_ms: 3_600_000 },
  900: { interval_ms: 900_000, chunk_ms: 86_400_000 },
};

/** The beginning of the interval or chunk that a moment is in; all of them begin at midnight UTC. */
export function beginningOf(at: number, span_ms: number): number {
  return Math.floor(at / span_ms) * span_ms;
}

/** A sample and when its interval begins. */
export type TimedSample = { at: number; sample: Sample };

/** A record's fields, as whole numbers. */
export type Fields = readonly (number | null)[];

/** How many of a field's steps are one of its unit. */
const scales = {
  cpu: 1_000,
  cpu_max: 1_000,
  memory_bytes: 1 / 65_536,
  restarts: 1,
  disk_bytes: 1 / 1_048_576,
  load1: 100,
} as const;
const scaled = Object.entries(scales) as [keyof typeof scales, number][];

function fieldsOf(sample: Sample): Fields {
  const numbers = scaled.map(([name, scale]) => {
    const value = sample[name];
    return value === null ? null : Math.max(0, Math.round(value * scale));
  });
  return [sample.health === null ? null : healthsByRank.indexOf(sample.health), ...numbers];
}

function sampleOfFields([health = null, ...numbers]: Fields): Sample {
  const sample = { health: health === null ? null : (healthsByRank[health] ?? null) } as Sample;
  for (const [index, [name, scale]] of scaled.entries()) {
    const value = numbers[index] ?? null;
    sample[name] = value === null ? null : value / scale;
  }
  return sample;
}

/** The sample as it is once it was stored. */
export function rounded(sample: Sample): Sample {
  return sampleOfFields(fieldsOf(sample));
}

/**
 * @param before Fields of the record that this one is put behind; null at the beginning of a chunk, and where nobody knows.
 * @returns The record, and its fields for the next one.
 */
export function encodeSample(slot: number, sample: Sample, before: Fields | null): { text: string; fields: Fields } {
  const fields = fieldsOf(sample);
  const words = fields.map((value, index) => {
    if (before && value === before[index]) return '';
    return value === null ? '-' : value.toString(36);
  });
  while (words.at(-1) === '') words.pop();
  return { text: `${[slot.toString(36), ...words].join(',')};`, fields };
}

/** The samples of a chunk, in the order in which they were put there; an interval may have several. */
export function decodeChunk(text: string, start: number, interval_ms: number): TimedSample[] {
  const samples: TimedSample[] = [];
  const fields: (number | null)[] = [];
  for (const record of text.split(';')) {
    if (record === '') continue;
    const words = record.split(',');
    for (let index = 1; index < words.length; index++) {
      const word = words[index];
      if (word !== '') fields[index - 1] = word === '-' ? null : Number.parseInt(word!, 36);
    }
    samples.push({ at: start + Number.parseInt(words[0]!, 36) * interval_ms, sample: sampleOfFields(fields) });
  }
  return samples;
}
