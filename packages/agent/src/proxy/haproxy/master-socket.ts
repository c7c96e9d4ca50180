/**
 * HAProxy's master socket: the one way in which a running HAProxy is asked and told. A worker is addressed by its pid
 * (`@!<pid> command`), so that workers of before a reload, which still serve what is open on them, are asked as well.
 * One connection a command; answers and waits are bounded. (HAProxy management guide, "Master CLI" and "Unix Socket commands".)
 */
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '@mainstay/contract/errors';

export type Processes = {
  master: number;
  /** The worker that takes new connections; null while there is none. */
  worker: number | null;
  /** Workers of before a reload, which serve what is open on them. */
  old: number[];
  failed_reloads: number;
};

export type MasterSocket = {
  /** Rejects with AppError `Unavailable` when nobody listens, `Timeout` when nothing comes. */
  ask(command: string): Promise<string>;
  /** Asks a worker; '' when it is gone. What is not possible there is an answer in words, not a rejection. */
  askWorker(pid: number, command: string): Promise<string>;
  /** Asks a worker several things that can be shown, over one connection; '' for each when it is gone. */
  askWorkerAll(pid: number, commands: readonly string[]): Promise<string[]>;
  processes(): Promise<Processes>;
};

const answer_bytes_max = 16 * 1024 * 1024;
const timeout_ms = 10_000;
const retry_ms = 10;

/** While the master reloads, its socket is closed for a moment; `runs` tells that from a master that is gone. */
export function createMasterSocket(path: string, runs: () => boolean = () => false): MasterSocket {
  const ask = async (...commands: string[]): Promise<string> => {
    // A line break would begin another command, and a semicolon too.
    if (commands.some((command) => /[\r\n;\0]/.test(command)))
      throw new Error('A command to HAProxy holds a character that ends it.');
    const command = commands.join(';');
    const deadline = Date.now() + timeout_ms;
    for (;;) {
      try {
        const answer = await askOnce(command);
        // A master that reads its configuration anew closes what it had accepted; what can be shown is never without a line.
        if (answer !== '' || !/(^| )show /.test(command) || !runs() || Date.now() > deadline) return answer;
      } catch (error) {
        if (!isClosed(error) || !runs() || Date.now() > deadline) throw error;
      }
      await sleep(retry_ms);
    }
  };

  const askOnce = (command: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const chunks: Buffer[] = [];
      let size = 0;
      const socket = connect({ path, allowHalfOpen: true });
      const fail = (code: 'Unavailable' | 'Timeout', why: string, cause?: Error) => {
        socket.destroy();
        reject(new AppError(code, `HAProxy does not answer: ${why}.`, { cause }));
      };
      const timer = setTimeout(() => fail('Timeout', `nothing came within ${timeout_ms} ms`), timeout_ms);
      // Without the end of our side HAProxy waits for more commands.
      socket.on('connect', () => socket.end(`${command}\n`));
      socket.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > answer_bytes_max) fail('Unavailable', 'its answer is too large');
        else chunks.push(chunk);
      });
      socket.on('end', () => socket.destroy());
      socket.on('error', (error) => fail('Unavailable', error.message, error));
      socket.on('close', () => {
        clearTimeout(timer);
        resolve(Buffer.concat(chunks).toString('utf8'));
      });
    });

  return {
    ask,
    async askWorker(pid, command) {
      const answer = await ask(`@!${pid} ${command}`);
      return answer.startsWith("Can't find the target") ? '' : answer;
    },
    async askWorkerAll(pid, commands) {
      const answer = await ask(...commands.map((command) => `@!${pid} ${command}`));
      if (answer.startsWith("Can't find the target")) return commands.map(() => '');
      const answers = readAnswers(answer);
      if (answers.length === commands.length) return answers;
      throw new AppError('Unavailable', `HAProxy gave ${answers.length} answers to ${commands.length} questions.`);
    },
    processes: async () => readProcesses(await ask('show proc')),
  };
}

const codeOf = (error: unknown): string | undefined =>
  error instanceof AppError ? (error.cause as NodeJS.ErrnoException | undefined)?.code : undefined;

/** Whether nobody listens on the socket, so that nothing can have been asked. */
const isClosed = (error: unknown): boolean => ['ECONNREFUSED', 'ENOENT'].includes(codeOf(error) ?? '');

/** Whether nobody listens on the socket, or nobody does any more. */
export function isGone(error: unknown): boolean {
  return isClosed(error) || ['ECONNRESET', 'EPIPE'].includes(codeOf(error) ?? '');
}

/** The answers to several commands: behind each stands an empty line, and in none. */
export function readAnswers(text: string): string[] {
  const answers: string[] = [];
  let lines: string[] = [];
  for (const line of text.split('\n').slice(0, -1)) {
    if (line !== '') lines.push(`${line}\n`);
    else {
      answers.push(lines.join(''));
      lines = [];
    }
  }
  return answers;
}

/** Reads the answer to `show proc`. Throws when it is none. */
export function readProcesses(text: string): Processes {
  const found: Processes = { master: 0, worker: null, old: [], failed_reloads: 0 };
  let section = '';
  for (const line of text.split('\n')) {
    if (line.startsWith('# ')) section = line.slice(2).trim();
    const [, pid, type, rest] = /^(\d+)\s+(\S+)\s+(.*)$/.exec(line) ?? [];
    if (pid === undefined) continue;
    if (type === 'master') {
      found.master = Number(pid);
      found.failed_reloads = Number(/failed: (\d+)/.exec(rest!)?.[1] ?? 0);
    } else if (type === 'worker') {
      if (section === 'old workers') found.old.push(Number(pid));
      else found.worker = Number(pid);
    }
  }
  if (found.master === 0) {
    throw new AppError('Unavailable', `HAProxy's master does not tell its processes: ${text.slice(0, 200).trim()}`);
  }
  return found;
}
