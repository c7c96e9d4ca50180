/** What destroys is signed by a key of the person's own: on a fresh installation without ceremony, on a second device once it is admitted. */
import { execFileSync } from 'node:child_process';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createInstallation, type Installation, type Up } from './installation.ts';

let mainstay: Installation;
let up: Up;

beforeAll(async () => {
  mainstay = await createInstallation();
  up = mainstay.up('--no-agent', '--no-examples');
  await up.says('Ctrl-C stops everything', 120_000);
  const repository = join(mainstay.home, 'repository');
  const git = (...args: string[]) => execFileSync('git', ['-C', mainstay.home, ...args], { stdio: 'pipe' });
  git('init', '-q', '-b', 'main', repository);
  writeFileSync(join(repository, 'index.html'), 'hello');
  git('-C', repository, 'add', '.');
  git('-C', repository, '-c', 'user.name=Ada', '-c', 'user.email=ada@example.org', 'commit', '-q', '-m', 'One');
  for (const stack of ['one', 'two']) {
    const file = join(mainstay.home, `${stack}.yaml`);
    const service = `  ${stack}:\n    source: { git: 'file://${repository}' }\n    run: [node, server.js]\n`;
    writeFileSync(file, `stack: ${stack}\nservices:\n${service}`);
    const applied = await mainstay.cli('apply', '--yes', '-f', file);
    expect(applied.code, applied.stderr).toBe(0);
  }
});

afterAll(() => mainstay.remove());

async function stacks(): Promise<string[]> {
  const { stdout } = await mainstay.cli('stacks', 'list', '--json');
  return (JSON.parse(stdout) as { stacks: { name: string }[] }).stacks.map(({ name }) => name);
}

test('mainstay stacks remove --yes just works where nobody has a key yet: one is made, registered and used', async () => {
  const { code, stdout, stderr } = await mainstay.cli('stacks', 'remove', 'one', '--yes');
  expect({ code, stdout }, stderr).toMatchObject({ code: 0, stdout: expect.stringMatching(/^✓ /) });
  expect(stderr).toMatch(
    /Made the key of this device and registered it, as the first of all \(fingerprint [0-9a-f]{64}\)/,
  );
  expect(await stacks()).toEqual(['two']);
  const file = join(mainstay.home, 'people', 'first', '.config', 'mainstay', 'device-key.json');
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test('on a second device the key waits, and the error says how it is admitted; then it works', async () => {
  const second = mainstay.device('second');
  const refused = await second('stacks', 'remove', 'two', '--yes');
  expect(refused.code, refused.stderr).toBe(3);
  expect(await stacks()).toEqual(['two']);
  const admit = /mainstay (keys admit [0-9a-f]{64})/.exec(refused.stderr)![1]!;
  const confirm = /mainstay (ops confirm op_[0-9a-f]{32})/.exec(refused.stderr)![1]!;
  const admitted = await mainstay.cli(...admit.split(' '));
  expect(admitted.code, admitted.stderr).toBe(0);
  const confirmed = await second(...confirm.split(' '), '--yes');
  expect(confirmed.code, confirmed.stderr).toBe(0);
  expect(await stacks()).toEqual([]);
});
