/** The newest lines of something that prints, kept for the moment when it ends: few, short, oldest first. */
import type { LastLine } from '@mainstay/contract/crash-report';
import type { LogLine } from './supervisor.ts';

const count_max = 20;
const characters_max = 500;

/** Adds lines to those that are kept, in place. */
export function keepLast(kept: LastLine[], lines: readonly LogLine[]): void {
  for (const { at, stream, text } of lines.slice(-count_max)) {
    // A cut must not leave half of a pair.
    kept.push({ at, stream, text: text.slice(0, characters_max).replace(/[\ud800-\udbff]$/, '') });
  }
  kept.splice(0, kept.length - count_max);
}

/** The newest lines of several streams, in the order in which they were read. */
export function mergeLast(streams: readonly (readonly LastLine[])[]): LastLine[] {
  return streams
    .flat()
    .sort((a, b) => a.at - b.at)
    .slice(-count_max);
}
