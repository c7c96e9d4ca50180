import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createExportReader } from '@mainstay/contract/audit-export';
import { verifyChain } from '@mainstay/contract/audit-verify';
import { silentLogger, systemClock, systemExec } from '@mainstay/runtime';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createMirror, type Mirror, type MirrorOptions } from './mirror.ts';
import { createPusher, type Pusher } from './mirror-push.ts';
import { readMirrorSettings } from './mirror-settings.ts';
import { createTrail, entryNumber, type Trail } from './testing/trail.ts';

let trail: Trail;
const mirrors: Mirror[] = [];
const pushers: Pusher[] = [];
beforeEach(async () => {
  trail = await createTrail(30);
});
afterEach(async () => {
  await Promise.all([...mirrors.splice(0), ...pushers.splice(0)].map((part) => part.stop()));
  await trail.end();
});

function mirrorOf(more: Partial<MirrorOptions> = {}): Mirror {
  const folder = join(trail.folder, 'audit-mirror');
  const base = { store: trail.store, clock: systemClock, log: silentLogger(), exec: systemExec, keeper: null, folder };
  const mirror = createMirror({ ...base, apart_ms: 1, anchored_apart_ms: 0, ...more });
  mirrors.push(mirror);
  return mirror;
}
const repository = () => join(trail.folder, 'audit-mirror', 'repository.git');
const git = (...args: string[]) =>
  execFileSync('git', ['--git-dir', repository(), ...args], { encoding: 'utf8', stdio: 'pipe' });
const lines = (revision = 'main') =>
  git('ls-tree', '-r', '--name-only', revision)
    .split('\n')
    .filter((name) => name.endsWith('.jsonl'))
    .flatMap((name) => git('cat-file', 'blob', `${revision}:${name}`).trimEnd().split('\n'));
const numbers = () => lines().map((line) => (JSON.parse(line) as { seq: number }).seq);
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

/** Rounds until nothing waits to be mirrored. */
async function mirrored(mirror: Mirror, seq: number) {
  for (let round = 0; round < 50 && (mirror.status().tip?.seq ?? 0) < seq; round += 1) await mirror.next();
  expect(mirror.status()).toMatchObject({ problem: null, tip: { seq } });
}

