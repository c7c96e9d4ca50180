import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  appendFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type Exec, systemExec } from '@mainstay/runtime/exec';
import type { GitCredential } from '@mainstay/runtime/git';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { canMount, onSmallDisk, temporaryFolder, until } from '../supervisor/supervisor.fixtures.ts';
import { createRepository, has_http_backend, type Repository, serveGit } from './git-server.fixtures.ts';
import { createGitWorkspace } from './git-workspace.ts';
import type { SyncOutcome, Workspace } from './workspace.ts';

const build_id = `bld_${'a'.repeat(24)}`;
const other_id = `bld_${'b'.repeat(24)}`;
const token = 'ghp_verysecrettoken1234567890';

describe('git workspace', () => {
  let folder: ReturnType<typeof temporaryFolder>;
  let home: string;
  let repository: Repository;
  let workspace: Workspace;
  let calls: { argv: readonly string[]; env: Record<string, string> }[];

  /** Runs the real program, and keeps what it was given. */
  const exec: Exec = (argv, options) => {
    calls.push({ argv, env: options?.env ?? {} });
    return systemExec(argv, options);
  };

  beforeEach(() => {
    folder = temporaryFolder();
    home = join(folder.path, 'a home');
    mkdirSync(home);
    calls = [];
    repository = createRepository(join(folder.path, 'repositories', 'app.git'));
    workspace = createGitWorkspace({ home, exec });
  });

  afterEach(() => folder.remove());

  type Given = { git?: string; ref?: string; commit?: string; root?: string; id?: string; credential?: GitCredential };

  function checkout(given: Given, signal = new AbortController().signal): Promise<SyncOutcome> {
    const { id = build_id, credential = null, ...source } = given;
    const whole = { git: repository.path, ref: 'main', commit: '', root: '.', credential: null, ...source };
    return workspace.checkout(id, whole, credential, signal);
  }

  it('a commit is checked out as it was, later ones notwithstanding, in files of its own', async () => {
    const first = repository.commit({ 'app/run.sh': 'first', 'app/link': { link: 'run.sh' } });
    repository.commit({ 'app/run.sh': 'second' });
    const outcome = await checkout({ commit: first, root: 'app' });
    if (!outcome.ok) throw new Error(outcome.message);
    expect(readFileSync(join(outcome.directory, 'run.sh'), 'utf8')).toBe('first');
    expect(lstatSync(join(outcome.directory, 'link')).isSymbolicLink()).toBe(true);
    expect(statSync(join(outcome.directory, 'run.sh')).nlink).toBe(1);
    appendFileSync(join(outcome.directory, 'run.sh'), ' and more');
    const again = await checkout({ commit: first, id: other_id });
    if (!again.ok) throw new Error(again.message);
    expect(readFileSync(join(again.checkout, 'app/run.sh'), 'utf8')).toBe('first');
    expect(readdirSync(join(home, 'builds')).sort()).toEqual([build_id, other_id]);
  });

  it('a commit that was checked out says who made it and why, and one that was not says nothing', async () => {
    const first = repository.commit({ a: 'a' });
    repository.git('commit', '--quiet', '--allow-empty', '--message=Say \u001b[1mhi\nto all\n\nAt length.');
    const commit = repository.git('rev-parse', 'HEAD');
    const describe = (id: string) => {
      const source = { git: repository.path, ref: 'main', commit: id, root: '.', credential: null };
      return workspace.describeCommit(source, new AbortController().signal);
    };
    expect(await describe(commit)).toBeNull();
    await checkout({ commit });
    expect(await describe(commit)).toEqual({
      subject: 'Say  [1mhi to all',
      author: 'Test',
      committed_at: Number(repository.git('log', '-1', '--format=%ct')) * 1000,
    });
    expect(await describe(first)).toBeNull();
  });

  it('file URLs work, and so do repositories of SHA-256', async () => {
    const commit = repository.commit({ a: 'a' });
    expect(await checkout({ commit, git: `file://${repository.path}` })).toMatchObject({ ok: true });
    const modern = createRepository(join(folder.path, 'modern.git'), ['--object-format=sha256']);
    expect(await checkout({ commit: modern.commit({ a: 'a' }), git: modern.path })).toMatchObject({ ok: true });
  });

  it('a commit that was left behind by a force push is found while the server still gives it', async () => {
    const old = repository.commit({ a: 'old' });
    repository.git('commit', '--quiet', '--amend', '--message=Another');
    expect(await checkout({ commit: old })).toMatchObject({ ok: true });
  });

  it('a server that gives only what refs point to is asked for the ref, then for everything', async () => {
    const first = repository.commit({ a: '1' });
    const second = repository.commit({ a: '2' });
    repository.git('checkout', '--quiet', '-b', 'side');
    const side = repository.commit({ a: '3' });
    // Protocol 0 gives only the tips of refs by name; the configuration of the agent's git is where it is chosen.
    appendFileSync(join(home, 'git/config'), '[protocol]\n\tversion = 0\n');
    for (const commit of [first, second, side]) {
      const outcome = await checkout({ commit, ref: 'main' });
      expect(outcome, commit).toMatchObject({ ok: true });
    }
    expect(readFileSync(join(home, 'builds', build_id, 'a'), 'utf8')).toBe('3');
  });

  it('a commit that is not there is told, and leaves nothing', async () => {
    repository.commit({ a: 'a' });
    const outcome = await checkout({ commit: 'b'.repeat(40) });
    expect(outcome).toMatchObject({ ok: false, message: expect.stringContaining('b'.repeat(40)) });
    expect(readdirSync(join(home, 'builds'))).toEqual([]);
  });

  it.each([
    ['/no/such/repository', /is not there, or is no Git repository/],
    ['https://host.invalid/app.git', /host name .* cannot be resolved/],
    ['http://127.0.0.1:1/app.git', /cannot be reached/],
    ['ext::sh -c id', /source\.git/],
    ['--upload-pack=touch /tmp/pwned', /source\.git/],
    ['fd::17', /source\.git/],
  ])('the URL %s gives a clear error', async (git, message) => {
    const outcome = await checkout({ git, commit: 'b'.repeat(40) });
    expect(outcome).toMatchObject({ ok: false, message: expect.stringMatching(message) });
  });

  it.each(['--upload-pack=touch pwned', '-x', 'a b', 'main:refs/heads/x'])('the ref %s is refused', async (ref) => {
    const outcome = await checkout({ ref, commit: 'b'.repeat(40) });
    expect(outcome).toMatchObject({ ok: false, message: expect.stringContaining('source.ref') });
    expect(calls).toEqual([]);
  });

  it('git gets the URL behind the end of options, only allowed protocols, and no configuration but its own', async () => {
    const commit = repository.commit({ a: 'a' });
    await checkout({ commit });
    const fetch = calls.find(({ argv }) => argv.includes('fetch'));
    expect(fetch?.argv.indexOf('--end-of-options')).toBe((fetch?.argv.indexOf(repository.path) ?? 0) - 1);
    expect(fetch?.env).toMatchObject({
      GIT_ALLOW_PROTOCOL: 'file:git:http:https:ssh',
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_CONFIG_GLOBAL: join(home, 'git/config'),
      GIT_TERMINAL_PROMPT: '0',
    });
    const effective = spawnSync('git', ['config', '--list'], {
      env: { ...fetch?.env, PATH: process.env['PATH'] },
      cwd: home,
    });
    expect(effective.stdout.toString()).toMatch(/core\.hookspath=\/dev\/null/);
    expect(effective.stdout.toString()).toMatch(/protocol\.ext\.allow=never/);
  });

  it('hooks and filters of a repository are never run', async () => {
    const mark = join(folder.path, 'ran');
    const commit = repository.commit({ '.gitattributes': '* filter=evil\n', a: 'a' });
    repository.git('config', 'filter.evil.smudge', `touch "${mark}"`);
    writeFileSync(join(repository.path, '.git/hooks/post-checkout'), `#!/bin/sh\ntouch "${mark}"\n`, { mode: 0o755 });
    expect(await checkout({ commit })).toMatchObject({ ok: true });
    expect(existsSync(mark)).toBe(false);
  });

  it.each([
    ['out', /leads outside/],
    ['deep/out', /leads outside/],
    ['loop', /not in the commit/],
    ['file', /is a file/],
    ['missing', /not in the commit/],
    ['../..', /source\.root/],
    ['/etc', /source\.root/],
  ])('the root directory %s is refused', async (root, message) => {
    const commit = repository.commit({
      file: 'x',
      out: { link: '/etc' },
      'deep/out': { link: '../../..' },
      loop: { link: 'loop' },
    });
    const outcome = await checkout({ commit, root });
    expect(outcome).toMatchObject({ ok: false, message: expect.stringMatching(message) });
    if (!outcome.ok) expect(outcome.message).toContain('source.root');
    expect(readdirSync(home)).not.toContain(build_id);
  });

  it('a root directory may be a symlink inside, and is looked at again once a build had its hands on it', async () => {
    const commit = repository.commit({ 'real/a': 'a', inside: { link: 'real' } });
    const outcome = await checkout({ commit, root: 'inside' });
    expect(outcome).toMatchObject({ ok: true, directory: join(home, 'builds', build_id, 'real') });
    rmSync(join(home, 'builds', build_id, 'inside'));
    spawnSync('ln', ['-s', '/etc', join(home, 'builds', build_id, 'inside')]);
    await workspace.commitBuild(build_id);
    expect(await workspace.locate(build_id, 'inside')).toMatchObject({ ok: false });
    expect(await workspace.locate(build_id, 'real')).toMatchObject({ ok: true });
  });

  it('submodules and LFS are not passed over in silence', async () => {
    const commit = repository.commit({ '.gitmodules': '', '.gitattributes': '*.bin filter=lfs diff=lfs\n' });
    const outcome = await checkout({ commit });
    expect(outcome).toMatchObject({
      ok: true,
      notes: [expect.stringMatching(/submodules/), expect.stringMatching(/LFS/)],
    });
  });

  it('a build is whole only once it was committed, and no more once it was discarded', async () => {
    const commit = repository.commit({ a: 'a' });
    await expect(workspace.commitBuild(build_id)).rejects.toMatchObject({ code: 'NotFound' });
    await checkout({ commit });
    expect(await workspace.hasBuild(build_id)).toBe(false);
    await workspace.commitBuild(build_id);
    await workspace.commitBuild(build_id);
    expect(await workspace.hasBuild(build_id)).toBe(true);
    expect(await createGitWorkspace({ home }).hasBuild(build_id)).toBe(true);
    await workspace.discardBuild(build_id);
    await workspace.discardBuild(build_id);
    expect(await workspace.hasBuild(build_id)).toBe(false);
    expect(existsSync(join(home, 'builds', build_id))).toBe(false);
  });

  it('a build that another boot left counts only when all of it had reached the disk', async () => {
    await checkout({ commit: repository.commit({ a: 'a' }) });
    await workspace.commitBuild(build_id);
    const marker = join(home, 'builds', `${build_id}.whole`);
    await until('it is noted as synced', () => readFileSync(marker, 'utf8').includes('"is_synced":true'));
    writeFileSync(marker, JSON.stringify({ boot_id: 'another', is_synced: true }));
    expect(await workspace.hasBuild(build_id)).toBe(true);
    writeFileSync(marker, JSON.stringify({ boot_id: 'another', is_synced: false }));
    expect(await workspace.hasBuild(build_id)).toBe(false);
    writeFileSync(marker, '');
    expect(await workspace.hasBuild(build_id)).toBe(false);
  });

  it('prune keeps what is named and removes the rest, read-only folders included', async () => {
    const commit = repository.commit({ a: 'a' });
    const other = createRepository(join(folder.path, 'other.git'));
    const other_commit = other.commit({ b: 'b' });
    await checkout({ commit });
    await checkout({ commit: other_commit, git: other.path, id: other_id });
    await workspace.commitBuild(build_id);
    mkdirSync(join(home, 'builds', other_id, 'cache', 'deep'), { recursive: true });
    spawnSync('chmod', ['-R', 'a-w', join(home, 'builds', other_id, 'cache')]);
    const removed = await workspace.prune({ build_ids: new Set([build_id]), urls: new Set([repository.path]) });
    expect(removed).toEqual([other_id, expect.stringMatching(/\.git$/)]);
    expect(readdirSync(join(home, 'builds')).sort()).toEqual([build_id, `${build_id}.whole`]);
    expect(readdirSync(join(home, 'repositories'))).toHaveLength(1);
  });

  it('checkouts of one repository at the same time do not disturb each other', async () => {
    const commits = ['1', '2', '3', '4'].map((text) => repository.commit({ a: text }));
    const ids = commits.map((_, i) => `bld_${String(i).repeat(24)}`);
    const outcomes = await Promise.all(commits.map((commit, i) => checkout({ commit, id: ids[i]! })));
    expect(outcomes.map((outcome) => outcome.ok)).toEqual([true, true, true, true]);
    expect(ids.map((id) => readFileSync(join(home, 'builds', id, 'a'), 'utf8'))).toEqual(['1', '2', '3', '4']);
  });

  it('a mirror that is damaged or locked by a crash is made anew', async () => {
    await checkout({ commit: repository.commit({ a: '1' }) });
    const [mirror] = readdirSync(join(home, 'repositories'));
    writeFileSync(join(home, 'repositories', mirror!, 'shallow.lock'), '');
    expect(await checkout({ commit: repository.commit({ a: '2' }) })).toMatchObject({ ok: true });
    writeFileSync(join(home, 'repositories', mirror!, 'config'), 'not a configuration [');
    expect(await checkout({ commit: repository.commit({ a: '3' }) })).toMatchObject({ ok: true });
    rmSync(join(home, 'repositories', mirror!, 'objects'), { recursive: true });
    expect(await checkout({ commit: repository.commit({ a: '4' }) })).toMatchObject({ ok: true });
  });

  it('a checkout that is no longer wanted ends', async () => {
    const commit = repository.commit({ a: 'a' });
    expect(await checkout({ commit }, AbortSignal.abort())).toMatchObject({ ok: false });
    expect(readdirSync(join(home, 'builds'))).toEqual([]);
  });

  it('data of a service is kept until it is deleted, and names cannot lead elsewhere', async () => {
    const data = await workspace.dataDirectory('api');
    writeFileSync(join(data, 'file'), 'x');
    expect(await workspace.dataDirectory('api')).toBe(data);
    expect(existsSync(join(data, 'file'))).toBe(true);
    await workspace.deleteData('api');
    await workspace.deleteData('api');
    expect(existsSync(data)).toBe(false);
    for (const name of ['..', '../x', '/etc', '']) {
      await expect(workspace.deleteData(name)).rejects.toMatchObject({ code: 'InvalidInput' });
      await expect(workspace.discardBuild(name)).rejects.toMatchObject({ code: 'InvalidInput' });
    }
    expect(await workspace.freeBytes()).toBeGreaterThan(0);
  });

  it.skipIf(!has_http_backend)('a token reaches the host of the URL only through the environment', async () => {
    const commit = repository.commit({ a: 'a' });
    const server = await serveGit(join(folder.path, 'repositories'), { token });
    const elsewhere = await serveGit(join(folder.path, 'repositories'), { redirect: server.url });
    const credential = { kind: 'token', username: 'bot', token } as const;
    const git = `${server.url}/app.git/.git`;
    try {
      expect(await checkout({ git, commit, credential })).toMatchObject({ ok: true });
      const bare = await checkout({ git, commit: 'c'.repeat(40) });
      expect(bare).toMatchObject({ ok: false, message: expect.stringMatching(/asks for credentials/) });
      const wrong = await checkout({ git, commit: 'c'.repeat(40), credential: { ...credential, token: 'gone' } });
      expect(wrong).toMatchObject({ ok: false, message: expect.stringMatching(/refused the credential/) });
      const missing = await checkout({ git: `${server.url}/nope.git`, commit, credential });
      expect(missing).toMatchObject({ ok: false, message: expect.stringMatching(/is not there/) });
      const before = server.authorizations.length;
      const redirected = await checkout({ git: `${elsewhere.url}/app.git/.git`, commit, credential });
      expect(redirected.ok).toBe(false);
      expect(server.authorizations).toHaveLength(before);
      const seen = JSON.stringify([calls.map(({ argv }) => argv), bare, wrong, missing, redirected]);
      expect(seen).not.toContain(token);
      const kept = spawnSync('grep', ['-rl', token, home]);
      expect(kept.stdout.toString()).toBe('');
    } finally {
      await Promise.all([server.close(), elsewhere.close()]);
    }
  });

  it('a deploy key is a file of mode 0600 while git runs, and gone afterwards', async () => {
    const seen: { mode: number; text: string; ssh: string }[] = [];
    const private_key = '-----BEGIN OPENSSH PRIVATE KEY-----\nnot really\n-----END OPENSSH PRIVATE KEY-----';
    const watching: Exec = (argv, options) => {
      const key = options?.env?.['MAINSTAY_GIT_KEY'];
      if (key && key !== 'none' && argv.includes('fetch')) {
        seen.push({
          mode: statSync(key).mode & 0o777,
          text: readFileSync(key, 'utf8'),
          ssh: readFileSync(options?.env?.['GIT_SSH'] ?? '', 'utf8'),
        });
      }
      return exec(argv, options);
    };
    workspace = createGitWorkspace({ home, exec: watching });
    const outcome = await checkout({
      git: 'git@127.0.0.1:app.git',
      commit: 'b'.repeat(40),
      credential: { kind: 'deploy_key', private_key },
    });
    expect(outcome.ok).toBe(false);
    expect(seen).toMatchObject([{ mode: 0o600, text: `${private_key}\n` }]);
    for (const option of ['-F /dev/null', 'BatchMode=yes', 'IdentitiesOnly=yes', 'StrictHostKeyChecking=accept-new']) {
      expect(seen[0]?.ssh).toContain(option);
    }
    expect(JSON.stringify([outcome, calls.map(({ argv }) => argv)])).not.toContain('not really');
    expect(readdirSync(join(home, 'git/keys'))).toEqual([]);
  });

  it('a credential that does not fit the URL is refused by name', async () => {
    const commit = 'b'.repeat(40);
    const outcome = await checkout({ commit, credential: { kind: 'token', username: 'bot', token } });
    expect(outcome).toMatchObject({
      ok: false,
      message: expect.stringMatching(/A token can only be used with an https URL/),
    });
    const key = { kind: 'deploy_key', private_key: 'x' } as const;
    expect(await checkout({ commit, git: 'https://host.invalid/x', credential: key })).toMatchObject({
      ok: false,
      message: expect.stringMatching(/A deploy key can only be used with an ssh URL/),
    });
  });

  it.skipIf(!canMount())(
    'a full disk is told as such, and nothing half stays (needs root, for a small tmpfs)',
    async () => {
      const commit = repository.commit({ big: randomBytes(4 * 1024 * 1024).toString('latin1') });
      await onSmallDisk(join(folder.path, 'small'), 10, async (small) => {
        workspace = createGitWorkspace({ home: small, free_bytes_min: 512 * 1024 });
        const outcome = await checkout({ commit });
        expect(outcome).toMatchObject({ ok: false, message: expect.stringMatching(/disk .*is full/i) });
        expect(readdirSync(join(small, 'builds'))).toEqual([]);
        workspace = createGitWorkspace({ home: small, free_bytes_min: 1024 ** 3 });
        expect(await checkout({ commit })).toMatchObject({
          ok: false,
          message: expect.stringMatching(/disk .*is full/i),
        });
      });
    },
  );
});
