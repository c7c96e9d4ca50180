import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dnsName } from './propose.ts';
import { onlyProposal, proposed, specOf } from './testing/repositories.ts';

const express = (more: Record<string, unknown> = {}) =>
  JSON.stringify({ dependencies: { express: '5' }, scripts: { start: 'node server.js' }, ...more });

describe('names', () => {
  it('are those of the folders, unique and fit for DNS', async () => {
    const { proposals } = await proposed({
      'apps/API_v2/package.json': express(),
      'apps/api-v2/package.json': express(),
      'other/api.v2/package.json': express(),
      '3d/package.json': express(),
      'package.json': express(),
    });
    expect(proposals.map(({ name, root }) => [name, root])).toEqual([
      ['shop', null],
      ['app-3d', '3d'],
      ['api-v2', 'apps/API_v2'],
      ['apps-api-v2', 'apps/api-v2'],
      ['other-api-v2', 'other/api.v2'],
    ]);
  });

  it('are DNS labels whatever they are made of', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 100 }), (text) => {
        expect(dnsName(text)).toMatch(/^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$/);
      }),
    );
    expect(dnsName('Größe & Maß')).toBe('gro-e-ma');
  });
});

describe('routes', () => {
  it('give the pages all paths, and the others the path of their name', async () => {
    const { proposals } = await proposed({
      'api/package.json': express(),
      'api/server.js': "app.get('/api/orders'); process.env.PORT",
      'admin/package.json': express(),
      'site/index.html': '',
      'jobs/Procfile': 'worker: ./work\n',
    });
    const routes = Object.fromEntries(proposals.map(({ name, route }) => [name, route && [route.prefix, route.strip]]));
    expect(routes).toEqual({
      api: ['/api', false],
      admin: ['/admin', true],
      site: ['/', false],
      'jobs-worker': null,
    });
    expect(proposals.find(({ name }) => name === 'api')?.route?.reason).toBe('Its own routes begin with /api.');
  });
});

describe('ports', () => {
  it('that are fixed are said to be so, and to collide', async () => {
    const files = (port: number) => ({
      'a/server.js': `listen(${port}); x.listen(${port})`,
      'b/server.js': `x.listen(${port})`,
    });
    const { proposals } = await proposed(files(4_000));
    expect(proposals[0]?.notes.join(' ')).toMatch(/short pause.*b has port 4000 too/);
    const proxys = await proposed(files(8_080));
    expect(proxys.proposals[0]?.notes.join(' ')).toMatch(/Port 8080 is the proxy’s own/);
  });

  it('are taken from EXPOSE only where nothing else tells', async () => {
    const Dockerfile = 'FROM node\nEXPOSE 5000/tcp\n';
    const silent = await onlyProposal({ Dockerfile, 'package.json': express() });
    expect(silent.port).toEqual({
      value: 5_000,
      reason: 'Dockerfile has `EXPOSE 5000`, and nothing that was read takes PORT.',
    });
    const told = await onlyProposal({ Dockerfile, 'package.json': express(), 'server.js': 'process.env.PORT' });
    expect(told.port.value).toBeNull();
  });
});

describe('variables', () => {
  it('are those of .env.example, with what looks like a secret told apart', async () => {
    const { env } = await onlyProposal({
      'package.json': express(),
      '.env.example':
        '# Where orders are kept\nDATABASE_URL=postgres://user:pass@localhost/shop\nexport LOG_LEVEL="info" # or debug\nPORT=3000\nAPI_KEY=\nVITE_API_KEY=abc\nMONKEY=\'x y\'\nLOG_LEVEL=debug\nnot a line\n1X=2\n',
    });
    expect(env).toEqual([
      { name: 'DATABASE_URL', reason: '.env.example names it: Where orders are kept', secret: true, example: null },
      { name: 'LOG_LEVEL', reason: '.env.example names it.', secret: false, example: 'info' },
      { name: 'API_KEY', reason: '.env.example names it.', secret: true, example: null },
      { name: 'VITE_API_KEY', reason: '.env.example names it.', secret: false, example: 'abc' },
      { name: 'MONKEY', reason: '.env.example names it.', secret: false, example: 'x y' },
    ]);
  });

  it('of the top are those of services below that name none, but for pages', async () => {
    const { proposals } = await proposed({
      '.env.sample': 'A=1',
      'api/package.json': express(),
      'site/index.html': '',
    });
    expect(proposals.map(({ name, env }) => [name, env.length])).toEqual([
      ['api', 1],
      ['site', 0],
    ]);
  });
});

