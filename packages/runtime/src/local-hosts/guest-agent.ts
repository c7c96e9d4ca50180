/**
 * Commands inside a virtual machine, through the QEMU guest agent on a serial port: they work with the network cut and every
 * firewall closed, as a console does. One connection carries one exchange, since the port serves one client at a time.
 * Protocol: https://qemu.org/docs/master/interop/qemu-ga-ref.html
 */
import { createConnection } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { AppError } from '@mainstay/contract/app-error';
import type { ExecResult } from '../exec.ts';
import { type HostExecOptions, hostEnvironment } from './host.ts';
import type { Argv } from './run.ts';

const sync_timeout_ms = 5_000;
const stdin_bytes_max = 32 * 1024 * 1024;

export type GuestAgent = {
  /** Whether the agent answers in time. */
  answers(): Promise<boolean>;
  exec(argv: Argv, options?: HostExecOptions): Promise<ExecResult>;
};

type ExecStatus = {
  exited: boolean;
  exitcode?: number;
  signal?: number;
  'out-data'?: string;
  'err-data'?: string;
};

export function createGuestAgent(socket: string): GuestAgent {
  const ask = <Answer>(execute: string, values: object, timeout_ms: number): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const id = Math.floor(Math.random() * 2 ** 31);
      const connection = createConnection(socket);
      let seen = Buffer.alloc(0);
      let isSynced = false;
      const fail = (message: string) => {
        clearTimeout(timer);
        connection.destroy();
        reject(new AppError('Unavailable', `The agent of the virtual machine: ${message}.`));
      };
      const late = (limit_ms: number) => () => fail(`no answer to ${execute} within ${limit_ms / 1000} s`);
      // A guest that is down answers nothing at all: that is known sooner than that a command is slow.
      let timer = setTimeout(late(sync_timeout_ms), Math.min(timeout_ms, sync_timeout_ms));
      connection.once('error', (error) => fail(error.message));
      connection.once('close', () => fail('the connection was closed'));
      connection.once('connect', () => {
        // 0xff makes the agent forget what another client left half said.
        connection.write(Buffer.concat([Buffer.from([0xff]), line('guest-sync-delimited', { id })]));
      });
      connection.on('data', (chunk) => {
        seen = Buffer.concat([seen, chunk]);
        for (let end = seen.indexOf(10); end !== -1; end = seen.indexOf(10)) {
          const text = seen
            .subarray(0, end)
            .toString('utf8')
            .replaceAll(/[^\x20-\x7e]/g, '');
          seen = seen.subarray(end + 1);
          const answer = parse(text);
          if (!isSynced) {
            isSynced = answer.return === id;
            if (!isSynced) continue;
            clearTimeout(timer);
            timer = setTimeout(late(timeout_ms), timeout_ms);
            connection.write(line(execute, values));
            continue;
          }
          if (answer.error) return fail(answer.error.desc ?? 'refused');
          clearTimeout(timer);
          connection.removeAllListeners('close').destroy();
          return resolve(answer.return as Answer);
        }
      });
    });

  return {
    answers: () =>
      ask('guest-ping', {}, 5_000).then(
        () => true,
        () => false,
      ),

    async exec(argv, options = {}) {
      const input = await inputOf(options.stdin);
      const environment = Object.entries({ ...hostEnvironment, ...options.env }).map(
        ([name, value]) => `${name}=${value}`,
      );
      // A session of its own has the pid as its group, so that all of it can be killed when the time is up.
      const { pid } = await ask<{ pid: number }>(
        'guest-exec',
        {
          path: '/usr/bin/env',
          arg: ['-C', options.cwd ?? '/root', 'setsid', '-w', ...argv],
          env: environment,
          'input-data': input.toString('base64'),
          'capture-output': true,
        },
        60_000,
      );
      const end = performance.now() + (options.timeout_ms ?? 120_000);
      let killed: ExecResult['killed'] = null;
      for (let pause_ms = 10; ; pause_ms = Math.min(pause_ms * 1.5, 200)) {
        const status = await ask<ExecStatus>('guest-exec-status', { pid }, 60_000);
        if (status.exited) return resultOf(status, killed, options);
        if (killed === null && (options.signal?.aborted || performance.now() > end)) {
          killed = options.signal?.aborted ? 'aborted' : 'timeout';
          await ask('guest-exec', { path: '/usr/bin/kill', arg: ['-KILL', '--', `-${pid}`] }, 60_000);
        }
        await new Promise((resolve) => setTimeout(resolve, pause_ms));
      }
    },
  };
}

function resultOf(status: ExecStatus, killed: ExecResult['killed'], options: HostExecOptions): ExecResult {
  const limit = options.output_bytes_max ?? 1024 * 1024;
  const out = Buffer.from(status['out-data'] ?? '', 'base64');
  const err = Buffer.from(status['err-data'] ?? '', 'base64');
  if (out.length > 0) options.onOutput?.('stdout', out);
  if (err.length > 0) options.onOutput?.('stderr', err);
  return {
    code: status.signal === undefined ? (status.exitcode ?? null) : null,
    signal: status.signal === undefined ? null : status.signal === 9 ? 'SIGKILL' : 'SIGTERM',
    stdout: out.subarray(0, limit).toString('utf8'),
    stderr: err.subarray(0, limit).toString('utf8'),
    killed,
    error: null,
  };
}

async function inputOf(stdin: HostExecOptions['stdin'] = ''): Promise<Buffer> {
  const input = typeof stdin === 'string' || stdin instanceof Uint8Array ? Buffer.from(stdin) : await buffer(stdin);
  if (input.length <= stdin_bytes_max) return input;
  throw new AppError('TooLarge', `A virtual machine takes at most ${stdin_bytes_max} bytes of input.`, {
    field: 'stdin',
    hint: 'Serve larger files on the address of the gateway, and fetch them with curl inside.',
  });
}

function line(execute: string, values: object): Buffer {
  return Buffer.from(`${JSON.stringify({ execute, arguments: values })}\n`);
}

function parse(text: string): { return?: unknown; error?: { desc?: string } } {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}
