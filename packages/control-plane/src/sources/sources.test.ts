import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { dirname, join } from 'node:path';
import { has_http_backend, serveGit } from '@mainstay/agent/workspace/git-server.fixtures';
import { StackFile } from '@mainstay/contract/stack';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { type Fixture, startFixture } from '../testing/fixture.ts';
import { refusal } from '../testing/refusal.ts';
import { repositoryName } from './source-operations.ts';
import { type GitRepository, makeGitRepository, specOf } from './testing/repositories.ts';

let at: Fixture;
let repository: GitRepository;
beforeEach(async () => {
  at = await startFixture();
  repository = makeGitRepository();
});
afterEach(async () => {
  repository.remove();
  await at.stop();
});

const examples = join(import.meta.dirname, '../../../../examples');
const exampleFiles = Object.fromEntries(
  [
    'api/package.json',
    'api/package-lock.json',
    'api/src/server.ts',
    'clock/clock.py',
    'web/server.mjs',
    'web/public/index.html',
    'mainstay.yaml',
    'README.md',
  ].map((file) => [file, readFileSync(join(examples, file), 'utf8')]),
);

describe('the example in one repository', () => {
  it('is proposed as its stack file says it', async () => {
    const commit = repository.commit(exampleFiles, 'The example');
    const seen = await at.client['sources.inspect']({ git: repository.path });
    expect(seen).toMatchObject({ ref: 'main', commit, commit_subject: 'The example', commit_author: 'Ada' });
    const written = StackFile.parse(parse(exampleFiles['mainstay.yaml']!.replaceAll('{{repositories}}', '/r')));
    const proposed = Object.fromEntries(seen.proposals.map((proposal) => [proposal.name, proposal]));
    expect(Object.keys(proposed).sort()).toEqual(Object.keys(written.services).sort());
    for (const [name, service] of Object.entries(written.services)) {
      expect(proposed[name]?.root).toBe(name);
      expect(proposed[name]?.run?.value, name).toEqual(service.run);
      expect(proposed[name]?.port.value, name).toBeNull();
      expect(proposed[name]?.health.value, name).toBe(service.health.path);
      expect(proposed[name]?.route, name).toMatchObject(service.route!);
    }
    expect(proposed['api']?.build?.value).toBe('npm ci && npm run build');
  });

  it('makes a plan that is acceptable, as it is proposed', async () => {
    const commit = repository.commit(exampleFiles);
    const { proposals } = await at.client['sources.inspect']({ git: repository.path });
    const spec = specOf(proposals, repository.path);
    const { operation } = await at.client['stacks.apply']({ stack: 'shop', spec, dry_run: true });
    expect(operation.plan.changes.map(({ path }) => path)).toEqual(expect.arrayContaining(['services.web']));
    expect(JSON.stringify(operation.plan)).toContain(commit);
  });

  it('is proposed in part, where a folder is named', async () => {
    repository.commit(exampleFiles);
    const { proposals } = await at.client['sources.inspect']({ git: repository.path, root: './clock/' });
    expect(proposals.map(({ name, route }) => [name, route?.prefix])).toEqual([['clock', '/']]);
    const error = await refusal(at.client['sources.inspect']({ git: repository.path, root: 'cloc' }));
    expect(error).toMatchObject({ code: 'NotFound', field: 'root' });
  });
});

describe('a stack file in the repository', () => {
  it('is given with what it says', async () => {
    const yaml = 'stack: shop\nservices:\n  web: { source: { git: /x }, run: ./start }\n';
    repository.commit({ 'mainstay.yaml': yaml });
    const { stack_file } = await at.client['sources.inspect']({ git: repository.path });
    expect(stack_file).toMatchObject({ path: 'mainstay.yaml', yaml, stack: 'shop', error: null });
    expect(stack_file?.spec?.services['web']?.run).toBe('./start');
  });

  it.each([
    ['an unknown field', 'stack: shop\nservices:\n  web: { source: { git: /x }, rnu: x }\n', /services\.web/],
    ['no services', 'stack: shop\nservices: {}\n', /at least one service/],
    ['two stacks', 'stack: a\n---\nstack: b\n', /several stacks/],
    ['nothing', '', /empty|shape|object/i],
    ['a broken line', 'stack: [a\n', /./],
    ['no end of brackets', '['.repeat(50_000), /./],
    ['aliases that unfold', `a: &a [x]\nb: &b [${'*a, '.repeat(60)}*a]\nc: &c [${'*b, '.repeat(60)}*b]\n`, /alias/i],
  ])('with %s is given with its error', async (_, yaml, error) => {
    repository.commit({ 'mainstay.yaml': yaml, a: 'a' });
    const { stack_file } = await at.client['sources.inspect']({ git: repository.path });
    expect(stack_file).toMatchObject({ yaml, stack: null, spec: null, error: expect.stringMatching(error) });
  });
});

