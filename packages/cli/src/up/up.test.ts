import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemExec } from '@mainstay/runtime/exec';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createBackgroundProgram } from './background-program.ts';
import { ensureRepository } from './example-repositories.ts';
import { prepareExample } from './example-stack.ts';
import { lockHome } from './home-lock.ts';
import { layoutOf, programEnvironment } from './installation.ts';
import { noticesOf } from './notices.ts';
import { checkPort, freePort } from './ports.ts';
import { identityOf, isRunning } from './process-identity.ts';
import { openProgramLog } from './program-log.ts';
import { endLeftovers, readRecord, writeRecord } from './record.ts';
import type { Reporter } from './reporter.ts';

const templates = join(import.meta.dirname, '..', '..', '..', '..', 'examples');
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mainstay-up-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('the same example folder gives the same commit, and a repository that is there is left alone', async () => {
  const from = join(folder, 'from');
  cpSync(join(templates, 'clock'), from, { recursive: true });
  await ensureRepository(from, join(folder, 'one'));
  await ensureRepository(from, join(folder, 'two'));
  expect(await headOf('one')).toBe(await headOf('two'));
  expect(await headOf('one')).toMatch(/^[0-9a-f]{40}$/);

  writeFileSync(join(from, 'clock.py'), 'changed');
  await ensureRepository(from, join(folder, 'one'));
  expect(await headOf('one')).toBe(await headOf('two'));
});

test('a repository that was half made by an earlier start is made anew', async () => {
  mkdirSync(join(folder, 'one.new', '.git'), { recursive: true });
  writeFileSync(join(folder, 'one.new', 'rest'), '');
  await ensureRepository(join(templates, 'clock'), join(folder, 'one'));
  expect(existsSync(join(folder, 'one', 'rest'))).toBe(false);
  expect(await headOf('one')).toMatch(/^[0-9a-f]{40}$/);
});

test('the example is a stack that the contract accepts, with the port that was asked for', async () => {
  const port = await freePort();
  const { stack, spec } = await prepareExample(templates, join(folder, 'a folder'), port);
  expect(stack).toBe('example');
  expect(spec.proxy.port).toBe(port);
  expect(spec.names.port).not.toBe(port);
  expect(spec.services['web']?.source.git).toBe(`file://${folder}/a%20folder/web`);
  expect(existsSync(join(folder, 'a folder', 'mainstay.yaml'))).toBe(true);
});

