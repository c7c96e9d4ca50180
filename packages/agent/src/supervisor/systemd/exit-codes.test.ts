import { Limits } from '@mainstay/contract/stack';
import { describe, expect, it } from 'vitest';
import { describeBuildEnd } from '../build-outcome.ts';
import type { BuildSpec } from '../supervisor.ts';
import { setupFailure } from './exit-codes.ts';
import { buildEndOf } from './systemd-builder.ts';
import { parseShown } from './units.ts';

const unit = 'mainstay-web-bld_1.service';
const shown = (code: number, status: number, result = 'exit-code') =>
  parseShown(
    `ActiveState=failed\nSubState=failed\nResult=${result}\nExecMainPID=7\nExecMainCode=${code}\nExecMainStatus=${status}`,
  );
const spec: BuildSpec = {
  id: 'bld_1',
  service: 'web',
  release_id: 'rel_1',
  directory: '/srv/web',
  checkout: '/srv/web',
  command: 'make',
  env: {},
  limits: Limits.parse({}),
};
const told = (code: number, status: number, result?: string) => {
  return describeBuildEnd(buildEndOf(shown(code, status, result), unit, spec), spec);
};

describe('a build that systemd could not set up', () => {
  it.each([
    [200, '200/CHDIR', 'folder that it runs in'],
    [203, '203/EXEC', 'may not be run'],
    [217, '217/USER', 'user is not known'],
    [219, '219/CGROUP', 'limits could not be set'],
    [226, '226/NAMESPACE', 'view of the file system'],
    [228, '228/SECCOMP', 'system calls'],
    [240, '240/LOGS_DIRECTORY', 'surroundings'],
    [242, '242/NUMA_POLICY', 'surroundings'],
  ])('with %i tells the step %s, and what to do', (code, step, what) => {
    expect(told(1, code)).toEqual({
      reason: 'cannot_start',
      message: expect.stringMatching(new RegExp(`^The build could not be started: .*${what}.*\\(${step}\\)`)),
      hint: expect.stringMatching(/\. On the server: journalctl -u mainstay-web-bld_1\.service$/),
    });
  });

  it('is told from one that ended by itself, by a signal, or beyond its memory', () => {
    expect(told(1, 4)).toMatchObject({ reason: 'exit', message: expect.stringContaining('exit code 4') });
    expect(told(1, 199)).toMatchObject({ reason: 'exit' });
    expect(told(1, 223)).toMatchObject({ reason: 'exit' });
    expect(told(1, 255)).toMatchObject({ reason: 'exit' });
    expect(told(2, 9)).toMatchObject({ reason: 'exit', message: expect.stringContaining('SIGKILL') });
    expect(told(2, 9, 'oom-kill')).toMatchObject({ reason: 'memory_limit' });
  });
});

describe('codes of systemd', () => {
  it('from 200 to 242 have a name each, but for the two that it no longer uses', () => {
    const codes = Array.from({ length: 43 }, (_, n) => 200 + n);
    expect(codes.filter((code) => setupFailure(code, unit) === null)).toEqual([223, 234]);
    expect(new Set(codes.map((code) => setupFailure(code, unit)?.step)).size).toBe(42);
  });
});
