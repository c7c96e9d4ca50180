/**
 * Secrets on their way in: from a file, a pipe or a hidden prompt, never from the command line, where every user of the
 * machine could read them. One line end at the end is taken off, for `echo` and editors put it there.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { resolve } from 'node:path';
import { AppError } from '@mainstay/contract/errors';
import { limitsOfStack } from '@mainstay/contract/stack';
import { decodeText, type Terminal } from './terminal/terminal.ts';

const bytes_max = limitsOfStack.secret_bytes_max + 2;

export async function readSecret(field: string, file: string | undefined, terminal: Terminal): Promise<string> {
  const text =
    file !== undefined && file !== '-'
      ? readTextFile(resolve(terminal.cwd, file), bytes_max, field)
      : terminal.isInteractive && file === undefined
        ? await terminal.ask(`${field} (not shown): `, { hidden: true })
        : await terminal.readInput(bytes_max);
  const secret = text.replace(/\r?\n$/, '');
  if (secret !== '') return secret;
  throw new AppError('InvalidInput', `"${field}" is empty.`, {
    field,
    hint: `Pipe it in, name a file with --${field.replaceAll('_', '-')}-file, or enter it when asked.`,
  });
}

/** Reads a bounded text file; errors name the field that named the file. */
export function readTextFile(path: string, size_max: number, field: string): string {
  let descriptor: number;
  try {
    descriptor = openSync(path, 'r');
  } catch (error) {
    throw unreadable(path, field, error);
  }
  try {
    const bytes = Buffer.alloc(size_max + 1);
    let length = 0;
    for (;;) {
      const count = readSync(descriptor, bytes, length, bytes.length - length, null);
      length += count;
      if (length > size_max) throw new AppError('TooLarge', `${path} holds more than ${size_max} bytes.`, { field });
      if (count === 0) return decodeText(bytes.subarray(0, length), path);
    }
  } catch (error) {
    throw error instanceof AppError ? error : unreadable(path, field, error);
  } finally {
    closeSync(descriptor);
  }
}

function unreadable(path: string, field: string, error: unknown): AppError {
  const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
  const reason = isMissing ? 'there is no such file' : (error as Error).message;
  return new AppError('InvalidInput', `Cannot read ${path}: ${reason}.`, { field, cause: error });
}
