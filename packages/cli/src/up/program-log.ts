/** The log file of a program that `up` runs: bounded, two files of 5 MB at most; and which of its lines a person should see. */
import { closeSync, fstatSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

export type ProgramLog = {
  /** Takes output as it comes. */
  write(chunk: Buffer): void;
  /** The last lines, oldest first. */
  tail(): string[];
  close(): void;
};

const file_bytes_max = 5 * 1024 * 1024;
const line_bytes_max = 64 * 1024;
const tail_lines_max = 20;

export function openProgramLog(path: string, onLine: (line: string) => void): ProgramLog {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  let file = openSync(path, 'a', 0o600);
  let size = fstatSync(file).size;
  let rest = '';
  const tail: string[] = [];
  const decoder = new TextDecoder();

  const take = (line: string) => {
    tail.push(line);
    if (tail.length > tail_lines_max) tail.shift();
    onLine(line);
  };
  return {
    write(chunk) {
      if (size + chunk.length > file_bytes_max) {
        closeSync(file);
        renameSync(path, `${path}.1`);
        file = openSync(path, 'a', 0o600);
        size = 0;
      }
      try {
        size += writeSync(file, chunk);
      } catch {
        // A full disk must not end what still serves.
      }
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
      rest = (lines.pop() ?? '').slice(0, line_bytes_max);
      for (const line of lines) if (line !== '') take(line);
    },
    tail: () => [...tail],
    close() {
      if (rest !== '') take(rest);
      rest = '';
      closeSync(file);
    },
  };
}

export type LogEntry = { level: string; message: string };

/** A line of the programs' JSON logs; null when it is something else. */
export function parseLogLine(line: string): LogEntry | null {
  try {
    const { level, msg } = JSON.parse(line) as { level?: unknown; msg?: unknown };
    return typeof level === 'string' && typeof msg === 'string' ? { level, message: msg } : null;
  } catch {
    return null;
  }
}
