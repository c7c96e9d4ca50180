/**
 * Samples as text, so that one row of the store holds an hour of minutes or a day of quarters, and another sample is put to
 * its end without reading it:
 * ```
 *  chunk   = record*
 *  record  = slot { "," field } ";"        slot: how many intervals after the beginning of the chunk
 *  field   = "" as in the record before | "-" null | whole number, base 36
 * ```
 * Fields are those of `fieldsOf`, in that order; those at the end that are as before are left out. A record of an idle service takes
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

/** How many steps of a field are one of its unit. */
const steps = { cpu: 1_000, memory_bytes: 1 / 65_536, disk_bytes: 1 / 1_048_576, load1: 100 } as const;

function inSteps(value: number | null, scale: number): number | null {
  return value === null ? null : Math.max(0, Math.round(value * scale));
}

function fromSteps(count: number | null | undefined, scale: number): number | null {
  return count == null ? null : count / scale;
}

function fieldsOf(sample: Sample): Fields {
  return [
    sample.health === null ? null : healthsByRank.indexOf(sample.health),
    inSteps(sample.cpu, steps.cpu),
    inSteps(sample.cpu_max, steps.cpu),
    inSteps(sample.memory_bytes, steps.memory_bytes),
    sample.restarts,
    inSteps(sample.disk_bytes, steps.disk_bytes),
    inSteps(sample.load1, steps.load1),
  ];
}

function sampleOfFields([health, cpu, cpu_max, memory, restarts, disk, load1]: Fields): Sample {
  return {
    cpu: fromSteps(cpu, steps.cpu),
    cpu_max: fromSteps(cpu_max, steps.cpu),
    memory_bytes: fromSteps(memory, steps.memory_bytes),
    health: health == null ? null : (healthsByRank[health] ?? null),
    restarts: restarts ?? null,
    disk_bytes: fromSteps(disk, steps.disk_bytes),
    load1: fromSteps(load1, steps.load1),
  };
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