describe('refs', () => {
  it('are branches, the default one first, and tags, the newest version first', async () => {
    const first = repository.commit({ a: '1' });
    for (const tag of ['v1.9.0', 'v1.10.0', 'v2.0.0-rc.1', 'v2.0.0', 'v2.0.0-rc.2']) repository.git('tag', tag);
    repository.git('branch', 'develop');
    repository.git('branch', 'a/b');
    const second = repository.commit({ a: '2' });
    repository.git('tag', '--annotate', 'v3', '--message', 'x');
    const refs = await at.client['sources.refs']({ git: repository.path });
    expect(refs).toEqual({
      default_branch: 'main',
      branches: [
        { name: 'main', commit: second },
        { name: 'a/b', commit: first },
        { name: 'develop', commit: first },
      ],
      tags: [
        { name: 'v3', commit: second },
        ...['v2.0.0', 'v2.0.0-rc.2', 'v2.0.0-rc.1', 'v1.10.0', 'v1.9.0'].map((name) => ({ name, commit: first })),
      ],
      truncated: false,
    });
  });

  it('are at most a thousand of each, and it is said that there are more', async () => {
    const commit = repository.commit({ a: '1' });
    const packed = Array.from({ length: 1_100 }, (_, index) => `${commit} refs/tags/v${index}\n`).join('');
    repository.write('.git/packed-refs', `# pack-refs with: peeled fully-peeled sorted \n${packed}`);
    const refs = await at.client['sources.refs']({ git: repository.path });
    expect(refs).toMatchObject({ default_branch: 'main', branches: [{ name: 'main' }], truncated: true });
    expect(refs.tags).toHaveLength(1_000);
    expect(refs.tags[0]?.name).toBe('v1099');
  });

  it('of a repository without a commit are none', async () => {
    const refs = await at.client['sources.refs']({ git: repository.path });
    expect(refs).toEqual({ default_branch: null, branches: [], tags: [], truncated: false });
  });
});

describe('a credential', () => {
  it.skipIf(!has_http_backend)(
    'opens a private repository, and stands in no error (skipped without git http-backend)',
    async () => {
      const commit = repository.commit({ 'index.html': '' });
      const host = await serveGit(dirname(repository.path), { token: 's3cret-token' });
      try {
        const git = `${host.url}/${repository.path.split('/').at(-1)}/.git`;
        await at.client['credentials.set_token']({ name: 'forge', username: 'bot', token: 's3cret-token' });
        await at.client['credentials.set_token']({ name: 'stale', username: 'bot', token: 'other-s3cret' });
        expect((await at.client['sources.refs']({ git, credential: 'forge' })).branches).toEqual([
          { name: 'main', commit },
        ]);
        expect((await at.client['sources.inspect']({ git, credential: 'forge' })).proposals).toHaveLength(1);
        for (const [credential, message] of [
          [undefined, /asks for credentials/],
          ['stale', /refused the credential/],
        ] as const) {
          const error = await refusal(at.client['sources.inspect']({ git, credential }));
          expect(error).toMatchObject({ code: 'SourceUnavailable', field: 'git' });
          expect(error.message).toMatch(message);
          expect(JSON.stringify(error.toBody())).not.toContain('s3cret');
        }
      } finally {
        await host.close();
      }
    },
  );

  it('that is not known is refused by its field', async () => {
    for (const call of ['sources.refs', 'sources.inspect'] as const) {
      const error = await refusal(at.client[call]({ git: repository.path, credential: 'nope' }));
      expect(error).toMatchObject({ code: 'NotFound', field: 'credential' });
    }
  });
});

describe('an address', () => {
  it('is not fetched from for whoever may only read, with a credential or without', async () => {
    const viewer = { kind: 'user', id: `usr_${'1'.repeat(32)}`, name: 'ada', role: 'viewer', proof: 'token' } as const;
    for (const call of ['sources.refs', 'sources.inspect'] as const) {
      const error = await refusal(at.plane.call(call, viewer, { git: repository.path }));
      expect(error).toMatchObject({ code: 'Forbidden' });
    }
  });

  it.each([['ext::sh -c id'], ['--upload-pack=x'], ['https://u:p@example.org/x'], ['gopher://x/y'], ['relative/path']])(
    '%j is refused before git sees it',
    async (git) => {
      expect(await refusal(at.client['sources.inspect']({ git }))).toMatchObject({
        code: 'InvalidInput',
        field: 'git',
      });
      expect(await refusal(at.client['sources.refs']({ git }))).toMatchObject({ code: 'InvalidInput', field: 'git' });
    },
  );

  it.each([
    ['https://example.org/you/my-app.git', 'my-app'],
    ['git@example.org:shop.git', 'shop'],
    ['/srv/git/shop/', 'shop'],
  ])('%s calls its repository %s', (url, name) => {
    expect(repositoryName(url)).toBe(name);
  });
});

describe('at most four looks at once', () => {
  let silent: Server;
  beforeEach(async () => {
    silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  });
  afterEach(() => silent.close());

  it('are under way; one more is told so, and comes in when one has ended', async () => {
    repository.commit({ 'index.html': '' });
    const address = silent.address();
    const port = typeof address === 'object' ? address?.port : 0;
    const owner = await at.plane.owner();
    const gone = new AbortController();
    const call = (git: string) => at.plane.call('sources.inspect', owner, { git }, { signal: gone.signal });
    const waiting = Array.from({ length: 4 }, () => refusal(call(`git://127.0.0.1:${port}/x`)));
    await expect
      .poll(() => refusal(at.client['sources.inspect']({ git: repository.path })).catch(() => null))
      .toMatchObject({
        code: 'Unavailable',
        message: '4 repositories are being looked at already.',
      });
    // Refs are counted for themselves.
    expect((await at.client['sources.refs']({ git: repository.path })).default_branch).toBe('main');
    gone.abort();
    for (const error of await Promise.all(waiting)) expect(error.code).toBe('SourceUnavailable');
    expect((await at.client['sources.inspect']({ git: repository.path })).proposals).toHaveLength(1);
  });
});
