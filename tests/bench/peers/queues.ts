/** BullMQ on a Redis and pg-boss on a PostgreSQL of their own, started for the measurement on free ports and removed after it. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Queue as BullQueue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { PgBoss } from 'pg-boss';
import type { OpenQueue } from '../orchestrator.bench.ts';

async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null) return;
  const exit = new Promise((resolve) => child.once('exit', resolve));
  child.kill(signal);
  await exit;
}

async function until(isReady: () => Promise<unknown>, what: string): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      await isReady();
      return;
    } catch (cause) {
      if (tries >= 100) throw new Error(`${what} does not answer`, { cause });
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

export const bullmq: OpenQueue = async (started, concurrency) => {
  if (!existsSync('/usr/bin/redis-server')) throw new Error('redis-server is not installed');
  const folder = mkdtempSync(join(tmpdir(), 'mainstay-bench-redis-'));
  const socket = join(folder, 'redis.sock');
  const argv = ['--port', '0', '--unixsocket', socket, '--save', '', '--appendonly', 'no', '--dir', folder];
  const server = spawn('/usr/bin/redis-server', argv, { stdio: 'ignore' });
  const connect = () => new Redis({ path: socket, maxRetriesPerRequest: null });
  const probe = connect();
  probe.on('error', () => {});
  await until(() => probe.ping(), 'Redis');
  const connections = [connect(), connect()] as const;
  const queue = new BullQueue('bench', { connection: connections[0] });
  const worker = new Worker<number>('bench', async ({ data }) => started(data), {
    connection: connections[1],
    concurrency,
  });
  await worker.waitUntilReady();
  return {
    enqueue: async (numbers) => void (await queue.addBulk(numbers.map((data) => ({ name: 'job', data })))),
    async stop() {
      await worker.close();
      await queue.close();
      for (const connection of [...connections, probe]) connection.disconnect();
      await ended(server, 'SIGTERM');
      rmSync(folder, { recursive: true, force: true });
    },
  };
};

const batch = 500;
const looks_apart_ms = 2;

export const pgBoss: OpenQueue = async (started) => {
  const root = '/usr/lib/postgresql';
  const version = existsSync(root) ? readdirSync(root).toSorted().at(-1) : undefined;
  if (version === undefined) throw new Error('postgresql is not installed');
  const program = (name: string) => join(root, version, 'bin', name);
  const folder = mkdtempSync(join(tmpdir(), 'mainstay-bench-pg-'));
  // PostgreSQL does not run as root.
  const isRoot = process.getuid?.() === 0;
  if (isRoot) execFileSync('chown', ['postgres', folder]);
  else chmodSync(folder, 0o700);
  const as = (argv: string[]) =>
    isRoot ? ['setpriv', '--reuid=postgres', '--regid=postgres', '--clear-groups', ...argv] : argv;
  const data = join(folder, 'data');
  const [initdb, ...initArgs] = as([program('initdb'), '-D', data, '-U', 'bench', '-A', 'trust']);
  execFileSync(initdb!, initArgs, { stdio: 'ignore' });
  const [postgres, ...args] = as([program('postgres'), '-D', data, '-k', folder, '-c', 'listen_addresses=']);
  const server = spawn(postgres!, args, { stdio: 'ignore' });
  const boss = new PgBoss({ host: folder, user: 'bench', database: 'postgres', max: 10 });
  boss.on('error', () => {});
  await until(() => boss.start(), 'PostgreSQL');
  await boss.createQueue('bench');
  // Its quickest way: large batches, taken and ended by hand, without the half second that its workers wait between two looks.
  let ending = false;
  const work = async () => {
    while (!ending) {
      const jobs = await boss.fetch<{ number: number }>('bench', { batchSize: batch });
      for (const { data: job } of jobs) started(job.number);
      if (jobs.length > 0)
        await boss.complete(
          'bench',
          jobs.map(({ id }) => id),
        );
      else await new Promise((resolve) => setTimeout(resolve, looks_apart_ms));
    }
  };
  const working = work();
  return {
    enqueue: async (numbers) =>
      void (await boss.insert(
        'bench',
        numbers.map((number) => ({ data: { number } })),
      )),
    async stop() {
      ending = true;
      await working;
      await boss.stop({ graceful: false });
      await ended(server, 'SIGINT');
      rmSync(folder, { recursive: true, force: true });
    },
  };
};
