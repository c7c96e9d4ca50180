import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createHostsNames } from './hosts.ts';
import { namesConformance } from './names.conformance.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mainstay-hosts-'));
  path = join(folder, 'hosts');
});
afterEach(() => rmSync(folder, { recursive: true }));

const debian = '127.0.0.1\tlocalhost\n127.0.1.1\tshop.example shop\n\n# IPv6\n::1 localhost ip6-localhost\n';
const read = () => readFileSync(path, 'latin1');
/** As hosts(5) is read. */
const addressesOf = (text: string, name: string) =>
  text
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim().split(/\s+/))
    .filter(([, ...names]) => names.includes(name))
    .map(([address]) => address ?? '');

for (const [what, content] of [
  ['a file', debian],
  ['a file without a last line feed', debian.trimEnd()],
  ['an empty file', ''],
  ['a file of bytes that are no text', '\xff\xfe 127.0.0.1\r\n\x00x'],
] as const) {
  namesConformance('hosts', async () => {
    writeFileSync(path, content, 'latin1');
    return {
      names: createHostsNames({ path }),
      again: () => createHostsNames({ path }),
      lookUp: async (name) => addressesOf(read(), name),
      snapshot: async () => JSON.stringify([what, readdirSync(folder), read()]),
      tamper: async () => writeFileSync(path, read().replace('127.0.0.1 api', '10.0.0.1 api'), 'latin1'),
      close: async () => {},
    };
  });
}

const wanted = { domain: 'svc.internal', services: [{ name: 'api', port: 37_900 }] };
const block = '# BEGIN mainstay\n127.0.0.1 api.svc.internal\n# END mainstay svc.internal\n';

test('the block stands at the end, so that 127.0.0.1 stays localhost in reverse', async () => {
  writeFileSync(path, debian);
  await createHostsNames({ path }).apply(wanted);
  expect(read()).toBe(`${debian}${block}`);
});

test('what others write, before and behind the block, is kept, also at removal', async () => {
  writeFileSync(path, debian);
  const names = createHostsNames({ path });
  await names.apply(wanted);
  writeFileSync(path, `10.0.0.1 first\n${read()}10.0.0.2 last`);
  expect((await names.observe()).drift).toBe(null);
  await names.apply({ ...wanted, services: [...wanted.services, { name: 'web', port: 37_901 }] });
  await names.remove();
  expect(read()).toBe(`10.0.0.1 first\n${debian}10.0.0.2 last`);
});

test('two lines never become one when others wrote behind a block that had to add a line feed', async () => {
  writeFileSync(path, '127.0.0.1 localhost');
  const names = createHostsNames({ path });
  await names.apply(wanted);
  writeFileSync(path, `${read()}10.0.0.2 last\n`);
  await names.remove();
  expect(read()).toBe('127.0.0.1 localhost\n10.0.0.2 last\n');
});

test.each([
  ['without its end', '# BEGIN mainstay\n127.0.0.1 api.svc.internal\n10.0.0.2 last\n'],
  ['without its beginning', '127.0.0.1 old.svc.internal\n# END mainstay svc.internal\n10.0.0.2 last\n'],
  ['twice', `${block}10.0.0.2 last\n${block}`],
])('a block that stands there %s is drift, and what is not ours survives its repair', async (_what, damaged) => {
  writeFileSync(path, '127.0.0.1 localhost\n');
  const names = createHostsNames({ path });
  await names.apply(wanted);
  writeFileSync(path, `127.0.0.1 localhost\n${damaged}`);
  expect((await names.observe()).drift).toContain('was changed');
  await names.apply(wanted);
  expect(read()).toBe(`127.0.0.1 localhost\n10.0.0.2 last\n${block}`);
  await names.remove();
  expect(read()).toBe('127.0.0.1 localhost\n10.0.0.2 last\n');
});

test('a file that there was not is gone again after removal, unless others wrote into it', async () => {
  const names = createHostsNames({ path });
  await names.apply(wanted);
  await names.apply({ ...wanted, services: [] });
  await names.remove();
  expect(readdirSync(folder)).toEqual([]);
  await names.apply(wanted);
  writeFileSync(path, `${read()}10.0.0.1 other\n`);
  await names.remove();
  expect(read()).toBe('10.0.0.1 other\n');
});

test('the file keeps its mode, and a link to it stays a link', async () => {
  const target = join(folder, 'target');
  writeFileSync(target, debian);
  chmodSync(target, 0o640);
  symlinkSync(target, path);
  await createHostsNames({ path }).apply(wanted);
  expect(statSync(target).mode & 0o777).toBe(0o640);
  expect(read()).toBe(`${debian}${block}`);
  expect(readdirSync(folder).sort()).toEqual(['hosts', 'target']);
});

test('a deleted file is drift', async () => {
  writeFileSync(path, debian);
  const names = createHostsNames({ path });
  await names.apply(wanted);
  rmSync(path);
  expect(await names.observe()).toMatchObject({ state: 'down', drift: expect.stringContaining('was deleted') });
});
