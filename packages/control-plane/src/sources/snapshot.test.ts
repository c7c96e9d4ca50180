import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createGit, type Exec, systemExec } from '@mainstay/runtime';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { refusal } from '../testing/refusal.ts';
import { type SnapshotLimits, snapshotLimits } from './look.ts';
import { proposeServices } from './propose.ts';
import { withSnapshot } from './snapshot.ts';
import { type GitRepository, makeGitRepository } from './testing/repositories.ts';

let at: GitRepository;
let temporary = '';
let home = '';
const tmpdir_before = process.env['TMPDIR'];
beforeEach(() => {
  at = makeGitRepository();
  home = mkdtempSync(join(tmpdir(), 'mainstay-home-'));
  temporary = mkdtempSync(join(tmpdir(), 'mainstay-tmp-'));
  process.env['TMPDIR'] = temporary;
});
afterEach(() => {
  if (tmpdir_before === undefined) delete process.env['TMPDIR'];
  else process.env['TMPDIR'] = tmpdir_before;
  // Whatever happened, nothing is left behind.
  expect(readdirSync(temporary)).toEqual([]);
  rmSync(temporary, { recursive: true });
  rmSync(home, { recursive: true });
  at.remove();
});

const runWith = (exec: Exec) => createGit({ folder: join(home, 'git'), exec });

/** What a snapshot says, and the files that were asked for. */
async function look(
  ref: string | null = null,
  files: string[] = [],
  limits: Partial<SnapshotLimits> = {},
  git = at.path,
) {
  const remote = { git, credential: null, run: runWith(systemExec) };
  return withSnapshot(
    remote,
    ref,
    async (snapshot) => {
      const texts: (string | null)[] = [];
      for (const file of files) texts.push(await snapshot.read(file));
      const made = readdirSync(temporary).flatMap((name) => readdirSync(join(temporary, name)));
      return { ...snapshot, texts, notes: snapshot.notes(), made };
    },
    { ...snapshotLimits, ...limits },
  );
}

describe('a snapshot', () => {
  it('is of one exact commit, with nothing checked out', async () => {
    at.commit({ 'package.json': '{}', 'src/a.ts': 'a' }, 'First');
    const commit = at.commit({ 'src/b/c.ts': 'c' }, 'Grüße an "alle"\n\nwith a body');
    const seen = await look(null, ['src/b/c.ts', 'src/none.ts']);
    expect(seen).toMatchObject({ ref: 'main', commit, subject: 'Grüße an "alle"', author: 'Ada', texts: ['c', null] });
    expect(seen.at).toBe(Number(at.git('log', '-1', '--format=%ct')) * 1_000);
    expect(seen.paths.toSorted()).toEqual(['package.json', 'src/a.ts', 'src/b/c.ts']);
    expect(seen.made).not.toContain('src');
    expect(seen.made).not.toContain('package.json');
  });

  it('is of the branch, tag or commit that was asked for', async () => {
    const first = at.commit({ a: '1' });
    at.git('tag', 'v1');
    at.git('tag', '--annotate', 'v1-annotated', '--message', 'x');
    at.git('branch', 'both');
    const second = at.commit({ a: '2' });
    at.git('tag', 'both');
    at.git('branch', 'feature/x');
    for (const [ref, commit] of [
      ['v1', first],
      ['v1-annotated', first],
      ['feature/x', second],
      ['refs/tags/v1', first],
      ['both', first],
      ['HEAD', second],
      [second, second],
    ] as const) {
      expect(await look(ref), ref).toMatchObject({ ref, commit });
    }
  });

  it('is had of a commit from a time that no clock shows', async () => {
    at.commit({ a: '1' });
    const tree = at.git('rev-parse', 'HEAD^{tree}');
    const who = 'Ada <ada@example.org> 99999999999999999 +0000';
    at.write('odd', `tree ${tree}\nauthor ${who}\ncommitter ${who}\n\nLate\n`);
    const commit = at.git('hash-object', '-t', 'commit', '--literally', '-w', 'odd');
    at.git('update-ref', 'refs/heads/odd', commit);
    const seen = await look('odd');
    expect(seen).toMatchObject({ commit, subject: 'Late' });
    expect(Number.isSafeInteger(seen.at)).toBe(true);
  });

  it('is had of repositories with SHA-256 too', async () => {
    at.remove();
    at = makeGitRepository(['--object-format=sha256'], join(temporary, '..'));
    const commit = at.commit({ a: '1' });
    expect(commit).toHaveLength(64);
    expect(await look(null, ['a'])).toMatchObject({ commit, texts: ['1'] });
    expect(await look('main')).toMatchObject({ commit });
    expect(await look(commit)).toMatchObject({ commit });
  });

  it('follows no symlink and no submodule', async () => {
    at.commit({ 'package.json': null, 'real/a': 'a' });
    const { path } = at;
    at.git('-c', 'protocol.file.allow=always', 'submodule', 'add', '--quiet', path, 'inner');
    at.git('commit', '--quiet', '--message', 'Add it');
    const seen = await look(null, ['package.json', 'inner', 'inner/real/a']);
    expect(seen.texts).toEqual([null, null, null]);
    expect(seen.paths.toSorted()).toEqual(['.gitmodules', 'real/a']);
  });

  it('does not list what was installed or lies too deep', async () => {
    at.commit({ 'node_modules/x/package.json': '{}', 'a/b/c/d/e/f/g': '', 'a/vendor/x': '', ok: '' });
    const seen = await look();
    expect(seen.paths).toEqual(['ok']);
  });
});

