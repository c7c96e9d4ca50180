/** How `up` speaks: lines for a person, or JSON lines for a program that watches it. */
import type { Output } from '../terminal/terminal.ts';
import { safeLines } from '../terminal/text.ts';

export type Reporter = {
  /** Progress: left out when quiet. */
  step(text: string): void;
  warn(text: string): void;
  /** What was asked for: always shown. */
  result(text: string): void;
};

export type ReporterOptions = { is_quiet: boolean; is_json: boolean };

export function createReporter(out: Output, err: Output, options: ReporterOptions): Reporter {
  if (options.is_json) {
    const line = (level: string, message: string) =>
      err.write(`${JSON.stringify({ level, time: new Date().toISOString(), name: 'up', msg: message })}\n`);
    return {
      step: (text) => line('info', text),
      warn: (text) => line('warn', text),
      result: (text) => line('info', text),
    };
  }
  return {
    step: (text) => {
      if (!options.is_quiet) out.write(`${safeLines(text)}\n`);
    },
    warn: (text) => err.write(`${err.paint('yellow', 'warning:')} ${safeLines(text)}\n`),
    result: (text) => out.write(`${safeLines(text)}\n`),
  };
}
