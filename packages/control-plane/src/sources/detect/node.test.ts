import { describe, expect, it } from 'vitest';
import { onlyProposal, proposed } from '../testing/repositories.ts';
import { expectProposal, type Row } from '../testing/rows.ts';
import { nodeCall } from './node-run.ts';

const manifest = (value: Record<string, unknown>) => JSON.stringify({ name: 'shop', ...value });
const server = "require('node:http').createServer().listen(process.env.PORT)";

const express = { dependencies: { express: '5' } };
const vite = {
  devDependencies: { vite: '8' },
  scripts: { dev: 'vite', build: 'tsc && vite build', preview: 'vite preview' },
};
const rows: Row[] = [
  {
    title: 'npm with a lock file, and a start script that is one call of node',
    files: {
      'package.json': manifest({ ...express, scripts: { start: 'node server.js' } }),
      'package-lock.json': '{}',
      'server.js': `${server}; app.get('/healthz')`,
    },
    build: 'npm ci',
    run: ['node', 'server.js'],
    health: '/healthz',
    says: 'Node.js (npm, Express)',
  },
  {
    title: 'no lock file',
    files: { 'package.json': manifest({ ...express, scripts: { start: 'node index.js' } }), 'index.js': server },
    build: 'npm install',
    run: ['node', 'index.js'],
    says: 'Node.js (npm, Express)',
  },
  {
    title: 'pnpm, with a build whose output is started',
    files: {
      'package.json': manifest({
        dependencies: { fastify: '5' },
        scripts: { build: 'tsc', start: 'NODE_ENV=production node --enable-source-maps dist/main.js' },
      }),
      'pnpm-lock.yaml': '',
      'src/main.ts': "app.listen({ port: 4000 }); app.get('/api/health', ok)",
    },
    build: 'pnpm install --frozen-lockfile && pnpm run build',
    run: ['env', 'NODE_ENV=production', 'node', '--enable-source-maps', 'dist/main.js'],
    port: 4_000,
    health: '/api/health',
    says: 'Node.js (pnpm, Fastify)',
  },
  {
    title: 'yarn 1',
    files: { 'package.json': manifest({ ...express, scripts: { start: 'node a.js && true' } }), 'yarn.lock': '' },
    build: 'yarn install --frozen-lockfile',
    run: ['yarn', 'run', 'start'],
    says: 'Node.js (yarn, Express)',
  },
  {
    title: 'yarn of today',
    files: {
      'package.json': manifest({ ...express, packageManager: 'yarn@4.9.0', scripts: { start: 'node a.js' } }),
      'yarn.lock': '',
    },
    build: 'yarn install --immutable',
    run: ['node', 'a.js'],
    says: 'Node.js (yarn, Express)',
  },
  {
    title: 'bun',
    files: {
      'package.json': manifest({ dependencies: { elysia: '1' } }),
      'bun.lock': '',
      'index.ts': 'Bun.serve({ port: 3000 })',
    },
    build: 'bun install --frozen-lockfile',
    run: ['bun', 'index.ts'],
    port: 3_000,
    says: 'Node.js (bun, Elysia)',
  },
  {
    title: 'a package manager that is named without a lock file',
    files: { 'package.json': manifest({ ...express, packageManager: 'pnpm@9.1.0', scripts: { start: 'node a.js' } }) },
    build: 'pnpm install',
    run: ['node', 'a.js'],
    says: 'Node.js (pnpm, Express)',
  },
  {
    title: 'a start script with something before it stays with npm',
    files: {
      'package.json': manifest({ ...express, scripts: { prestart: 'node migrate.js', start: 'node server.js' } }),
      'package-lock.json': '',
    },
    build: 'npm ci',
    run: ['npm', 'start'],
    says: 'Node.js (npm, Express)',
  },
  {
    title: 'a script for production goes before the one for development',
    files: {
      'package.json': manifest({
        dependencies: { '@nestjs/core': '11' },
        scripts: { build: 'nest build', start: 'nest start', 'start:prod': 'node dist/main' },
      }),
      'package-lock.json': '',
      'src/main.ts': 'await app.listen(process.env.PORT ?? 3000)',
    },
    build: 'npm ci && npm run build',
    run: ['node', 'dist/main'],
    says: 'Node.js (npm, NestJS)',
  },
  {
    title: 'a start script that only watches is passed over for the entry',
    files: {
      'package.json': manifest({ ...express, main: './src/app.js', scripts: { start: 'nodemon src/app.js' } }),
      'src/app.js': server,
    },
    build: 'npm install',
    run: ['node', 'src/app.js'],
    says: 'Node.js (npm, Express)',
  },
  {
    title: 'a call of node is one, whatever its file is called',
    files: {
      'package.json': manifest({ ...express, scripts: { start: 'node vite-server.js' } }),
      'package-lock.json': '',
    },
    build: 'npm ci',
    run: ['node', 'vite-server.js'],
    says: 'Node.js (npm, Express)',
  },
  {
    title: 'a port that the start script fixes',
    files: {
      'package.json': manifest({ ...express, scripts: { start: 'my-server --port 4321' } }),
      'package-lock.json': '',
    },
    build: 'npm ci',
    run: ['npm', 'start'],
    port: 4_321,
    says: 'Node.js (npm, Express)',
  },
  {
    title: 'a server in one file, without package.json',
    files: { 'server.mjs': "server.listen(process.env['PORT'])" },
    build: null,
    run: ['node', 'server.mjs'],
    says: 'Node.js',
  },
  {
    title: 'a package without dependencies needs no install',
    files: { 'package.json': manifest({ scripts: { start: 'node server.js' } }), 'server.js': server },
    build: null,
    run: ['node', 'server.js'],
    says: 'Node.js (npm)',
  },
];

