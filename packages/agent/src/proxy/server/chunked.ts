/**
 * Decodes the chunked coding (RFC 9112 §7.1) as bytes arrive, keeping nothing but its state. Strict: CRLF only, hexadecimal
 * sizes only; extensions are dropped; trailers are kept, bounded.
 */
import { ProtocolError } from './response-head.ts';

const trailer_bytes_max = 16_384;
const extension_bytes_max = 4_096;

const atSize = 0;
const atExtension = 1;
const atSizeEnd = 2;
const atData = 3;
const atDataCr = 4;
const atDataLf = 5;
const atTrailer = 6;
const atDone = 7;

function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const lower = byte | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

export class ChunkedDecoder {
  done = false;
  /** Name, value, name, value… once it is done. */
  trailers: string[] = [];
  private state = atSize;
  private size = 0;
  private digits = 0;
  private extension = 0;
  private trailer = '';

  /** Takes bytes `at` to `end` and hands pieces of the body out; returns where the message ended, or `end`. */
  take(buffer: Buffer, at: number, end: number, emit: (from: number, to: number) => void): number {
    while (at < end && this.state !== atDone) {
      const byte = buffer[at]!;
      switch (this.state) {
        case atSize: {
          const digit = hexDigit(byte);
          if (digit >= 0) {
            if (++this.digits > 12) throw new ProtocolError('A chunk of the answer is too large.');
            this.size = this.size * 16 + digit;
          } else if (this.digits === 0) {
            throw new ProtocolError('A chunk of the answer has no size.');
          } else if (byte === 13) {
            this.state = atSizeEnd;
          } else if (byte === 59 || byte === 32 || byte === 9) {
            this.state = atExtension;
          } else {
            throw new ProtocolError('A chunk of the answer has a size that is not hexadecimal.');
          }
          at++;
          break;
        }
        case atExtension:
          if (byte === 10 || ++this.extension > extension_bytes_max) {
            throw new ProtocolError('A chunk extension of the answer is not valid.');
          }
          if (byte === 13) this.state = atSizeEnd;
          at++;
          break;
        case atSizeEnd:
          if (byte !== 10) throw new ProtocolError('A chunk size of the answer does not end with CRLF.');
          this.state = this.size === 0 ? atTrailer : atData;
          at++;
          break;
        case atData: {
          const to = Math.min(end, at + this.size);
          this.size -= to - at;
          emit(at, to);
          at = to;
          if (this.size === 0) this.state = atDataCr;
          break;
        }
        case atDataCr:
          if (byte !== 13) throw new ProtocolError('A chunk of the answer is longer than its size.');
          this.state = atDataLf;
          at++;
          break;
        case atDataLf:
          if (byte !== 10) throw new ProtocolError('A chunk of the answer does not end with CRLF.');
          this.state = atSize;
          this.digits = 0;
          this.extension = 0;
          at++;
          break;
        case atTrailer:
          this.trailer += String.fromCharCode(byte);
          at++;
          if (this.trailer.length > trailer_bytes_max) throw new ProtocolError('The trailers are too large.');
          if (byte === 10) this.takeTrailer();
          break;
      }
    }
    return at;
  }

  private takeTrailer(): void {
    if (this.trailer !== '\r\n' && !this.trailer.endsWith('\r\n\r\n')) return;
    for (const line of this.trailer.split('\r\n')) {
      if (line === '') continue;
      const colon = line.indexOf(':');
      if (colon <= 0) throw new ProtocolError('The answer holds a trailer that is not "name: value".');
      this.trailers.push(line.slice(0, colon), line.slice(colon + 1).trim());
    }
    this.state = atDone;
    this.done = true;
  }
}

const notInTrailers = new Set([
  'content-length',
  'transfer-encoding',
  'host',
  'connection',
  'keep-alive',
  'te',
  'trailer',
  'upgrade',
  'content-encoding',
  'content-type',
  'content-range',
  'authorization',
  'set-cookie',
  'x-mainstay-release',
]);

/** Trailers that may be passed on: those that frame or route a message may not (RFC 9110 §6.5.1). */
export function passableTrailers(raw: readonly string[]): [string, string][] {
  const kept: [string, string][] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    if (!notInTrailers.has(raw[i]!.toLowerCase())) kept.push([raw[i]!, raw[i + 1]!]);
  }
  return kept;
}
