/** The laws of the supervisor port. Every adapter runs them, with real processes. */
import { spawn } from 'node:child_process';
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Limits } from '@mainstay/contract/stack';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isAlive } from './proc.ts';
import { fileSink, instanceSpec, isRunning, processesWith, temporaryFolder, until } from './supervisor.fixtures.ts';
import type { InstanceExit, LogSink, Supervisor } from './supervisor.ts';

export function supervisorConformance(name: string, create: (options: { home: string; sink: LogSink }) => Supervisor) {
  describe(`supervisor: ${name}`, () => {
    let folder: ReturnType<typeof temporaryFolder>;
    let supervisors: Supervisor[];
    let exits: InstanceExit[];

    beforeEach(() => {
      folder = temporaryFolder();
      supervisors = [];
      exits = [];
    });

    afterEach(async () => {
      for (const supervisor of supervisors) await supervisor.detach();
      for (const home of ['one', 'two']) {
        mkdirSync(join(folder.path, home), { recursive: true });
        const sweeper = create({ home: join(folder.path, home), sink: fileSink(join(folder.path, 'swept')) });
        await sweeper.sweep(new Set());
        await sweeper.detach();
      }
      folder.remove();
    });

    /** A supervisor as a fresh agent has it: nothing is known but what is on disk. */
    function supervise(home = 'one') {
      mkdirSync(join(folder.path, home), { recursive: true });
      const sink = fileSink(join(folder.path, home, 'lines'));
      const supervisor = create({ home: join(folder.path, home), sink });
      supervisor.onExit((exit) => exits.push(exit));
      supervisors.push(supervisor);
      return { supervisor, sink };
    }

    const exitOf = (id: string) => until(`exit of ${id}`, () => exits.find((exit) => exit.id === id));

    it('gives a service its own environment, the basics and its marks, and nothing of the agent', async () => {
      const { supervisor, sink } = supervise();
      process.env['MAINSTAY_HOME'] = '/secret/home';
      process.env['AGENT_TOKEN'] = 'secret';
      const spec = instanceSpec({ command: ['env'], env: { A: '1 2', PORT: '30001' } });
      await supervisor.start(spec);
      await exitOf(spec.id);
      delete process.env['MAINSTAY_HOME'];
      delete process.env['AGENT_TOKEN'];
      const lines = sink.lines(`${spec.id}/stdout`);
      const names = lines.map((line) => line.split('=')[0]).sort();
      expect(names).toEqual(['A', 'HOME', 'LANG', 'MAINSTAY_AGENT', 'MAINSTAY_INSTANCE', 'PATH', 'PORT']);
      expect(lines).toContain('A=1 2');
      expect(lines).toContain(`MAINSTAY_INSTANCE=${spec.id}`);
      expect(lines.join()).not.toContain('secret');
    });

    it('runs a list as it is, and a text by the shell', async () => {
      const { supervisor, sink } = supervise();
      const list = instanceSpec({ command: ['printf', '%s\n', '$HOME; id', '*'] });
      const text = instanceSpec({ command: 'printf "%s\\n" "$A" && pwd', env: { A: 'by the shell' } });
      await supervisor.start(list);
      await supervisor.start(text);
      await exitOf(list.id);
      await exitOf(text.id);
      expect(sink.lines(`${list.id}/stdout`)).toEqual(['$HOME; id', '*']);
      expect(sink.lines(`${text.id}/stdout`)).toEqual(['by the shell', text.directory]);
    });

    it('notifies the end of an instance once, with its code, its signal and its last lines', async () => {
      const { supervisor, sink } = supervise();
      const failing = instanceSpec({ command: 'echo out; echo bad >&2; exit 7' });
      const killed = instanceSpec({ command: 'kill -9 $$' });
      await supervisor.start(failing);
      await supervisor.start(killed);
      expect(await exitOf(failing.id)).toMatchObject({
        code: 7,
        signal: null,
        reason: null,
        last_lines: expect.arrayContaining([
          { at: expect.any(Number), stream: 'stdout', text: 'out' },
          { at: expect.any(Number), stream: 'stderr', text: 'bad' },
        ]),
      });
      expect(await exitOf(killed.id)).toMatchObject({ code: null, signal: 'SIGKILL', reason: null });
      await supervisor.stop(failing.id);
      expect(exits.filter((exit) => exit.id === failing.id)).toHaveLength(1);
      expect(supervisor.isRunning(failing.id)).toBe(false);
      expect(await supervisor.usage(failing.id)).toBeNull();
      expect(sink.lines(`${failing.id}/stderr`)).toEqual(['bad']);
    });

    it('refuses a program or folder that is not there, naming the field, and leaves nothing', async () => {
      const { supervisor } = supervise();
      const start = (given: Parameters<typeof instanceSpec>[0]) => supervisor.start(instanceSpec(given));
      await expect(start({ command: ['no-such-program'] })).rejects.toMatchObject({
        field: 'run',
        message: expect.stringContaining('no-such-program'),
      });
      await expect(start({ command: ['./missing'] })).rejects.toMatchObject({ field: 'run' });
      await expect(start({ command: ['true'], directory: '/no/such/folder' })).rejects.toMatchObject({
        field: 'source.root',
      });
      expect(exits).toEqual([]);
    });

    it('starts an instance only once', async () => {
      const { supervisor } = supervise();
      const spec = instanceSpec({ command: ['sleep', '60'] });
      await supervisor.start(spec);
      await expect(supervisor.start(spec)).rejects.toMatchObject({ code: 'Conflict' });
      await supervisor.stop(spec.id);
    });

    it('tells what an instance printed last while it runs, and what it printed to its end with its exit', async () => {
      const { supervisor } = supervise();
      const spec = instanceSpec({ command: 'trap "echo bye; exit 0" TERM; echo ready; while :; do sleep 0.05; done' });
      await supervisor.start(spec);
      const texts = () => supervisor.lastLines(spec.id).map(({ text }) => text);
      await until('it tells the line', () => texts().length > 0);
      expect(texts()).toEqual(['ready']);
      await supervisor.stop(spec.id);
      const { last_lines } = await exitOf(spec.id);
      // A shell may say of its own, on stderr, what it was ended by.
      expect(last_lines.filter(({ stream }) => stream === 'stdout').map(({ text }) => text)).toEqual(['ready', 'bye']);
      expect(texts()).toEqual([]);
    });

    it('lets a service end by itself on SIGTERM', async () => {
      const { supervisor, sink } = supervise();
      const spec = instanceSpec({
        command: 'trap "echo bye; exit 0" TERM; echo ready; while :; do sleep 0.05; done',
        stop_timeout_seconds: 20,
      });
      await supervisor.start(spec);
      await until('it is ready', () => sink.lines(spec.id).includes('ready'));
      await supervisor.stop(spec.id);
      expect(await exitOf(spec.id)).toMatchObject({ reason: 'stopped', code: 0 });
      expect(sink.lines(`${spec.id}/stdout`)).toEqual(['ready', 'bye']);
    });

    it('kills what ignores SIGTERM, when its time is up', async () => {
      const { supervisor, sink } = supervise();
      const spec = instanceSpec({
        command: 'trap "" TERM; (trap "" TERM; sleep 300) & echo ready; while :; do sleep 0.1; done',
        stop_timeout_seconds: 1,
      });
      await supervisor.start(spec);
      await until('it is ready', () => sink.lines(spec.id).includes('ready'));
      await Promise.all([supervisor.stop(spec.id), supervisor.stop(spec.id)]);
      expect(await exitOf(spec.id)).toMatchObject({ reason: 'stopped', signal: 'SIGKILL' });
      expect(processesWith(`MAINSTAY_INSTANCE=${spec.id}`)).toEqual([]);
      await supervisor.stop(spec.id);
      await supervisor.stop('ins_unknown');
    });

    it('stops what left the session, and what emptied its environment there', async () => {
      const { supervisor, sink } = supervise();
      const daemon = 'setsid setsid sleep 301 >/dev/null 2>&1 &';
      const unmarked = 'env -i sleep 302 >/dev/null 2>&1 & echo $!;';
      const spec = instanceSpec({ command: `${daemon} ${unmarked} echo ready; sleep 303` });
      await supervisor.start(spec);
      await until('it is ready', () => sink.lines(spec.id).includes('ready'));
      const pid = Number(sink.lines(spec.id)[0]);
      expect(isRunning(pid)).toBe(true);
      await until('all of it runs', async () => ((await supervisor.usage(spec.id))?.processes ?? 0) >= 4);
      await supervisor.stop(spec.id);
      expect(isRunning(pid)).toBe(false);
      expect(processesWith(`MAINSTAY_INSTANCE=${spec.id}`)).toEqual([]);
    });

    it('ends what the first process left running', async () => {
      const { supervisor } = supervise();
      const spec = instanceSpec({ command: '(setsid sleep 304 &) ; sleep 305 & exit 3' });
      await supervisor.start(spec);
      expect(await exitOf(spec.id)).toMatchObject({ code: 3, reason: null });
      expect(processesWith(`MAINSTAY_INSTANCE=${spec.id}`)).toEqual([]);
    });

    it('takes back an instance after a restart, and goes on with its output, each line once', async () => {
      const first = supervise();
      const spec = instanceSpec({
        command:
          'i=0; while [ $i -lt 400 ]; do i=$((i+1)); echo line $i; [ $((i % 20)) = 0 ] && sleep 0.05; done; sleep 306',
      });
      const handle = await first.supervisor.start(spec);
      await until('first lines', () => first.sink.lines(spec.id).length > 0);
      await first.supervisor.detach();
      expect(isRunning(handle.pid)).toBe(true);
      const second = supervise();
      expect(await second.supervisor.recover(handle, spec)).toEqual(handle);
      expect(second.supervisor.isRunning(spec.id)).toBe(true);
      await until('more lines', () => second.sink.lines(spec.id).length > 100);
      await second.supervisor.detach();
      const third = supervise();
      await third.supervisor.recover(handle, spec);
      await until('all lines', () => third.sink.lines(spec.id).includes('line 400'));
      expect(third.sink.lines(spec.id)).toEqual(Array.from({ length: 400 }, (_, i) => `line ${i + 1}`));
      await third.supervisor.stop(spec.id);
      expect(isAlive(handle.pid, handle.start_ticks)).toBe(false);
      expect(exits.filter((exit) => exit.id === spec.id)).toMatchObject([{ code: null, reason: 'stopped' }]);
    });

    it('notices by itself when an instance that was taken back ends', async () => {
      const first = supervise();
      const spec = instanceSpec({ command: ['sleep', '307'] });
      const handle = await first.supervisor.start(spec);
      await first.supervisor.detach();
      const second = supervise();
      await second.supervisor.recover(handle, spec);
      process.kill(handle.pid, 'SIGKILL');
      expect(await exitOf(spec.id)).toMatchObject({ code: null, reason: null });
      expect(exits).toHaveLength(1);
    });

    it('stores the rest of the output of an instance that ended while no agent ran', async () => {
      const first = supervise();
      const spec = instanceSpec({ command: 'read -r line < "$FIFO"; echo "got $line"; printf unfinished', env: {} });
      const fifo = join(folder.path, 'fifo');
      spawn('mkfifo', [fifo]);
      await until('fifo', () => isFifo(fifo));
      const handle = await first.supervisor.start({ ...spec, env: { FIFO: fifo } });
      await first.supervisor.detach();
      spawn('/bin/sh', ['-c', `echo it > "${fifo}"`]);
      await until('its end', () => !isAlive(handle.pid, handle.start_ticks));
      const second = supervise();
      expect(await second.supervisor.recover(handle, spec)).toBeNull();
      expect(second.sink.lines(`${spec.id}/stdout`)).toEqual(['got it', 'unfinished']);
      expect(exits).toEqual([]);
    });

    it('does not take another process, or one of another boot, for an instance', async () => {
      const { supervisor } = supervise();
      const stranger = spawn('sleep', ['308'], { detached: true });
      try {
        const spec = instanceSpec({ command: ['sleep', '308'] });
        const real = instanceSpec({ command: ['sleep', '309'] });
        const handle = await supervisor.start(real);
        const reused = { id: spec.id, pid: stranger.pid!, start_ticks: 1, boot_id: handle.boot_id };
        expect(await supervisor.recover(reused, spec)).toBeNull();
        await supervisor.stop(spec.id);
        expect(isRunning(stranger.pid!)).toBe(true);
        await supervisor.detach();
        const next = supervise().supervisor;
        expect(await next.recover({ ...handle, boot_id: 'another' }, spec)).toBeNull();
      } finally {
        stranger.kill('SIGKILL');
      }
    });

    it('sweeps what nobody knows of, and spares what is known and what belongs to another agent', async () => {
      const one = supervise('one').supervisor;
      const two = supervise('two').supervisor;
      const stray = instanceSpec({ command: 'setsid sleep 310' });
      const known = instanceSpec({ command: ['sleep', '311'] });
      const other = instanceSpec({ command: ['sleep', '312'] });
      await one.start(stray);
      await one.start(known);
      await two.start(other);
      await one.detach();
      const next = supervise('one').supervisor;
      expect(await next.sweep(new Set([known.id]))).toEqual([stray.id]);
      expect(processesWith(`MAINSTAY_INSTANCE=${stray.id}`)).toEqual([]);
      expect(processesWith(`MAINSTAY_INSTANCE=${known.id}`)).not.toEqual([]);
      expect(two.isRunning(other.id)).toBe(true);
      expect(await next.sweep(new Set([known.id]))).toEqual([]);
    });

    it('tells the ports that any process of an instance listens on', async () => {
      const { supervisor, sink } = supervise();
      const server = `const s = require('net').createServer().listen(0, '127.0.0.1', () => console.log(s.address().port))`;
      const spec = instanceSpec({
        command: '"$NODE" -e "$CODE" & exec "$NODE" -e "$CODE"',
        env: { NODE: process.execPath, CODE: server },
      });
      await supervisor.start(spec);
      await until('both listen', () => sink.lines(spec.id).length === 2);
      const ports = sink.lines(spec.id).map(Number);
      expect(await supervisor.listeningPorts(spec.id)).toEqual(ports.sort((a, b) => a - b));
      await supervisor.stop(spec.id);
      expect(await supervisor.listeningPorts(spec.id)).toEqual([]);
    });

    it('ends an instance that starts too many processes, all of them', async () => {
      const { supervisor } = supervise();
      // Doubles until there are a thousand or so.
      const bomb = 'b() { [ $1 -gt 0 ] && { b $(($1-1)) & b $(($1-1)) & wait; }; sleep 313; }; b 9';
      const spec = instanceSpec({ command: bomb, limits: Limits.parse({ processes: 40 }) });
      await supervisor.start(spec);
      expect(await exitOf(spec.id)).toMatchObject({ reason: 'process_limit' });
      expect(processesWith(`MAINSTAY_INSTANCE=${spec.id}`)).toEqual([]);
    });

    it('ends an instance that takes too much memory', async () => {
      const { supervisor, sink } = supervise();
      const spec = instanceSpec({
        command: [
          process.execPath,
          '-e',
          'console.log("up"); globalThis.hog = Buffer.alloc(3e8, 1); setInterval(() => {}, 1e6)',
        ],
        limits: Limits.parse({ memory_mb: 200 }),
      });
      await supervisor.start(spec);
      expect(await exitOf(spec.id)).toMatchObject({ reason: 'memory_limit', signal: 'SIGKILL' });
      expect(sink.lines(spec.id)).toContain('up');
    });

    it('tells what an instance uses', async () => {
      const { supervisor } = supervise();
      const spec = instanceSpec({ command: 'sleep 314 & while :; do :; done' });
      await supervisor.start(spec);
      const usage = await until('it used the processor', async () => {
        const now = await supervisor.usage(spec.id);
        return now && now.cpu_seconds > 0.05 && now.processes === 2 ? now : null;
      });
      expect(usage.memory_bytes).toBeGreaterThan(50_000);
      await supervisor.stop(spec.id);
    });
  });
}

function isFifo(path: string): boolean {
  try {
    return statSync(path).isFIFO();
  } catch {
    return false;
  }
}