describe('a Node service', () => {
  it.each(rows)('$title', (row) => expectProposal('node', row));

  it('says why each value is proposed', async () => {
    const proposal = await onlyProposal(rows[0]!.files);
    expect(proposal.build?.reason).toBe('package-lock.json pins the dependencies.');
    expect(proposal.run?.reason).toBe(
      'package.json has a script `start`, which is `node server.js`: it is run without npm around it.',
    );
    expect(proposal.port.reason).toBe('server.js reads PORT from its environment.');
    expect(proposal.health.reason).toBe('server.js names `/healthz`.');
    expect(proposal.route?.reason).toBe('It is the only service that is reached from outside.');
  });

  it('says what is missing instead of making something up', async () => {
    const dead = await onlyProposal({ 'package.json': manifest({ ...express, engines: { node: '>=22' } }) });
    expect(dead.run).toBeNull();
    expect(dead.notes.join(' ')).toMatch(/express, but no script `start`.*no lock file.*asks for Node `>=22`/);
    const absent = await onlyProposal({
      'package.json': manifest({ ...express, scripts: { start: 'node dist/x.js' } }),
    });
    expect(absent.notes.join(' ')).toMatch(/`dist\/x\.js` is not in the repository/);
    const kit = await onlyProposal({
      'package.json': manifest({ devDependencies: { '@sveltejs/kit': '2', vite: '8' } }),
    });
    expect(kit).toMatchObject({ run: null, notes: expect.arrayContaining([expect.stringMatching(/adapter-node/)]) });
  });

  it('is not what a library, an app for the desk or a package without scripts is', async () => {
    for (const value of [
      { main: 'index.js', dependencies: { lodash: '4' } },
      { dependencies: { electron: '38' }, scripts: { start: 'electron .' } },
      { ...vite },
      {},
    ]) {
      const { proposals, notes } = await proposed({
        'package.json': manifest(value),
        'index.js': 'module.exports = {}',
      });
      expect(proposals).toEqual([]);
      expect(notes.join(' ')).toMatch(/^Nothing to run was found in this repository/);
    }
  });

  it('leaves a broken package.json aside, and says so', async () => {
    for (const text of ['{', '[]', 'null', '"x"', '{"scripts": {"start": 5}, "dependencies": ["express"]}']) {
      const { proposals } = await proposed({ 'package.json': text });
      expect(proposals).toEqual([]);
    }
    const { proposals, notes } = await proposed({
      'api/package.json': '{',
      'web/package.json': rows[0]!.files['package.json']!,
    });
    expect(proposals.map(({ name }) => name)).toEqual(['web']);
    expect(notes).toContain('api/package.json is not valid JSON, so that nothing is proposed from it.');
  });
});

it.each([
  ['node server.js', ['node', 'server.js']],
  ['node --env-file=.env ./a/b.mjs', ['node', '--env-file=.env', './a/b.mjs']],
  ['NODE_ENV=production node x', ['env', 'NODE_ENV=production', 'node', 'x']],
  ['node a.js && echo', null],
  ['node -e "1"', null],
  ['node $FILE', null],
  ['ts-node a.ts', null],
])('the script %j is a plain call of node: %j', (script, argv) => {
  expect(nodeCall(script)).toEqual(argv);
});