describe('a file', () => {
  it.each([
    ['is not fetched where the host can leave it out', true],
    ['is not read where the host sends it all the same', false],
  ])('that is too large %s', async (_, can_filter) => {
    at.git('config', 'uploadpack.allowFilter', String(can_filter));
    at.commit({ 'package.json': `{"x": "${'x'.repeat(300 * 1024)}"}`, 'ok.json': '{}' });
    const seen = await look(null, ['package.json', 'ok.json'], {}, `file://${at.path}`);
    expect(seen.texts).toEqual([null, '{}']);
    expect(seen.notes).toEqual(['package.json was not read: it is larger than 256 KiB.']);
  });

  it('that is no text is not read, and a byte order mark is no part of one', async () => {
    at.commit({ Procfile: Buffer.from([0x77, 0, 0xff]), 'package.json': '\ufeff{}', latin: Buffer.from([0xe4, 0x0a]) });
    const seen = await look(null, ['Procfile', 'package.json', 'latin']);
    expect(seen.texts).toEqual([null, '{}', '\ufffd\n']);
    expect(seen.notes).toEqual(['Procfile was not read: it is no text.']);
  });

  it('may be called anything', async () => {
    const names = ['-rf', ':(glob)*', 'a\nb', '"quoted"', '*', 'ü', '$(id)', 'd/:x/f'];
    at.commit(Object.fromEntries(names.map((name) => [name, name])));
    const seen = await look(null, names);
    expect(seen.texts).toEqual(names);
    const proposed = await proposeServices({ ...seen, read: async () => 'x' }, 'shop', '');
    expect(proposed.proposals).toEqual([]);
  });
});

describe('a bound', () => {
  it('on entries leaves out what is deepest, and says so', async () => {
    at.commit({ 'a/1': '', 'a/2': '', 'a/3/4': '', z: '' });
    const seen = await look(null, [], { entries_max: 4 });
    expect(seen.paths.toSorted()).toEqual(['a/1', 'a/2', 'z']);
    expect(seen.notes.join()).toMatch(/more than 4 files and folders; the deepest were not looked at/);
  });

  it('on files that are read holds, and each is read once', async () => {
    at.commit({ a: 'a', b: 'b', c: 'c' });
    const seen = await look(null, ['a', 'a', 'b', 'c'], { files_read_max: 2 });
    expect(seen.texts).toEqual(['a', 'a', 'b', null]);
    expect(seen.notes.join()).toMatch(/Only 2 files were read/);
  });

  it('on what is fetched ends the fetch', async () => {
    at.commit({ noise: randomBytes(4_000_000) });
    // The size is looked at while git works, so that a small repository may be through before.
    const slow: typeof systemExec = (argv, options) =>
      systemExec(
        argv[0] === 'git' && argv.includes('fetch') ? ['/bin/sh', '-c', '"$@"; sleep 20', 'sh', ...argv] : argv,
        options,
      );
    const remote = { git: at.path, credential: null, run: runWith(slow) };
    const limits = { ...snapshotLimits, fetched_bytes_max: 1024 * 1024 };
    const error = await refusal(withSnapshot(remote, null, async () => null, limits));
    expect(error).toMatchObject({
      code: 'SourceUnavailable',
      field: 'git',
      message: expect.stringMatching(/larger than 1 MiB/),
    });
  });

  it('on time ends the look', async () => {
    at.commit({ a: '' });
    const slow: typeof systemExec = (argv, options) =>
      systemExec(argv.includes('ls-tree') ? ['sleep', '60'] : argv, options);
    const remote = { git: at.path, credential: null, run: runWith(slow) };
    const error = await refusal(withSnapshot(remote, null, async () => null, { ...snapshotLimits, time_ms: 3_000 }));
    expect(error).toMatchObject({
      code: 'SourceUnavailable',
      field: 'git',
      message: expect.stringMatching(/within 3 s/),
    });
  });
});

describe('a source that cannot be used is refused', () => {
  it.each([
    ['a folder that is not there', null, '/nowhere/at/all', 'git', /is not there, or is no Git repository/],
    ['a branch that is not there', 'nope', null, 'ref', /has no branch or tag "nope"/],
    ['a commit that is not there', `${'0'.repeat(39)}1`, null, 'ref', /The commit or ref is not in/],
    ['a tag of a file', 'blob', null, 'ref', /is no commit/],
  ])('%s', async (_, ref, git, field, message) => {
    at.commit({ a: 'a' });
    at.git('tag', 'blob', at.git('rev-parse', 'HEAD:a'));
    const error = await refusal(look(ref, [], {}, git ?? at.path));
    expect(error).toMatchObject({ code: 'SourceUnavailable', field, message: expect.stringMatching(message) });
  });

  it('one without a commit', async () => {
    const error = await refusal(look());
    expect(error).toMatchObject({
      code: 'SourceUnavailable',
      field: 'ref',
      message: expect.stringMatching(/no commit yet/),
    });
  });

  it('one whose reader has gone, and nothing of it is left', async () => {
    at.commit({ a: 'a' });
    const remote = { git: at.path, credential: null, run: runWith(systemExec), signal: AbortSignal.abort() };
    expect(await refusal(withSnapshot(remote, null, async () => null))).toMatchObject({ code: 'SourceUnavailable' });
  });
});