test('one home has one lock; it is free again when its holder ends, even by SIGKILL', async () => {
  const layout = layoutOf(folder);
  const lock = lockHome(layout);
  expect(() => lockHome(layout)).toThrow(expect.objectContaining({ code: 'Conflict', field: 'home' }));
  lock.release();

  const code = `import { lockHome } from ${JSON.stringify(join(import.meta.dirname, 'home-lock.ts'))};
    import { layoutOf } from ${JSON.stringify(join(import.meta.dirname, 'installation.ts'))};
    lockHome(layoutOf(${JSON.stringify(folder)})); console.log('locked'); setInterval(() => {}, 1000);`;
  const holder = spawn(process.execPath, ['--input-type=module', '--eval', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise((resolve) => holder.stdout.once('data', resolve));
  expect(() => lockHome(layout)).toThrow(String(holder.pid));
  holder.kill('SIGKILL');
  await new Promise((resolve) => holder.once('exit', resolve));
  lockHome(layout).release();
});

test('a home that cannot be made is refused by name', () => {
  const layout = layoutOf('/proc/no/such/home');
  expect(() => lockHome(layout)).toThrow(expect.objectContaining({ code: 'Unavailable', field: 'home' }));
});

test('a taken port is refused with its holder and the option that changes it, unless it is ours', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const options = { field: 'port', option: '--port' };
  await expect(checkPort(port, '127.0.0.1', options)).rejects.toMatchObject({
    code: 'Conflict',
    field: 'port',
    message: expect.stringContaining(`process ${process.pid}`),
    hint: expect.stringContaining('--port'),
  });
  await checkPort(port, '127.0.0.1', { ...options, isOurs: (holder) => holder.pid === process.pid });
  await new Promise((resolve) => server.close(resolve));
  await checkPort(port, '127.0.0.1', options);
});

test('programs and services do not inherit what npm put into the environment', () => {
  const env = programEnvironment({
    PATH: '/clone/node_modules/.bin:/usr/lib/node_modules/npm/node-gyp-bin:/usr/bin:/bin',
    npm_config_registry: 'x',
    npm_lifecycle_event: 'start',
    HOME: '/home/somebody',
  });
  expect(env['PATH']).toMatch(/^\/usr\/bin:\/bin/);
  expect(Object.keys(env).sort()).toEqual(['HOME', 'PATH']);
});

test('a program that ends by itself is started again; one that is stopped is not', async () => {
  const starts: number[] = [];
  const ends: string[] = [];
  const program = createBackgroundProgram({
    name: 'short',
    argv: ['--eval', 'console.error("bye"); process.exit(3)'],
    env: programEnvironment(process.env),
    log_path: join(folder, 'short.log'),
    onLine() {},
    onStart: () => starts.push(Date.now()),
    onUnexpectedEnd: (how, delay) => ends.push(`${how}, ${delay}`),
  });
  program.start();
  await expect.poll(() => ends.length, { timeout: 20_000 }).toBeGreaterThanOrEqual(2);
  expect(ends.slice(0, 2)).toEqual(['exit code 3, 1000', 'exit code 3, 2000']);
  expect(await program.stop('SIGTERM', 5_000)).toBe(true);
  const started = starts.length;
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  expect(starts.length).toBe(started);
  expect(readFileSync(join(folder, 'short.log'), 'utf8')).toContain('bye');
});

test('a program that ignores the signal is killed when the time is up', async () => {
  let onReady = () => {};
  const ready = new Promise<void>((resolve) => {
    onReady = resolve;
  });
  const program = createBackgroundProgram({
    name: 'stubborn',
    argv: ['--eval', 'process.on("SIGTERM", () => {}); setInterval(() => {}, 1000); console.log("ready")'],
    env: programEnvironment(process.env),
    log_path: join(folder, 'stubborn.log'),
    onLine: onReady,
    onStart() {},
    onUnexpectedEnd() {},
  });
  program.start();
  await ready;
  expect(await program.stop('SIGTERM', 300)).toBe(false);
  expect(program.ended()).toBe('SIGKILL');
});

test('programs that a killed start left are ended; a process that has their number by now is not', async () => {
  const left = spawn(process.execPath, ['--eval', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  const bystander = spawn(process.execPath, ['--eval', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  const identity = identityOf(left.pid!)!;
  const reused = { ...identityOf(bystander.pid!)!, start_ticks: 1 };
  const path = join(folder, 'up.json');
  writeRecord(path, { programs: { agent: identity, other: reused }, is_example_deployed: true });
  try {
    expect(await endLeftovers(readRecord(path), 5_000)).toEqual(['agent']);
    expect(isRunning(identity)).toBe(false);
    expect(identityOf(bystander.pid!)).not.toBeNull();
  } finally {
    left.kill('SIGKILL');
    bystander.kill('SIGKILL');
  }
});

test('a damaged record counts as none', () => {
  const path = join(folder, 'up.json');
  writeFileSync(path, '{');
  expect(readRecord(path)).toEqual({ programs: {}, is_example_deployed: false });
});

test('the log of a program has two files of bounded size, and keeps its last lines whole', () => {
  const path = join(folder, 'logs', 'noisy.log');
  const log = openProgramLog(path, () => {});
  const line = `${'x'.repeat(1023)}\n`;
  for (let i = 0; i < 12; i++) log.write(Buffer.from(line.repeat(1024)));
  log.write(Buffer.from('the '));
  log.write(Buffer.from('end\n'));
  expect(log.tail().at(-1)).toBe('the end');
  log.close();
  for (const file of [path, `${path}.1`]) expect(statSync(file).size).toBeLessThanOrEqual(5 * 1024 * 1024);
});

test('a warning is told once, not every time it is logged; what is only information is not', () => {
  const told: string[] = [];
  const report: Reporter = { step: () => {}, result: () => {}, warn: (text) => told.push(text) };
  const take = noticesOf('agent', report, false);
  for (let i = 0; i < 3; i++) take('{"level":"warn","msg":"the disk is nearly full"}');
  take('{"level":"info","msg":"all is well"}');
  take('not JSON');
  expect(told).toEqual(['agent: the disk is nearly full']);
});

async function headOf(name: string): Promise<string> {
  const result = await systemExec(['git', 'rev-parse', 'HEAD'], { cwd: join(folder, name) });
  return result.stdout.trim();
}
