/** Which log lines of a program a person is shown: warnings and errors, each at most once a minute; or all, when asked for. */
import { parseLogLine } from './program-log.ts';
import type { Reporter } from './reporter.ts';

const repeat_after_ms = 60_000;
const remembered_max = 500;
const worthTelling = new Set(['warn', 'error', 'fatal']);

export function noticesOf(name: string, report: Reporter, is_verbose: boolean): (line: string) => void {
  const told = new Map<string, number>();
  return (line) => {
    const entry = parseLogLine(line);
    if (!entry) {
      if (is_verbose) report.step(`${name}: ${line}`);
      return;
    }
    if (!worthTelling.has(entry.level)) {
      if (is_verbose) report.step(`${name}: ${entry.message}`);
      return;
    }
    const now = Date.now();
    if (!is_verbose && now - (told.get(entry.message) ?? 0) < repeat_after_ms) return;
    if (told.size >= remembered_max) told.clear();
    told.set(entry.message, now);
    report.warn(`${name}: ${entry.message}`);
  };
}
