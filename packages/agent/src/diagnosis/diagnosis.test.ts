import { createSocket } from 'node:dgram';
import { mkdirSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemExec } from '@mainstay/runtime/exec';
import { expect, test } from 'vitest';
import { journalCommand, parseJournal, readLog } from './logs.ts';
import { parseMounts, readDisks, readMemory } from './machine.ts';
import { createMask } from './mask.ts';
import { listeningPorts } from './ports.ts';
import { unitIn } from './process-unit.ts';
import { endsCommand, parseEnds, parseFailed, parseShown, showCommand } from './systemd-units.ts';

const never = new AbortController().signal;
const as_is = (text: string) => text;

test('values of secrets and what looks like a key are masked wherever they stand in a line', () => {
  const mask = createMask([
    'hunter2!',
    '{"kind":"token","username":"ada","token":"glpat-abc"}',
    'line one of key\nline two of key',
    'x',
  ]);
  expect(mask('login with hunter2! worked')).toBe('login with [masked] worked');
  expect(mask('glpat-abc ada x')).toBe('[masked] ada x');
  expect(mask('line two of key')).toBe('[masked]');
  expect(mask(`token mst_${'a'.repeat(43)}.${'0'.repeat(64)} used`)).toBe('token [masked] used');
  expect(mask(`credential mag_${'B'.repeat(43)}`)).toBe('credential [masked]');
  expect(mask('Authorization: Bearer abcdefgh12345')).toBe('Authorization: Bearer [masked]');
  expect(mask('cloning https://ada:pass@git.example/a.git')).toBe('cloning https://[masked]@git.example/a.git');
  expect(mask('DB_PASSWORD=sesame123 and {"api_key": "k-1234"}')).toBe(
    'DB_PASSWORD=[masked] and {"api_key": "[masked]"}',
  );
  expect(mask('listening on 127.0.0.1:8080, 3 tokens left')).toBe('listening on 127.0.0.1:8080, 3 tokens left');
});

test('the unit of a process is the innermost of its control group, of either version', () => {
  expect(unitIn('0::/system.slice/mainstay-agent.service\n')).toBe('mainstay-agent.service');
  expect(unitIn('0::/user.slice/user-0.slice/session-3.scope\n')).toBe('session-3.scope');
  expect(unitIn('4:memory:/x.service\n1:name=systemd:/system.slice/ssh.service/payload\n0::/\n')).toBe('ssh.service');
  expect(unitIn('0::/\n')).toBeNull();
  expect(unitIn('')).toBeNull();
});

test('units are asked about by argv, and their answer is read', () => {
  expect(showCommand(['a.service', 'b.service']).slice(-3)).toEqual(['--', 'a.service', 'b.service']);
  const shown = parseShown(
    `Id=a.service
ActiveState=active
SubState=running
Result=success
MainPID=12
NRestarts=3
MemoryCurrent=4096
StateChangeTimestampMonotonic=2000000
ExecMainCode=0
ExecMainStatus=0
ExecMainExitTimestampMonotonic=0

Id=b.service
ActiveState=failed
SubState=failed
Result=oom-kill
MainPID=0
NRestarts=0
MemoryCurrent=[not set]
StateChangeTimestampMonotonic=3000000
ExecMainCode=2
ExecMainStatus=9
ExecMainExitTimestampMonotonic=3000000
`,
    1_000,
  );
  expect(shown).toEqual([
    {
      unit: 'a.service',
      state: 'active',
      sub_state: 'running',
      pid: 12,
      since: 3_000,
      restarts: 3,
      memory_bytes: 4_096,
      last_exit: null,
    },
    {
      unit: 'b.service',
      state: 'failed',
      sub_state: 'failed',
      pid: null,
      since: 4_000,
      restarts: 0,
      memory_bytes: null,
      last_exit: { code: null, signal: 'SIGKILL', reason: 'oom-kill', at: 4_000 },
    },
  ]);
  expect(endsCommand()).toContain('_PID=1');
  const ends = parseEnds(
    [
      { UNIT: 'a.service', EXIT_CODE: 'exited', EXIT_STATUS: '7', __REALTIME_TIMESTAMP: '9000000' },
      { UNIT: 'a.service', EXIT_CODE: 'killed', EXIT_STATUS: '9', __REALTIME_TIMESTAMP: '8000000' },
    ]
      .map((entry) => JSON.stringify(entry))
      .join('\n'),
  );
  expect([...ends]).toEqual([['a.service', { code: 7, signal: null, reason: null, at: 9_000 }]]);
  expect(parseFailed('x.service loaded failed failed The X of it\n\n')).toEqual([
    { unit: 'x.service', description: 'The X of it' },
  ]);
});

test('what is mounted at several places is one disk, and what is over a network is not looked at', () => {
  const mounts = parseMounts(
    [
      '30 1 8:1 / / rw - ext4 /dev/sda1 rw',
      '31 30 8:1 /usr /usr ro - ext4 /dev/sda1 rw',
      '32 30 0:40 / /mnt/nas rw - nfs4 nas:/x rw',
      '33 30 0:25 / /run rw - tmpfs tmpfs rw',
      '34 30 0:26 / /run/user/0 rw - tmpfs tmpfs rw',
      '35 30 8:2 / /srv/with\\040blank rw shared:1 - xfs /dev/sdb1 rw',
      '38 30 0:60 / /run rw - tmpfs shm rw',
      '37 30 8:3 / /run/host/incoming ro - ext4 /dev/sdc1 rw',
      '36 30 0:50 / /var/lib/docker/overlay2/x/merged rw - overlay overlay rw',
    ].join('\n'),
  );
  expect(mounts.map(({ mount }) => mount)).toEqual(['/', '/run', '/srv/with blank']);
});

