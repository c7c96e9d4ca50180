/**
 * Bytes into lines of text. A line is at most `line_bytes_max` bytes of UTF-8; the rest of a longer one is skipped, and the
 * line says so. What is not UTF-8 becomes U+FFFD, as does NUL, which no store of text takes; colours are kept.
 */
import { agentApiLimits } from '@mainstay/contract/agent-answers';

export const line_bytes_max = agentApiLimits.log_line_bytes_max;
const cut_note = ` … [line cut at ${line_bytes_max} bytes]`;
const cut_bytes = line_bytes_max - Buffer.byteLength(cut_note);
const newline = 0x0a;

export type Split = {
  lines: string[];
  /** Bytes of the input that are done with; the rest is the beginning of a line that is not whole yet. */
  consumed: number;
  /** The rest of a line that was cut is still to come. */
  skipping: boolean;
};

/**
 * Splits a piece of a stream. With `final`, what has no newline behind it is a line too. Give the same bytes again, from
 * `consumed` on, together with those that follow.
 */
export function splitLines(bytes: Buffer, skipping: boolean, final: boolean, lines_max = 1_000): Split {
  const lines: string[] = [];
  let start = 0;
  while (start < bytes.length && lines.length < lines_max) {
    const end = bytes.indexOf(newline, start);
    if (skipping) {
      if (end < 0) return { lines, consumed: bytes.length, skipping: !final };
      skipping = false;
      start = end + 1;
      continue;
    }
    const stop = end < 0 ? bytes.length : end;
    if (stop - start > line_bytes_max) {
      lines.push(decode(bytes.subarray(start, wholeCharacters(bytes, start, start + cut_bytes))) + cut_note);
      skipping = end < 0 && !final;
      start = end < 0 ? bytes.length : end + 1;
      continue;
    }
    if (end < 0 && !final) break;
    lines.push(decode(bytes.subarray(start, stop)));
    start = stop + (end < 0 ? 0 : 1);
  }
  return { lines, consumed: start, skipping };
}

function decode(bytes: Buffer): string {
  const text = bytes.toString('utf8').replaceAll('\0', '\ufffd');
  const line = text.endsWith('\r') ? text.slice(0, -1) : text;
  // Three bytes of U+FFFD may stand for one that was not UTF-8.
  return Buffer.byteLength(line) <= line_bytes_max ? line : cutText(line);
}

function cutText(text: string): string {
  const bytes = Buffer.from(text);
  return bytes.subarray(0, wholeCharacters(bytes, 0, cut_bytes)).toString('utf8') + cut_note;
}

/** The end moved back so that no character is torn (UTF-8 continuation bytes are 10xxxxxx). */
function wholeCharacters(bytes: Buffer, start: number, end: number): number {
  let at = end;
  while (at > start && end - at < 4 && (bytes[at]! & 0xc0) === 0x80) at--;
  return at;
}
