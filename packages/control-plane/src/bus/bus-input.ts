/** The bounds of what is given to the bus, checked alike for every adapter; errors name the field and the fix. */
import { AppError } from '@mainstay/contract/errors';
import type { ConsumerSpec, FetchOptions, NewMessage, StreamSpec } from './bus.ts';
import { covers, isPattern, isSubject } from './subject.ts';

const name = /^[a-z0-9_-]{1,64}$/;
const id_characters_max = 128;
const delay_max_ms = 24 * 3_600_000;
const wait_max_ms = 60_000;
const reason_characters_max = 500;

export type Routed = { stream: StreamSpec; text: string; bytes: number };

/** Finds the stream of a message and writes its payload as JSON, or refuses it. */
export function routeMessage(streams: readonly StreamSpec[], message: NewMessage): Routed {
  const { subject, id } = message;
  if (!isSubject(subject)) {
    throw invalid(
      'subject',
      `"${subject.slice(0, 200)}" is no subject`,
      'Use tokens of letters, digits, _ and - between dots.',
    );
  }
  const [stream] = streams.filter(({ subjects }) => subjects.some((pattern) => covers(pattern, subject)));
  if (!stream)
    throw invalid('subject', `no stream takes "${subject}"`, 'Publish to a subject of a stream that is known.');
  if (id.length === 0 || id.length > id_characters_max) {
    throw invalid('id', `an id has 1 to ${id_characters_max} characters`, 'Give the id of what happened.');
  }
  const text: string | undefined = JSON.stringify(message.payload);
  if (text === undefined)
    throw invalid('payload', 'it is no JSON value', 'Give an object, array, text, number or null.');
  const bytes = Buffer.byteLength(text);
  if (bytes > stream.max_payload_bytes) {
    throw new AppError(
      'TooLarge',
      `The payload has ${bytes} bytes; ${stream.name} takes ${stream.max_payload_bytes}.`,
      {
        field: 'payload',
        hint: 'Keep it in the store, and send its id.',
      },
    );
  }
  return { stream, text, bytes };
}

/** Refuses streams that no adapter could keep: bad names, bounds of nothing, subjects of two. */
export function checkStreams(streams: readonly StreamSpec[]): void {
  const all = streams.flatMap(({ subjects }) => subjects);
  for (const stream of streams) {
    if (!name.test(stream.name)) throw new Error(`"${stream.name}" is no name of a stream`);
    const bounds = [stream.max_messages, stream.max_bytes, stream.max_age_ms, stream.max_payload_bytes];
    if (bounds.some((bound) => !(bound > 0))) throw new Error(`the bounds of ${stream.name} must be more than 0`);
    for (const pattern of stream.subjects) {
      if (!isPattern(pattern)) throw new Error(`"${pattern}" is no pattern of subjects`);
      const fit = all.filter((other) => covers(other, pattern) || covers(pattern, other));
      if (fit.length > 1) throw new Error(`"${pattern}" overlaps with another subject`);
    }
  }
}

export function checkConsumer(streams: readonly StreamSpec[], spec: ConsumerSpec): void {
  const stream = streams.find((known) => known.name === spec.stream);
  if (!stream)
    throw invalid(
      'stream',
      `there is no stream "${spec.stream}"`,
      'Name one of the streams that the bus was made with.',
    );
  if (!name.test(spec.consumer)) {
    throw invalid('consumer', 'a name has 1 to 64 characters of a to z, digits, _ and -', 'Choose another name.');
  }
  if (spec.subjects.length === 0 || spec.subjects.length > 16) {
    throw invalid('subjects', 'a consumer has 1 to 16 of them', 'Give the subjects of the stream for all.');
  }
  for (const [i, pattern] of spec.subjects.entries()) {
    if (!isPattern(pattern) || !stream.subjects.some((subject) => covers(subject, pattern))) {
      const hint = `Stay within ${stream.subjects.join(', ')}.`;
      throw invalid(`subjects.${i}`, `"${pattern.slice(0, 200)}" is not within the stream's`, hint);
    }
  }
  checkRange('ack_wait_ms', spec.ack_wait_ms, 100, 3_600_000);
  checkRange('max_deliver', spec.max_deliver, 1, 1_000);
  checkRange('max_ack_pending', spec.max_ack_pending, 1, 10_000);
}

export function checkFetch({ batch, wait_ms = 0 }: FetchOptions): void {
  checkRange('batch', batch, 1, 1_000);
  checkRange('wait_ms', wait_ms, 0, wait_max_ms);
}

export function checkDelay(delay_ms: number): void {
  checkRange('delay_ms', delay_ms, 0, delay_max_ms);
}

/** A reason as it is kept: of bounded length. */
export function boundedReason(reason: string): string {
  return reason.slice(0, reason_characters_max);
}

function checkRange(field: string, value: number, min: number, max: number): void {
  if (Number.isInteger(value) && value >= min && value <= max) return;
  throw invalid(field, `${value} is not acceptable`, `Give a whole number from ${min} to ${max}.`);
}

function invalid(field: string, problem: string, hint: string): AppError {
  return new AppError('InvalidInput', `"${field}": ${problem}.`, { field, hint });
}
