/** The streams that the laws of the bus are tried on: one with room, and one for each bound. */
import type { StreamSpec } from '../bus.ts';

const roomy = { max_messages: 10_000, max_bytes: 2 ** 24, max_age_ms: 3_600_000, max_payload_bytes: 1_000 };
export const conformance_streams: readonly StreamSpec[] = [
  { name: 'work', subjects: ['work.*', 'deep.>'], ...roomy, duplicate_window_ms: 10_000 },
  { name: 'few', subjects: ['few.*'], ...roomy, max_messages: 5, duplicate_window_ms: 100 },
  { name: 'small', subjects: ['small.*'], ...roomy, max_bytes: 100, duplicate_window_ms: 100 },
  { name: 'short', subjects: ['short.*'], ...roomy, max_age_ms: 5_000, duplicate_window_ms: 100 },
];
