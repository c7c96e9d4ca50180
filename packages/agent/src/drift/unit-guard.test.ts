/** Units and drop-ins in folders of our own; only systemctl is another, which says when a unit was started. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { systemExec } from '@mainstay/runtime/exec';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { uninstall_drop_in } from '../installation/unit.ts';
import { createUnitGuard, type GuardedUnit, type UnitGuardOptions } from './unit-guard.ts';

let folder: string;
let etc: string;
let run: string;
let asked: string[];
let renewed: string[];
let started_at: number;
let web: GuardedUnit & { file: object };
const proxy: GuardedUnit = { name: 'mainstay-haproxy.service', file: null, service: null };

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mainstay-units-'));
  [etc, run] = [join(folder, 'etc'), join(folder, 'run')];
  asked = [];
  renewed = [];
  started_at = 1;
  const name = 'mainstay-web-ins_1.service';
  web = { name, file: { path: join(run, name), text: '[Service]\nExecStart=web\n' }, service: 'web' };
  put(web.file.path, web.file.text);
});
afterEach(() => rmSync(folder, { recursive: true }));

const exec: UnitGuardOptions['exec'] = (argv, options) => {
  asked.push(argv.slice(1).join(' '));
  return systemExec(argv[1] === 'show' ? ['echo', `@${started_at}`] : ['true'], options);
};
const guard = () => createUnitGuard({ units: () => [proxy, web], folders: [etc, run], exec });
const repair = () => guard().repair((service) => renewed.push(service));
function put(path: string, text = '[Service]\nMemoryMax=1M\n'): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
}

test('units as they were written are nobody’s drift, and cost no command', async () => {
  put(join(etc, 'mainstay-panel.service.d', 'own.conf'));
  put(join(etc, 'service.d', 'all.conf'));
  put(join(etc, 'nginx.service.d', 'own.conf'));
  expect(await repair()).toEqual([]);
  expect(asked).toEqual([]);
});

test.each([
  ['of the proxy', 'etc/mainstay-haproxy.service.d/override.conf', 'mainstay-haproxy.service'],
  ['of a service', 'run/mainstay-web-ins_1.service.d/50-MemoryMax.conf', 'mainstay-web-ins_1.service'],
  ['of all releases of a service', 'etc/mainstay-web-.service.d/x.conf', 'mainstay-web-ins_1.service'],
  ['of all of Mainstay', 'etc/mainstay-.service.d/x.conf', 'mainstay-haproxy.service'],
])('a drop-in %s is told, taken away, and forgotten by systemd', async (_, place, unit) => {
  const path = put(join(folder, place));
  const [found, ...others] = await repair();
  expect(others).toEqual([]);
  expect(found).toMatchObject({ what: path, found: 'an override', expected: expect.stringContaining(unit) });
  expect(found!.changed_at).toBeGreaterThan(Date.now() - 60_000);
  expect(existsSync(dirname(path))).toBe(false);
  expect(asked.at(-1)).toBe('daemon-reload');
  expect(renewed).toEqual([]);
  expect(await repair()).toEqual([]);
});

test('the file of a running service that was edited or deleted is written again', async () => {
  for (const change of [() => writeFileSync(web.file.path, '[Service]\n'), () => rmSync(web.file.path)]) {
    change();
    expect(await repair()).toMatchObject([{ what: web.file.path }]);
    expect(readFileSync(web.file.path, 'utf8')).toBe(web.file.text);
    expect(await repair()).toEqual([]);
  }
  expect(asked).toEqual(['daemon-reload', 'daemon-reload']);
});

test('what was started under an override is started again', async () => {
  started_at = Math.ceil(Date.now() / 1000) + 60;
  put(join(etc, 'mainstay-.service.d', 'x.conf'));
  await repair();
  expect(renewed).toEqual(['web']);
  expect(asked.slice(-2)).toEqual(['daemon-reload', 'try-restart --no-block -- mainstay-haproxy.service']);
});

test('a folder of drop-ins that is a link is taken away, and what it leads to stays', async () => {
  const path = put(join(folder, 'others', 'x.conf'));
  mkdirSync(etc, { recursive: true });
  symlinkSync(dirname(path), join(etc, 'mainstay-haproxy.service.d'));
  expect(await repair()).toMatchObject([{ what: join(etc, 'mainstay-haproxy.service.d') }]);
  expect(existsSync(path)).toBe(true);
  expect(await repair()).toEqual([]);
});

test('the drop-in of uninstalling is left where it is, and nothing else under its name', async () => {
  const agent: GuardedUnit = { name: 'mainstay-agent.service', file: null, service: null };
  const path = put(join(run, 'mainstay-agent.service.d', 'uninstall.conf'), uninstall_drop_in.text);
  const repaired = createUnitGuard({ units: () => [agent], folders: [run], exec, uninstall_path: path });
  expect(await repaired.repair(() => {})).toEqual([]);
  writeFileSync(path, '[Service]\nExecStartPre=/tmp/x\n');
  expect(await repaired.repair(() => {})).toHaveLength(1);
});
