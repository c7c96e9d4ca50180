/** A terminal that is held in memory: for tests, which run the real commands against it. */
import { noPaint } from './paint.ts';
import type { Terminal } from './terminal.ts';

export type CapturedOptions = {
  env?: Record<string, string>;
  cwd?: string;
  /** What a pipe would bring. */
  stdin?: string;
  /** What a person answers, question by question; given, there is a person. */
  answers?: string[];
  /** Columns; given, the output is a terminal. */
  columns?: number;
};

export type CapturedTerminal = Terminal & {
  stdout(): string;
  stderr(): string;
  /** Ctrl-C. Tells whether somebody took it. */
  interrupt(): boolean;
};

export function createCapturedTerminal(options: CapturedOptions = {}): CapturedTerminal {
  const written = { out: '', err: '' };
  const answers = [...(options.answers ?? [])];
  const interrupts = new Set<() => void>();
  const output = (name: 'out' | 'err') => ({
    write(text: string) {
      written[name] += text;
    },
    isTTY: options.columns !== undefined,
    columns: options.columns ?? null,
    paint: noPaint,
  });
  return {
    out: output('out'),
    err: output('err'),
    env: { HOME: '/nonexistent', ...options.env },
    cwd: options.cwd ?? '/',
    isInteractive: options.answers !== undefined,
    readInput: async () => options.stdin ?? '',
    async ask(question) {
      written.err += question;
      return answers.shift() ?? '';
    },
    onInterrupt(interrupted) {
      interrupts.add(interrupted);
      return () => void interrupts.delete(interrupted);
    },
    now: () => Date.now(),
    stdout: () => written.out,
    stderr: () => written.err,
    interrupt() {
      for (const interrupted of interrupts) interrupted();
      return interrupts.size > 0;
    },
  };
}