describe('what is not used', () => {
  it('is said', async () => {
    const { notes } = await proposed({
      'package.json': express(),
      'docker/Dockerfile': 'FROM node',
      Dockerfile: 'FROM node',
      'compose.yaml': 'services:\n  db:\n    image: postgres:18\n  cache:\n    image: "redis"\n',
      'fly.toml': '',
      'java/pom.xml': '',
      '.gitmodules': '',
      '.gitattributes': '*.bin filter=lfs diff=lfs\n',
    });
    expect(notes).toEqual([
      'There is a Dockerfile at docker/Dockerfile; Mainstay does not use it: it runs the commands below directly.',
      'There is a Dockerfile at Dockerfile; Mainstay does not use it: it runs the commands below directly.',
      'There is a compose file at compose.yaml; Mainstay does not use it. What it starts from images is not started here: postgres:18, redis.',
      'Settings of other platforms are not used: fly.toml.',
      'java/pom.xml says Java (Maven), for which nothing is proposed yet: say yourself how it is built and run.',
      'There are submodules (.gitmodules). They are not fetched: their folders are empty.',
      'Files in Git LFS (.gitattributes) are not fetched: they are pointers.',
    ]);
  });

  it('is not proposed: dependencies, tests, examples, what lies too deep', async () => {
    const { proposals } = await proposed({
      'node_modules/x/package.json': express(),
      'test/app/package.json': express(),
      'examples/a/package.json': express(),
      '.github/package.json': express(),
      'a/b/c/d/e/package.json': express(),
      'web/package.json': express(),
    });
    expect(proposals.map(({ root }) => root)).toEqual(['web']);
  });

  it('is proposed all the same where it is named as the root', async () => {
    const files = {
      'examples/a/package.json': express(),
      'examples/b/package.json': express(),
      'package.json': express(),
    };
    expect((await proposed(files, 'examples')).proposals.map(({ name }) => name)).toEqual(['a', 'b']);
    expect((await proposed(files, 'examples/b')).proposals.map(({ name }) => name)).toEqual(['b']);
  });
});

it('at most twenty services are proposed, and it is said that there are more', async () => {
  const folders = Array.from({ length: 25 }, (_, at) => [`s${at}/package.json`, express()]);
  const { proposals, notes } = await proposed(Object.fromEntries(folders));
  expect(proposals).toHaveLength(20);
  expect(notes.join(' ')).toMatch(/Only the first 20 of 25 services are proposed/);
});

const hostile = [
  'package.json',
  'Procfile',
  'requirements.txt',
  'pyproject.toml',
  'manage.py',
  'main.py',
  'go.mod',
  'main.go',
  'Cargo.toml',
  'src/main.rs',
  'Gemfile',
  'config.ru',
  'composer.json',
  'index.php',
  'index.html',
  'Dockerfile',
  'compose.yaml',
  '.env.example',
  'server.js',
  'pnpm-workspace.yaml',
  'vite.config.ts',
  'angular.json',
  'turbo.json',
];
const pieces = [
  '{"scripts":{"start":"node',
  '"dependencies":{"express":"',
  'web: ',
  '$(id)',
  '`',
  '\u0000',
  '\u202e',
  '[package]\nname = "',
  'module ',
  'package main',
  'app = FastAPI(',
  '"workspaces":["**/**"]',
  '\n',
  '}',
  '"',
  'listen(99999)',
  '/healthz',
  'EXPOSE 70000',
  'A=b',
  '<h1>',
  '\ud800',
];

it('no content of a repository breaks the look at it, and what is proposed is a valid stack', async () => {
  const content = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 200 }),
    fc.array(fc.constantFrom(...pieces), { maxLength: 12 }).map((parts) => parts.join('')),
    fc.json().map((text) => text),
  );
  const folder = fc.constantFrom('', 'a/', 'b b/', '-x/', 'a/$(id)/', 'ü/', 'apps/\n/', 'cmd/a"b/');
  const file = fc.tuple(folder, fc.constantFrom(...hostile)).map(([at, name]) => `${at}${name}`);
  await fc.assert(
    fc.asyncProperty(fc.dictionary(file, content, { maxKeys: 12 }), async (files) => {
      // It parses every proposal, and all of them as a stack.
      await proposed(files);
    }),
    { numRuns: 500 },
  );
}, 60_000);

it('content that is large and odd takes no time to speak of', async () => {
  const bytes = 256 * 1024;
  const fill = (piece: string) => piece.repeat(Math.ceil(bytes / piece.length));
  const odd = [
    '\n',
    ' ',
    '\t',
    '[',
    '{"a":',
    '"',
    'tsc ',
    'PORT',
    'env ',
    '- \n',
    '# ',
    '**/',
    'port :',
    "('",
    'a\n\n',
    '= \n',
    '"x',
    '\\',
  ].map(fill);
  for (const text of odd) {
    const script = JSON.stringify({
      scripts: { start: text, build: text },
      dependencies: { express: text },
      name: text,
      workspaces: [text],
    });
    await proposed(Object.fromEntries(hostile.map((name) => [name, text])));
    await proposed(Object.fromEntries(hostile.map((name) => [name, `web: ${text}x`])));
    await proposed({
      'package.json': script,
      'pnpm-lock.yaml': text,
      'a/package.json': script,
      'a/.env.example': `${text}\nA=${text}`,
    });
  }
}, 120_000);

it('files that cannot be read are as if they said nothing', async () => {
  const { proposals } = await proposed({ 'web/index.html': '' }, '', [
    'package.json',
    'go.mod',
    'web/.env.example',
    'Procfile',
  ]);
  expect(proposals.map(({ name }) => name)).toEqual(['web']);
  expect(specOf(proposals).services).toHaveProperty('web');
});
