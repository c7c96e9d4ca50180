import { describe, expect, it } from 'vitest';
import { proposed } from '../testing/repositories.ts';
import { isMember } from './node-packages.ts';

const server = "require('node:http').createServer().listen(process.env.PORT)";
const express = { dependencies: { express: '5' } };
const vite = { devDependencies: { vite: '8' }, scripts: { dev: 'vite', build: 'vite build' } };

describe('a workspace', () => {
  const root = JSON.stringify({
    private: true,
    workspaces: ['apps/*', 'packages/*', '!apps/old'],
    scripts: { start: 'turbo start' },
  });
  const api = JSON.stringify({ name: '@shop/api', ...express, scripts: { start: 'node server.js' } });
  const web = JSON.stringify({ name: '@shop/web', dependencies: { '@shop/ui': '*' }, ...vite });
  const ui = JSON.stringify({ name: '@shop/ui', scripts: { build: 'tsc' } });
  const members = {
    'apps/api/package.json': api,
    'apps/api/server.js': server,
    'apps/web/package.json': web,
    'apps/web/index.html': '',
    'packages/ui/package.json': ui,
  };

  it('gives its services, and neither its libraries nor itself', async () => {
    const { proposals } = await proposed({ 'package.json': root, 'package-lock.json': '', ...members });
    expect(proposals.map(({ name, root: at, build, route }) => [name, at, build?.value, route?.prefix])).toEqual([
      ['api', 'apps/api', 'npm ci', '/api'],
      ['web', 'apps/web', 'npm ci && npm run build', '/'],
    ]);
    expect(proposals[0]?.build?.reason).toBe('package-lock.json of the workspace pins the dependencies.');
    expect(proposals[1]?.notes.join(' ')).toMatch(/uses `@shop\/ui` of the same workspace/);
  });

  it('builds what a service uses of it first, where its tools can', async () => {
    const pnpm = {
      'package.json': '{}',
      'pnpm-workspace.yaml': "packages:\n  - 'apps/*'\n  - packages/*\n",
      'pnpm-lock.yaml': '',
    };
    const { proposals } = await proposed({ ...pnpm, ...members });
    expect(proposals[1]?.build?.value).toBe('pnpm install --frozen-lockfile && pnpm --filter @shop/web... run build');
    const turbo = JSON.stringify({ workspaces: ['apps/*', 'packages/*'], devDependencies: { turbo: '2' } });
    const other = await proposed({ 'package.json': turbo, 'turbo.json': '{}', 'package-lock.json': '', ...members });
    expect(other.proposals[1]?.build?.value).toBe('npm ci && npx turbo run build --filter=@shop/web');
  });

  it('is left by a folder that is no member: it installs for itself', async () => {
    const { proposals } = await proposed({ 'package.json': root, 'package-lock.json': '', 'other/package.json': api });
    expect(proposals[0]?.build?.value).toBe('npm install');
  });

  it.each([
    ['apps/api', ['apps/*'], true],
    ['apps/a/b', ['apps/*'], false],
    ['apps/a/b', ['apps/**'], true],
    ['apps/old', ['apps/*', '!apps/old'], false],
    ['api', ['./api'], true],
    ['api-v2', ['api*'], true],
    ['x', Array(50).fill('**/**/**/**/y'), false],
  ])('%s in %j: %s', (path, patterns, member) => {
    expect(isMember(path, patterns)).toBe(member);
  });
});
