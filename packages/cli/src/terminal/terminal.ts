/**
 * The terminal as a port: what a command reads from and writes to. Nothing else in the CLI touches `process`, so that a
 * command runs the same in a child process, in a test and behind a pipe.
 */
import { createInterface } from 'node:readline/promises';
import { AppError } from '@mainstay/contract/errors';
import { ansiPaint, isColourful, noPaint, type Paint } from './paint.ts';

export type Output = {
  write(text: string): void;
  readonly isTTY: boolean;
  /** Columns of the terminal; null where there is none. */
  readonly columns: number | null;
  readonly paint: Paint;
};

export type Terminal = {
  out: Output;
  err: Output;
  env: Readonly<Record<string, string | undefined>>;
  cwd: string;
  /** Whether a person can be asked. */
  readonly isInteractive: boolean;
  /** All of the standard input, as UTF-8; TooLarge past the bound. */
  readInput(bytes_max: number): Promise<string>;
  /** Asks for a line; what is typed is shown only when it may be. */
  ask(question: string, options?: { hidden: boolean }): Promise<string>;
  /** Calls back on Ctrl-C, in place of the end of the process, until it is released. */
  onInterrupt(interrupted: () => void): () => void;
  now(): number;
};

/** The terminal of this process. */
export function systemTerminal(): Terminal {
  const { stdin, stdout, stderr, env } = process;
  return {
    out: outputOf(stdout, env),
    err: outputOf(stderr, env),
    env,
    cwd: process.cwd(),
    isInteractive: Boolean(stdin.isTTY && stderr.isTTY),
    readInput: (bytes_max) => readAll(stdin, bytes_max),
    ask: (question, options) => (options?.hidden ? askHidden(question) : askOpenly(question)),
    onInterrupt(interrupted) {
      process.on('SIGINT', interrupted);
      return () => void process.off('SIGINT', interrupted);
    },
    now: () => Date.now(),
  };
}

function outputOf(stream: NodeJS.WriteStream, env: NodeJS.ProcessEnv): Output {
  return {
    write: (text) => void stream.write(text),
    isTTY: Boolean(stream.isTTY),
    get columns() {
      return stream.isTTY ? stream.columns || 80 : null;
    },
    paint: isColourful(Boolean(stream.isTTY), env) ? ansiPaint : noPaint,
  };
}

async function readAll(stream: NodeJS.ReadableStream, bytes_max: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream) {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    size += bytes.length;
    if (size > bytes_max) throw new AppError('TooLarge', `The standard input holds more than ${bytes_max} bytes.`);
    chunks.push(bytes);
  }
  return decodeText(Buffer.concat(chunks), 'The standard input');
}

/** UTF-8 to text; bytes that are no UTF-8 are refused, for they would be changed silently. */
export function decodeText(bytes: Uint8Array, what: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new AppError('InvalidInput', `${what} is not UTF-8 text.`, { cause: error });
  }
}

async function askOpenly(question: string): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await lines.question(question);
  } catch {
    // Ctrl-C and Ctrl-D answer nothing.
    return '';
  } finally {
    lines.close();
  }
}

/** Reads a line in raw mode, so that the terminal echoes nothing of it. Ctrl-C and Ctrl-D give up. */
function askHidden(question: string): Promise<string> {
  const { stdin, stderr } = process;
  stderr.write(question);
  stdin.setRawMode(true);
  stdin.setEncoding('utf8');
  return new Promise((resolve, reject) => {
    let text = '';
    const end = (finish: () => void) => {
      stdin.off('data', take);
      stdin.setRawMode(false);
      stdin.pause();
      stderr.write('\n');
      finish();
    };
    const take = (chunk: string) => {
      for (const character of chunk) {
        if (character === '\r' || character === '\n') return end(() => resolve(text));
        if (character === '\x03' || character === '\x04') {
          return end(() => reject(new AppError('InvalidInput', 'Nothing was entered.')));
        }
        if (character === '\x7f' || character === '\b') text = [...text].slice(0, -1).join('');
        else text += character;
      }
    };
    stdin.on('data', take);
    stdin.resume();
  });
}
