/** The first start on a machine that lacks something: what cannot be had is said, and the rest runs. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createInstallation, type Installation, type Up } from './installation.ts';

let folder: string;
let mainstay: Installation;
let up: Up;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mainstay-poor-'));
  mainstay = await createInstallation({ PATH: pathWithout(/^(npm|npx|python.*)$/) });
  up = mainstay.up('--proxy-port', String(mainstay.proxy_port));
  await up.says('Ctrl-C stops everything', 120_000);
});

afterAll(async () => {
  await mainstay.remove();
  rmSync(folder, { recursive: true, force: true });
});

test('without python3, the clock is left out of the example, and that is said', async () => {
  expect(up.said()).toContain(`Left out the example's "clock": there is no python3`);
  const { stdout } = await mainstay.cli('services', 'list', '--json');
  expect(stdout).not.toContain('clock');
});

test('a build that fails is told with its reason, and Mainstay goes on', async () => {
  expect(up.said()).toMatch(/api failed at build: .*\n?.*npm/s);
  expect(up.said()).toMatch(/Mainstay runs; the stack is (failed|degraded)\./);
  expect((await mainstay.cli('status', '--json')).code).toBe(1);
  expect((await fetch(`${mainstay.url}/readyz`)).status).toBe(200);
});

test('it stops in order all the same', async () => {
  up.child.kill('SIGINT');
  expect(await up.ended).toEqual({ code: 0, signal: null });
  expect(mainstay.processes()).toEqual([]);
});

/** A folder with what the machine has but for some programs, as the whole PATH. */
function pathWithout(names: RegExp): string {
  const programs = join(folder, 'bin');
  mkdirSync(programs);
  const taken = new Set<string>();
  for (const source of ['/usr/local/bin', '/usr/bin', '/bin', '/usr/sbin', '/sbin']) {
    for (const name of readableNames(source)) {
      if (names.test(name) || taken.has(name)) continue;
      taken.add(name);
      symlinkSync(join(source, name), join(programs, name));
    }
  }
  return programs;
}

function readableNames(source: string): string[] {
  try {
    return readdirSync(source);
  } catch {
    return [];
  }
}
