import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseStat } from './proc.ts';
import { createProcessSupervisor } from './process-supervisor.ts';
import { supervisorConformance } from './supervisor.conformance.ts';
import { fileSink, instanceSpec, isRunning, temporaryFolder, until } from './supervisor.fixtures.ts';
import type { InstanceHandle, LogLine, Supervisor } from './supervisor.ts';

supervisorConformance('process', createProcessSupervisor);

const testing_agent = join(import.meta.dirname, 'testing-agent.ts');

describe('process supervisor', () => {
  let folder: ReturnType<typeof temporaryFolder>;
  let supervisor: Supervisor | null;

  beforeEach(() => {
    folder = temporaryFolder();
    supervisor = null;
  });

  afterEach(async () => {
    await supervisor?.detach();
    const sweeper = createProcessSupervisor({ home: folder.path, sink: fileSink(join(folder.path, 'swept')) });
    await sweeper.sweep(new Set());
    await sweeper.detach();
    folder.remove();
  });

  it('an instance outlives an agent that is killed, and loses no line of output', async () => {
    const sink_path = join(folder.path, 'lines');
    const spec = instanceSpec({
      command:
        'i=0; while [ $i -lt 600 ]; do i=$((i+1)); echo line $i; [ $((i % 10)) = 0 ] && sleep 0.02; done; sleep 320',
    });
    const agent = spawn(process.execPath, [testing_agent, folder.path, sink_path, JSON.stringify(spec)]);
    let printed = '';
    agent.stdout.on('data', (chunk) => {
      printed += chunk;
    });
    const handle = await until('a handle', () =>
      printed.includes('\n') ? (JSON.parse(printed) as InstanceHandle) : null,
    );
    await until('first lines', () => fileSink(sink_path).lines(spec.id).length > 0);
    agent.kill('SIGKILL');
    await until('the end of the agent', () => agent.signalCode === 'SIGKILL');
    expect(isRunning(handle.pid)).toBe(true);
    const sink = fileSink(sink_path);
    supervisor = createProcessSupervisor({ home: folder.path, sink });
    expect(await supervisor.recover(handle, spec)).toEqual(handle);
    await until('the last line', () => sink.lines(spec.id).includes('line 600'));
    expect(sink.lines(spec.id)).toEqual(Array.from({ length: 600 }, (_, i) => `line ${i + 1}`));
    await supervisor.stop(spec.id);
    expect(isRunning(handle.pid)).toBe(false);
  });

  it('a stray of an agent that was killed before it could note it is swept', async () => {
    const spec = instanceSpec({ command: '(setsid sleep 321 &); sleep 322' });
    const agent = spawn(process.execPath, [
      testing_agent,
      folder.path,
      join(folder.path, 'lines'),
      JSON.stringify(spec),
    ]);
    await new Promise((resolve) => agent.stdout.once('data', resolve));
    agent.kill('SIGKILL');
    await until('the end of the agent', () => agent.signalCode === 'SIGKILL');
    supervisor = createProcessSupervisor({ home: folder.path, sink: fileSink(join(folder.path, 'lines')) });
    expect(await supervisor.sweep(new Set())).toEqual([spec.id]);
    // The rest of so much output may be stored after the stop.
    await until('its files are gone', () => readdirSync(join(folder.path, 'instances')).length === 0);
  });

  it('cuts long lines, replaces what is not UTF-8, keeps colours, and takes a last line without newline', async () => {
    const sink = fileSink(join(folder.path, 'lines'));
    supervisor = createProcessSupervisor({ home: folder.path, sink });
    const code = `
      process.stdout.write('é'.repeat(500_000) + '\\n');
      process.stdout.write('\\x1b[31mred\\x1b[0m\\r\\n');
      process.stdout.write(Buffer.from([0x61, 0xff, 0x62, 0, 0x63, 0x0a]));
      process.stdout.write('last');`;
    const spec = instanceSpec({ command: [process.execPath, '-e', code] });
    await supervisor.start(spec);
    await until('its end', () => !supervisor?.isRunning(spec.id) && sink.lines(spec.id).length === 4);
    const [long, ...others] = sink.lines(spec.id);
    expect(long).toMatch(/^é+ … \[line cut at 16384 bytes\]$/);
    expect(Buffer.byteLength(long!)).toBeGreaterThan(16_000);
    expect(Buffer.byteLength(long!)).toBeLessThanOrEqual(16_384);
    expect(others).toEqual(['\x1b[31mred\x1b[0m', 'a\ufffdb\ufffdc', 'last']);
  });

  it('a service that prints faster than lines are stored fills no disk, and is told what was dropped', async () => {
    const stored: LogLine[] = [];
    const sink = {
      cursor: () => null,
      write: async (_: string, lines: LogLine[]) => {
        stored.push(...lines.slice(-2), ...lines.filter((line) => line.text.startsWith('…')));
        await sleep(20);
      },
    };
    supervisor = createProcessSupervisor({ home: folder.path, sink });
    const spec = instanceSpec({
      command: 'yes "a line of some length that is printed over and over" | head -c 300M; sleep 323',
    });
    await supervisor.start(spec);
    const file = join(folder.path, 'instances', spec.id, 'stdout.log');
    await until('it printed all', () => statSync(file).size >= 300 * 1024 * 1024);
    await until('lines were dropped', () => stored.some((line) => /^… .*lines dropped/.test(line.text)));
    await until('little is left on disk', () => statSync(file).blocks * 512 <= 12 * 1024 * 1024);
    for (const { text } of stored) expect(text).toMatch(/^(…|a line of some length that is printed over and over$)/);
    await supervisor.stop(spec.id);
    await until('nothing is left on disk', () => readdirSync(join(folder.path, 'instances')).length === 0);
  });

  it('a sink that fails for a while costs no line', async () => {
    const real = fileSink(join(folder.path, 'lines'));
    let failures = 0;
    const sink = {
      ...real,
      write: async (...args: Parameters<typeof real.write>) => {
        failures += 1;
        if (failures < 4) throw new Error('the store is locked');
        return real.write(...args);
      },
    };
    supervisor = createProcessSupervisor({ home: folder.path, sink });
    const spec = instanceSpec({ command: 'for i in 1 2 3; do echo $i; sleep 0.1; done; sleep 324' });
    await supervisor.start(spec);
    await until('all lines', () => real.lines(spec.id).length === 3);
    expect(real.lines(spec.id)).toEqual(['1', '2', '3']);
    expect(failures).toBeGreaterThanOrEqual(4);
    await supervisor.stop(spec.id);
  });

  it('limits that the kernel holds are set before the command starts', async () => {
    const sink = fileSink(join(folder.path, 'lines'));
    supervisor = createProcessSupervisor({ home: folder.path, sink });
    const spec = instanceSpec({ command: ['cat', '/proc/self/limits'] });
    await supervisor.start(spec);
    await until('its end', () => sink.lines(spec.id).length > 10);
    expect(sink.lines(spec.id).join('\n')).toMatch(/Max core file size +0 +0/);
  });
});

describe('/proc', () => {
  it('a process name with spaces and parentheses does not shift the fields', () => {
    const text = readFileSync('/proc/self/stat', 'utf8');
    const name_end = text.lastIndexOf(')');
    const odd = `${text.slice(0, text.indexOf('('))}(a) S 1 (b)${text.slice(name_end)}`;
    const [plain, parsed] = [parseStat(text), parseStat(odd.replace('(a)', '((a)'))];
    expect(plain?.pid).toBe(process.pid);
    expect(parsed).toEqual(plain);
  });
});
