import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { line_bytes_max, splitLines } from './lines.ts';

/** Feeds a stream piece by piece, as a reader does that keeps what is not consumed. */
function feed(bytes: Buffer, sizes: number[]): string[] {
  const lines: string[] = [];
  let start = 0;
  let end = 0;
  let skipping = false;
  for (let i = 0; start < bytes.length; i++) {
    const final = end >= bytes.length;
    end = Math.min(bytes.length, end + (sizes[i % sizes.length] ?? 1));
    const split = splitLines(bytes.subarray(start, end), skipping, final, 3);
    lines.push(...split.lines);
    start += split.consumed;
    skipping = split.skipping;
  }
  return lines;
}

describe('lines', () => {
  it('do not depend on where the stream is torn', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.string({ unit: 'grapheme' }), fc.constant('x'.repeat(20_000)), fc.constant('\n')), {
          maxLength: 12,
        }),
        fc.array(fc.integer({ min: 1, max: 30_000 }), { minLength: 1, maxLength: 6 }),
        (parts, sizes) => {
          const bytes = Buffer.from(parts.join('\n'));
          expect(feed(bytes, sizes)).toEqual(feed(bytes, [1_000_000]));
        },
      ),
    );
  });

  it('are at most as many bytes as the agent API takes, whatever comes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 0, maxLength: 40_000 }), (bytes) => {
        for (const line of feed(Buffer.from(bytes.map((byte) => (byte === 10 ? 255 : byte))), [40_000])) {
          expect(Buffer.byteLength(line)).toBeLessThanOrEqual(line_bytes_max);
          expect(line).not.toContain('\0');
        }
      }),
      { numRuns: 30 },
    );
  });
});