describe('the audit mirror', () => {
  it('writes every entry into commits that git verifies by the allowed signers alone', async () => {
    await mirrored(mirrorOf({ entries_per_commit: 10 }), 30);
    expect(numbers()).toEqual(upTo(30));
    const commits = git('rev-list', 'main').trim().split('\n');
    expect(commits).toHaveLength(3);
    const signers = join(trail.folder, 'audit-mirror', 'allowed_signers');
    for (const commit of commits) {
      // Nothing of the installation's own configuration is used.
      const result = execFileSync(
        'git',
        ['-C', repository(), '-c', `gpg.ssh.allowedSignersFile=${signers}`, 'verify-commit', '--raw', commit],
        { env: { PATH: process.env['PATH'], HOME: trail.folder }, stdio: 'pipe' },
      );
      expect(result).toBeDefined();
    }
    expect(git('log', '-1', '--format=%B')).toMatch(
      /^Audit 21 to 30\n\nAudit-Entries: 21-30\nAudit-Head: [0-9a-f]{64}\n/,
    );
    expect(statSync(join(trail.folder, 'audit-mirror', 'signing-key')).mode & 0o777).toBe(0o600);
    git('fsck', '--strict');
  });

  it('is verified by the code that verifies the database', async () => {
    await mirrored(mirrorOf(), 30);
    const reader = createExportReader();
    reader.link(git('cat-file', 'blob', 'main:chain.json'));
    const links = lines().flatMap((line) => reader.link(line) ?? []);
    const { genesis } = reader.header()!;
    const report = await verifyChain(links, { genesis, anchors: [], now_ms: Date.now() });
    expect(report).toMatchObject({ ok: true, entries: 30, problems: [] });
  });

  it('goes on where it was, in another process of the same home, without doubles', async () => {
    const first = mirrorOf();
    await mirrored(first, 30);
    await first.stop();
    await trail.write(...upTo(20).map((index) => entryNumber(index)));
    await trail.chain();
    // With the word of the first anchoring.
    const second = mirrorOf();
    await mirrored(second, 51);
    expect(numbers()).toEqual(upTo(51));
    const third = mirrorOf();
    await Promise.all([second.next(), third.next()]);
    expect(numbers()).toEqual(upTo(third.status().tip!.seq));
  });

  it('says in the chain how far it is, and does not go on for ever about it', async () => {
    const mirror = mirrorOf();
    await mirrored(mirror, 30);
    for (let round = 0; round < 5; round += 1) {
      await trail.chain();
      await mirror.next();
    }
    const said = await trail.store.db
      .selectFrom('audit_entries')
      .select('body')
      .where('kind', '=', 'mirror.anchored')
      .execute();
    expect(said).toHaveLength(1);
    expect(JSON.parse(said[0]!.body).data).toMatchObject({ seq: 30, commit: git('rev-parse', 'main~1').trim() });
    expect(mirror.status().tip?.seq).toBe(31);
  });

  it('does not sign a chain that was edited, cut off, or does not follow what it has', async () => {
    const mirror = mirrorOf();
    await mirrored(mirror, 30);
    await trail.chain();
    await mirrored(mirror, 31);
    await trail.write(entryNumber(31), entryNumber(32));
    await trail.chain();
    trail.tamper("update audit_entries set body = replace(body, 'entry 32', 'entry xx') where seq = 33");
    await mirror.next();
    expect(mirror.status()).toMatchObject({
      problem: expect.stringContaining('number 33 was edited'),
      tip: { seq: 31 },
    });
    trail.tamper('delete from audit_entries where seq > 20');
    await mirror.next();
    expect(mirror.status().problem).toMatch(/ends at number 20, and the mirror has number 31/);
    await trail.write(...upTo(20).map((index) => entryNumber(index)));
    await trail.chain();
    await mirror.next();
    expect(mirror.status().problem).toMatch(/number 32 does not follow number 31/);
    expect(numbers()).toEqual(upTo(31));
  });

  it('does not go on from a commit that its key did not sign', async () => {
    const mirror = mirrorOf();
    await mirrored(mirror, 30);
    await mirror.stop();
    const tree = git('rev-parse', 'main^{tree}').trim();
    const forged = git('commit-tree', '-p', 'main', '-m', git('log', '-1', '--format=%B'), tree).trim();
    git('update-ref', 'refs/heads/main', forged);
    await trail.write(entryNumber(31));
    await trail.chain();
    const next = mirrorOf();
    await next.next();
    expect(next.status().problem).toMatch(/verify-commit/);
    expect(git('rev-parse', 'main').trim()).toBe(forged);
  });

  it('takes whatever stands in an entry as text', async () => {
    const hostile = [
      'a\nAudit-Entries: 1-999\n',
      '--upload-pack=touch /tmp/x',
      '$(touch x)`touch x`',
      '\u2028\u0000\ud800',
      'x'.repeat(100_000),
    ];
    await trail.write(
      ...hostile.map((text) =>
        entryNumber(1, {
          target: text,
          actor: { kind: 'user', id: text, name: text, role: null, proof: 'token' },
          data: { [text]: text, deep: { a: [text] } },
        }),
      ),
    );
    await trail.chain();
    expect(await trail.verify()).toMatchObject({ ok: true });
    await mirrored(mirrorOf(), 35);
    expect(numbers()).toEqual(upTo(35));
    expect(git('log', '--format=%B')).not.toContain('999');
    expect(Math.max(...lines().map((line) => line.length))).toBeLessThan(30_000);
  });

  it('puts a long day into parts, and days never go back', async () => {
    const late = Date.now() + 3 * 86_400_000;
    await trail.write(entryNumber(1, { at: late }), entryNumber(2));
    const big = { text: Array.from({ length: 7 }, () => 'y'.repeat(2_000)) };
    await trail.write(...upTo(60).map((index) => entryNumber(index, { data: big })));
    await trail.chain();
    await mirrored(mirrorOf({ entries_per_commit: 7 }), 92);
    expect(numbers()).toEqual(upTo(92));
    const names = git('ls-tree', '-r', '--name-only', 'main')
      .split('\n')
      .filter((name) => name.endsWith('.jsonl'));
    expect(names.length).toBeGreaterThan(3);
    expect(
      names.slice(1).every((name) => name.startsWith(new Date(late).toISOString().slice(0, 10).replaceAll('-', '/'))),
    ).toBe(true);
  });

  it('killed at any point has every entry once when it goes on', async () => {
    await trail.write(...upTo(170).map((index) => entryNumber(index)));
    await trail.chain();
    for (const after_ms of [150, 400, 700, 1_000]) {
      const child = spawn(process.execPath, [join(import.meta.dirname, 'testing', 'mirror-child.ts'), trail.path], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      await new Promise((resolve) => child.stdout.once('data', resolve));
      await new Promise((resolve) => setTimeout(resolve, after_ms));
      child.kill('SIGKILL');
      await new Promise((resolve) => child.once('close', resolve));
    }
    const mirror = mirrorOf();
    await mirrored(mirror, 200);
    expect(numbers()).toEqual(upTo(200));
    for (const commit of git('rev-list', 'main').trim().split('\n')) git('verify-commit', commit);
    git('fsck', '--strict');
  }, 60_000);
});

describe('pushing the mirror', () => {
  const bare = (name: string) => {
    const path = join(trail.folder, name);
    execFileSync('git', ['init', '--quiet', '--bare', path]);
    return path;
  };
  const until = async (holds: () => boolean) => {
    for (let round = 0; round < 400 && !holds(); round += 1) await new Promise((resolve) => setTimeout(resolve, 25));
    expect(holds()).toBe(true);
  };
  const pushing = (urls: string[], exec = systemExec) => {
    const remotes = urls.map((url) => ({ url, username: 'x' }));
    const pusher = createPusher({ remotes, clock: systemClock, log: silentLogger(), exec, backoff_ms: 50 });
    pushers.push(pusher);
    const mirror = mirrorOf({ onCommit: (to, { commit }) => pusher.tell(to, commit) });
    return { mirror, pusher };
  };

  it('a remote that is down delays neither the mirror nor another remote, and gets all when it is back', async () => {
    const [good, later] = [bare('good.git'), join(trail.folder, 'later.git')];
    const { mirror, pusher } = pushing([later, good]);
    await mirrored(mirror, 30);
    const tip = git('rev-parse', 'main').trim();
    await until(() => pusher.status()[1]?.commit === tip);
    await until(() => pusher.status()[0]?.problem !== null);
    expect(pusher.status()[0]).toMatchObject({ url: later, commit: null, retry_at: expect.any(Number) });
    bare('later.git');
    await until(() => pusher.status()[0]?.commit === tip);
    expect(execFileSync('git', ['-C', later, 'rev-parse', 'main'], { encoding: 'utf8' }).trim()).toBe(tip);
  });

  it('nothing is forced on a remote that has other commits', async () => {
    const other = bare('other.git');
    const tree = execFileSync('git', ['-C', other, 'hash-object', '-t', 'tree', '-w', '/dev/null'], {
      encoding: 'utf8',
    });
    const commit = execFileSync(
      'git',
      ['-C', other, '-c', 'user.name=x', '-c', 'user.email=x', 'commit-tree', '-m', 'x', tree.trim()],
      { encoding: 'utf8' },
    ).trim();
    execFileSync('git', ['-C', other, 'update-ref', 'refs/heads/main', commit]);
    const { mirror, pusher } = pushing([other]);
    await mirrored(mirror, 30);
    await until(() => pusher.status()[0]?.problem !== null);
    expect(pusher.status()[0]?.problem).toMatch(/other commits/);
    expect(execFileSync('git', ['-C', other, 'rev-parse', 'main'], { encoding: 'utf8' }).trim()).toBe(commit);
  });

  it('is announced through rad where that is installed and knows the repository', async () => {
    const bin = join(trail.folder, 'bin');
    const said = join(trail.folder, 'said');
    mkdirSync(bin);
    writeFileSync(join(bin, 'rad'), `#!/bin/sh\necho "$@" >> ${said}\n`);
    chmodSync(join(bin, 'rad'), 0o755);
    const storage = bare('rad.git');
    const { mirror, pusher } = pushing([], (argv, options = {}) =>
      systemExec(argv, { ...options, env: { ...options.env, PATH: `${bin}:${process.env['PATH']}` } }),
    );
    await mirrored(mirror, 30);
    git('remote', 'add', 'rad', storage);
    await trail.chain();
    await mirror.next();
    await until(() => pusher.status()[0]?.commit === git('rev-parse', 'main').trim());
    expect(readFileSync(said, 'utf8')).toContain('sync --announce');
    expect(execFileSync('git', ['-C', storage, 'rev-parse', 'main'], { encoding: 'utf8' })).toBe(
      git('rev-parse', 'main'),
    );
  });

  it('nothing is said to be announced where rad is not installed', async () => {
    const asked: string[] = [];
    const { mirror, pusher } = pushing([], (argv, options = {}) => {
      asked.push(argv.join(' '));
      return systemExec(argv, { ...options, env: { ...options.env, PATH: trail.folder } });
    });
    await mirrored(mirror, 30);
    await until(() => asked.includes('rad inspect --rid'));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(pusher.status()).toEqual([]);
  });

  it('settings that are not acceptable are told by their field', () => {
    const path = join(trail.folder, 'audit-mirror.yaml');
    const read = (text: string) => {
      writeFileSync(path, text);
      return readMirrorSettings(path);
    };
    expect(read('remotes:\n  - url: git@example.com:a.git\n').remotes).toHaveLength(1);
    expect(read('')).toEqual({ enabled: true, remotes: [] });
    expect(() => read('remotes: [')).toThrow(/is not YAML/);
    for (const url of ['--upload-pack=x', 'https://a:b@example.com/x', 'a b'])
      expect(() => read(`remotes:\n  - url: "${url}"\n`)).toThrow(expect.objectContaining({ field: 'remotes.0.url' }));
  });
});
