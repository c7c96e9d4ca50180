import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemExec } from '@mainstay/runtime/exec';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createOwnUnit } from './own-unit.ts';
import { unitText } from './unit.ts';

let folder: string;
let unit_file: string;
let wanted_link: string;
let asked: string[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mainstay-unit-'));
  unit_file = join(folder, 'agent.service');
  wanted_link = join(folder, 'wants', 'agent.service');
  asked = [];
});
afterEach(() => rmSync(folder, { recursive: true }));

const text = unitText('/usr/local/bin/mainstay-agent');
/** In the place of systemd, which makes the link. */
const own = () =>
  createOwnUnit({
    unit_file,
    wanted_link,
    wait_ms: 1,
    exec: (argv, options) => {
      asked.push(argv.join(' '));
      if (argv[1] !== 'reenable') return systemExec(['true'], options);
      rmSync(wanted_link, { force: true });
      mkdirSync(join(folder, 'wants'), { recursive: true });
      symlinkSync(unit_file, wanted_link);
      return systemExec(['true'], options);
    },
  });
const install = () => {
  writeFileSync(unit_file, text);
  mkdirSync(join(folder, 'wants'), { recursive: true });
  symlinkSync(unit_file, wanted_link);
};

test('a unit that was edited, deleted or disabled is put back, and started by systemd again', async () => {
  install();
  const unit = own();
  expect(await unit.repair()).toEqual([]);
  for (const change of [
    () => writeFileSync(unit_file, text.replace('Restart=always', 'Restart=no')),
    () => rmSync(unit_file),
    () => rmSync(wanted_link),
  ]) {
    change();
    expect(await unit.repair()).toHaveLength(1);
    expect(readFileSync(unit_file, 'utf8')).toBe(text);
    expect(readFileSync(wanted_link, 'utf8')).toBe(text);
    expect(await unit.repair()).toEqual([]);
  }
  expect(asked.filter((command) => command === 'systemctl daemon-reload')).toHaveLength(3);
});

test('a unit that this version did not write is nobody’s drift', async () => {
  expect(await own().repair()).toEqual([]);
  install();
  writeFileSync(unit_file, '[Service]\nExecStart=/opt/other\n');
  expect(await own().repair()).toEqual([]);
  expect(asked).toEqual([]);
});