test('memory and disks of this very machine make sense', async () => {
  const memory = readMemory()!;
  expect(memory.total_bytes).toBeGreaterThan(memory.available_bytes);
  expect(memory.available_bytes).toBeGreaterThan(0);
  for (const disk of await readDisks()) {
    expect(disk.total_bytes).toBeGreaterThan(0);
    expect(disk.used_fraction).toBeGreaterThanOrEqual(0);
    expect(disk.used_fraction).toBeLessThanOrEqual(1);
  }
});

test('a port is found with its protocol, address and process, and told to be of whoever has it', async () => {
  const tcp = createServer();
  await new Promise<void>((done) => tcp.listen(0, '127.0.0.1', done));
  const { port } = tcp.address() as { port: number };
  const udp = createSocket('udp4');
  await new Promise<void>((done) => udp.bind(0, '127.0.0.1', done));
  try {
    const { ports } = await listeningPorts((pid) => ({ unit: `of ${pid}`, own: pid === process.pid }));
    const ours = { address: '127.0.0.1', pid: process.pid, unit: `of ${process.pid}`, own: true };
    expect(ports).toContainEqual(expect.objectContaining({ protocol: 'tcp', port, ...ours }));
    expect(ports).toContainEqual(expect.objectContaining({ protocol: 'udp', port: udp.address().port, ...ours }));
  } finally {
    tcp.close();
    udp.close();
  }
});

test('of more ports than the bound the rest is told to be left out', async () => {
  const proc = await mkdtemp(join(tmpdir(), 'ms-proc-'));
  const line = (n: number) =>
    `  ${n}: 0100007F:${(1_000 + n).toString(16).toUpperCase().padStart(4, '0')} 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 ${9_000 + n} 1\n`;
  mkdirSync(join(proc, 'net'));
  writeFileSync(join(proc, 'net/tcp'), `header\n${Array.from({ length: 230 }, (_, n) => line(n)).join('')}`);
  mkdirSync(join(proc, '77/fd'), { recursive: true });
  symlinkSync('socket:[9000]', join(proc, '77/fd/3'));
  writeFileSync(join(proc, '77/comm'), 'MainThread\n');
  // Exchanged since it was started, as by an update.
  symlinkSync('/usr/local/bin/busy (deleted)', join(proc, '77/exe'));
  expect(readlinkSync(join(proc, '77/fd/3'))).toBe('socket:[9000]');
  const { ports, note } = await listeningPorts(() => ({ unit: null, own: false }), proc);
  expect(ports).toHaveLength(200);
  expect(ports[0]).toMatchObject({ port: 1_000, pid: 77, process: 'busy' });
  expect(ports[1]).toMatchObject({ port: 1_001, pid: null, process: null });
  expect(note).toBe('30 of 230 ports are left out.');
});

test('the journal is read newest first, by a pattern of the agent, and given oldest first', () => {
  expect(journalCommand('mainstay-web-ins_*.service', 20)).toEqual(
    expect.arrayContaining(['--lines=20', '--reverse', '--unit=mainstay-web-ins_*.service']),
  );
  const entry = (MESSAGE: unknown, at: number) => JSON.stringify({ MESSAGE, __REALTIME_TIMESTAMP: String(at * 1000) });
  expect(parseJournal(`${entry([104, 105], 2)}\n${entry('first', 1)}\n`)).toEqual([
    { at: 1, text: 'first' },
    { at: 2, text: 'hi' },
  ]);
});

test('a log gives the newest lines that fit, each shortened, without words to a terminal', async () => {
  const path = join(await mkdtemp(join(tmpdir(), 'ms-log-')), 'proxy.log');
  const red = `${String.fromCharCode(27)}[31mred${String.fromCharCode(27)}[0m`;
  writeFileSync(path, `${Array.from({ length: 300 }, (_, n) => `${n} ${'y'.repeat(3_000)}`).join('\n')}\n${red}\n`);
  const common = {
    name: 'proxy',
    place: { kind: 'file', path } as const,
    mask: as_is,
    exec: systemExec,
    signal: never,
  };
  const all = await readLog({ ...common, lines: 500 });
  expect(all.cut).toBe(true);
  expect(Buffer.byteLength(JSON.stringify(all))).toBeLessThan(80 * 1024);
  expect(all.lines.at(-1)?.text).toBe('red');
  expect(all.lines.at(-2)?.text).toHaveLength(2_001);
  const two = await readLog({ ...common, lines: 2 });
  expect(two).toMatchObject({ source: path, cut: false });
  expect(two.lines.map(({ text }) => text.slice(0, 4))).toEqual(['299 ', 'red']);
  const missing = await readLog({ ...common, place: { kind: 'file', path: `${path}.no` }, lines: 2 });
  expect(missing.lines).toEqual([]);
});
