/**
 * What stands in `data` of the events about something that ended: why, and the last lines before it. Agents write these, pages
 * read them; an event is stored whatever its data is, so whoever reads parses.
 */
import * as z from 'zod';
import { LogStream } from './agent-api.ts';

/** A longer text is cut. */
export const LastLine = z.object({ at: z.int(), stream: LogStream, text: z.string().max(500) });
export type LastLine = z.infer<typeof LastLine>;

/** Of `candidate.failed` and `build.failed`; oldest first. */
export const LastLines = z.object({ last_lines: z.array(LastLine).max(20) });
export type LastLines = z.infer<typeof LastLines>;

/** Of `service.crashed` and `service.limit_exceeded`. */
export const CrashReport = LastLines.extend({
  reason: z
    .enum(['exit', 'memory_limit', 'process_limit', 'hung', 'unhealthy'])
    .describe('hung: it ran and answered no more. unhealthy: it was started again and did not become healthy.'),
  exit_code: z.int().nullable(),
  signal: z.string().nullable(),
  uptime_ms: z.int(),
  restarts: z.int().describe('Starts of this release that were not asked for, so far.'),
  failures: z.int().describe('In a row, this one included.'),
  next_start_at: z.int(),
});
export type CrashReport = z.infer<typeof CrashReport>;
