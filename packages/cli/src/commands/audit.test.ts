/** The audit commands that need no control plane, over an export and a mirror as the control plane writes them. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { chainHash, exportLine, genesisOf } from '@mainstay/contract/audit';
import { canonicalJson } from '@mainstay/contract/canonical';
import { newId } from '@mainstay/contract/ids';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { registrations } from '../registrations.ts';
import { runCli } from '../run.ts';
import { createCapturedTerminal } from '../terminal/captured-terminal.ts';

let folder = '';
let lines: string[] = [];
let header = '';
let head = { seq: 0, hash: '' };
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mainstay-cli-audit-'));
  const installation_id = newId('installation');
  const genesis = await genesisOf(installation_id);
  header = canonicalJson({ mainstay_audit: 1, installation_id, genesis, whole: true, anchors: [] });
  lines = [];
  head = { seq: 0, hash: genesis };
  for (let seq = 1; seq <= 5; seq += 1) {
    const nothing = { actor: null, operation: null, operation_id: null, run_id: null, plan_hash: null };
    const entry = {
      id: newId('audit'),
      at: seq,
      kind: 'receipt',
      target: 'stack/shop',
      outcome: null,
      data: {},
      ...nothing,
    };
    const body = canonicalJson(entry);
    const hash = await chainHash(seq, head.hash, body);
    lines.push(exportLine(seq, head.hash, hash, body));
    head = { seq, hash };
  }
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function verify(...args: string[]) {
  const terminal = createCapturedTerminal({ cwd: folder });
  const code = await runCli(['audit', 'verify', ...args], terminal, registrations);
  return { code, stdout: terminal.stdout(), stderr: terminal.stderr() };
}
function verifyFile(text: readonly string[], ...more: string[]) {
  writeFileSync(join(folder, 'audit.jsonl'), `${text.join('\n')}\n`);
  return verify('--file', 'audit.jsonl', ...more);
}
const whole = () => [header, ...lines, canonicalJson({ end: head })];

it('a whole export is told to be so, with its head', async () => {
  const { code, stdout } = await verifyFile(whole());
  expect([code, stdout]).toEqual([0, expect.stringContaining('numbers 1 to 5')]);
  expect(stdout).toContain(head.hash);
});

it('an edited entry is named by number and id, and the exit code is 1', async () => {
  const { id } = (JSON.parse(lines[2]!) as { body: { id: string } }).body;
  const { code, stdout } = await verifyFile(whole().with(3, lines[2]!.replace('shop', 'shap')));
  expect([code, stdout]).toEqual([1, expect.stringContaining(`Entry ${id}, number 3, was edited`)]);
});

it('an export that was cut off is told, also where its end was made anew, if its head was noted', async () => {
  expect(await verifyFile(whole().slice(0, -1))).toMatchObject({ code: 1, stdout: expect.stringMatching(/cut off/) });
  expect((await verifyFile(whole().toSpliced(5, 1))).code).toBe(1);
  const { seq, hash } = JSON.parse(lines[3]!) as { seq: number; hash: string };
  const shorter = [header, ...lines.slice(0, 4), canonicalJson({ end: { seq, hash } })];
  expect((await verifyFile(shorter)).code).toBe(0);
  const { code, stdout } = await verifyFile(shorter, '--expect', `5:${head.hash}`);
  expect([code, stdout]).toEqual([1, expect.stringMatching(/ends at number 4/)]);
  expect((await verifyFile(whole(), '--expect', `4:${'0'.repeat(64)}`)).code).toBe(1);
});

it('what is no whole export is refused with the field', async () => {
  expect(await verify('--file', 'nothing')).toMatchObject({ code: 2, stderr: expect.stringMatching(/ENOENT/) });
  expect(await verifyFile(lines)).toMatchObject({ code: 2, stderr: expect.stringMatching(/no header/) });
  const part = [header.replace('"whole":true', '"whole":false'), ...lines];
  expect(await verifyFile(part)).toMatchObject({ code: 2, stderr: expect.stringMatching(/filter/) });
  expect(await verifyFile(whole(), '--expect', 'x')).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/expect/),
  });
});

it('a mirror is verified with the signature of its newest commit, and without one is refused', async () => {
  const clone = join(folder, 'clone');
  const key = join(folder, 'key');
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'x', '-f', key]);
  const public_key = execFileSync('ssh-keygen', ['-y', '-f', key], { encoding: 'utf8' }).trim();
  writeFileSync(join(folder, 'signers'), `audit@mainstay namespaces="git" ${public_key}\n`);
  const git = (...args: string[]) =>
    execFileSync('git', ['-C', clone, '-c', 'user.name=x', '-c', 'user.email=audit@mainstay', ...args], {
      stdio: 'pipe',
    });
  const put = (name: string, text: string) => {
    mkdirSync(dirname(join(clone, name)), { recursive: true });
    writeFileSync(join(clone, name), text);
  };
  execFileSync('git', ['init', '--quiet', clone]);
  put('chain.json', `${header}\n`);
  put('2026/01/01-0001.jsonl', `${lines.slice(0, 3).join('\n')}\n`);
  put('2026/01/02-0001.jsonl', `${lines.slice(3).join('\n')}\n`);
  git('add', '-A');
  git('commit', '--quiet', '-m', 'x');
  expect(await verify('--mirror', 'clone', '--allowed-signers', 'signers')).toMatchObject({ code: 2 });
  const signed = [
    '-c',
    'gpg.format=ssh',
    '-c',
    `user.signingkey=${key}`,
    'commit',
    '--quiet',
    '-S',
    '--amend',
    '-m',
    'x',
  ];
  git(...signed);
  expect(await verify('--mirror', 'clone', '--allowed-signers', 'signers')).toMatchObject({ code: 0 });
  put('2026/01/02-0001.jsonl', `${lines[4]!}\n`);
  git('add', '-A');
  git(...signed);
  const { code, stdout } = await verify('--mirror', 'clone', '--allowed-signers', 'signers');
  expect([code, stdout]).toEqual([1, expect.stringMatching(/Entry number 4 was deleted/)]);
});
