import type { ServerDiagnosis } from '@mainstay/contract/diagnosis';
import { expect, test } from 'vitest';
import { diagnosisLines } from './diagnosis-view.ts';
import { noPaint } from './terminal/paint.ts';

const now = 1_000_000_000;
const unit = { service: null, since: now - 60_000, restarts: 0, memory_bytes: 50 * 1024 ** 2, last_exit: null };
const diagnosis: ServerDiagnosis = {
  at: now,
  took_ms: 420,
  agent_version: '1.2.3',
  supervisor: 'systemd',
  proxy: 'haproxy',
  units: [
    { ...unit, name: 'agent', unit: 'mainstay-agent.service', state: 'active', sub_state: 'running', pid: 7 },
    {
      ...unit,
      name: 'service/web',
      unit: null,
      service: 'web',
      state: 'failed',
      sub_state: 'crash_looping',
      pid: null,
      last_exit: { code: null, signal: 'SIGKILL', reason: 'memory_limit', at: now - 5_000 },
    },
  ],
  failed_units: [{ unit: 'apt.service', description: 'Daily apt' }],
  ports: [
    { protocol: 'tcp', address: '0.0.0.0', port: 22, pid: 1, process: 'sshd', unit: 'ssh.service', own: false },
    { protocol: 'udp', address: '::', port: 123, pid: null, process: null, unit: null, own: false },
  ],
  memory: { total_bytes: 4 * 1024 ** 3, available_bytes: 1024 ** 3, swap_total_bytes: 0, swap_free_bytes: 0 },
  disks: [
    {
      mount: '/',
      device: '/dev/sda1',
      filesystem: 'ext4',
      total_bytes: 10 * 1024 ** 3,
      available_bytes: 1024 ** 3,
      used_fraction: 0.9,
      inodes_used_fraction: null,
    },
  ],
  clock: { offset_ms: -12, synchronized: false },
  checks: [
    { name: 'disk', ok: false, message: '1.0 GB free', fix: 'Make room.' },
    { name: 'git', ok: true, message: '/usr/bin/git', fix: null },
  ],
  logs: [
    {
      name: 'agent',
      source: 'journal',
      cut: true,
      lines: [{ at: null, text: `${String.fromCharCode(27)}[2Jwarn hidden` }],
    },
  ],
  notes: ['NTP could not be looked at: it took too long'],
};

test('a diagnosis says what is wrong, how it ended and how to go on, and takes no orders to the terminal', () => {
  const text = diagnosisLines({ server: 'eu-1', asked_at: now, diagnosis }, { paint: noPaint, width: 160, now }).join(
    '\n',
  );
  expect(text).toMatch(/WRONG {2}disk +1\.0 GB free\n +Make room\./);
  expect(text).toMatch(/service\/web +failed \(crash looping\).*SIGKILL, memory limit, 5 s ago/);
  expect(text).toMatch(/22\/tcp +0\.0\.0\.0 +sshd \(1\) +ssh\.service/);
  expect(text).toMatch(/123\/udp +:: +–/);
  expect(text).toContain('apt.service  Daily apt');
  expect(text).toContain('clock 12 ms behind the panel, not kept by NTP');
  expect(text).toContain('older lines are left out');
  expect(text).toContain('warn hidden');
  expect(text).not.toContain(String.fromCharCode(27));
  expect(text).toContain('it took too long');
});
