import { it } from 'vitest';
import { expectProposal, type Row } from '../testing/rows.ts';

const manifest = (value: Record<string, unknown>) => JSON.stringify({ name: 'shop', ...value });
const vite = {
  devDependencies: { vite: '8' },
  scripts: { dev: 'vite', build: 'tsc && vite build', preview: 'vite preview' },
};
const files = (folder: string) => `exec python3 -m http.server "$PORT" --bind 127.0.0.1 --directory ${folder}`;

const rows: Row[] = [
  {
    title: 'Vite makes files',
    files: { 'package.json': manifest(vite), 'package-lock.json': '', 'index.html': '' },
    build: 'npm ci && npm run build',
    run: files('dist'),
    health: '/',
    says: 'Node.js (npm, Vite)',
  },
  {
    title: 'Vite with folders of its own',
    files: {
      'package.json': manifest(vite),
      'package-lock.json': '',
      'src/index.html': '',
      'vite.config.ts': "export default { root: 'src', build: { outDir: '../public/site' } }",
    },
    build: 'npm ci && npm run build',
    run: files('public/site'),
    health: '/',
    says: 'Node.js (npm, Vite)',
  },
  {
    title: 'Create React App, whose start script is for development',
    files: {
      'package.json': manifest({
        dependencies: { 'react-scripts': '5' },
        scripts: { start: 'react-scripts start', build: 'react-scripts build' },
      }),
      'package-lock.json': '',
    },
    build: 'npm ci && npm run build',
    run: files('build'),
    health: '/',
    says: 'Node.js (npm, Create React App)',
  },
  {
    title: 'Angular puts what browsers load into a folder of its own',
    files: {
      'package.json': manifest({
        dependencies: { '@angular/core': '20' },
        scripts: { start: 'ng serve', build: 'ng build' },
      }),
      'angular.json': '{ "projects": { "store-front": { "builder": "@angular/build:application" } } }',
      'package-lock.json': '',
    },
    build: 'npm ci && npm run build',
    run: files('dist/store-front/browser'),
    health: '/',
    says: 'Node.js (npm, Angular)',
  },
  {
    title: 'Next.js listens on this machine only',
    files: {
      'package.json': manifest({ dependencies: { next: '16' }, scripts: { build: 'next build', start: 'next start' } }),
      'package-lock.json': '',
    },
    build: 'npm ci && npm run build',
    run: ['npm', 'start', '--', '--hostname', '127.0.0.1'],
    health: '/',
    says: 'Node.js (npm, Next.js)',
  },
  {
    title: 'Next.js that exports files',
    files: {
      'package.json': manifest({ dependencies: { next: '16' }, scripts: { build: 'next build' } }),
      'next.config.mjs': "export default { output: 'export' }",
      'package-lock.json': '',
    },
    build: 'npm ci && npm run build',
    run: files('out'),
    health: '/',
    says: 'Node.js (npm, Next.js)',
  },
  {
    title: 'Nuxt builds a server',
    files: { 'package.json': manifest({ dependencies: { nuxt: '4' } }), 'pnpm-lock.yaml': '' },
    build: 'pnpm install --frozen-lockfile && pnpm exec nuxt build',
    run: ['env', 'HOST=127.0.0.1', 'node', '.output/server/index.mjs'],
    health: '/',
    says: 'Node.js (pnpm, Nuxt)',
  },
  {
    title: 'SvelteKit with the adapter of Node',
    files: {
      'package.json': manifest({
        devDependencies: { '@sveltejs/kit': '2', '@sveltejs/adapter-node': '5', vite: '8' },
        scripts: { build: 'vite build' },
      }),
      'package-lock.json': '',
    },
    build: 'npm ci && npm run build',
    run: ['env', 'HOST=127.0.0.1', 'node', 'build/index.js'],
    health: '/',
    says: 'Node.js (npm, SvelteKit)',
  },
];

it.each(rows)('$title', (row) => expectProposal('node', row));
