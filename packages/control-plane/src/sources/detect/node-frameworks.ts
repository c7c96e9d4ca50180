/**
 * Frameworks of Node by the package that gives them away: what to call them, and what their build leaves behind. First
 * match wins, so that what is built on another stands before it.
 */
import { type Folder, isPlainPath, joined } from './view.ts';

/** What a build makes: files to be handed out, or a program to be run. */
export type Output = { files: string; program?: undefined } | { program: string; files?: undefined };

export type Framework = {
  package: string;
  title: string;
  serves: 'pages' | 'api';
  /** Null: it is run as its scripts say. `has` asks for a dependency. */
  output?: (folder: Folder, has: (name: string) => boolean) => Promise<Output | null>;
  /** Builds it where package.json has no script `build`. */
  build?: string;
};

const files = (folder: string) => async (): Promise<Output> => ({ files: folder });

export const frameworks: readonly Framework[] = [
  { package: 'next', title: 'Next.js', serves: 'pages', build: 'npx next build', output: nextOutput },
  {
    package: 'nuxt',
    title: 'Nuxt',
    serves: 'pages',
    build: 'npx nuxt build',
    output: async () => ({ program: '.output/server/index.mjs' }),
  },
  { package: '@sveltejs/kit', title: 'SvelteKit', serves: 'pages', build: 'npx vite build', output: svelteOutput },
  { package: 'astro', title: 'Astro', serves: 'pages', build: 'npx astro build', output: astroOutput },
  { package: '@react-router/serve', title: 'React Router', serves: 'pages' },
  { package: '@remix-run/serve', title: 'Remix', serves: 'pages' },
  { package: '@docusaurus/core', title: 'Docusaurus', serves: 'pages', output: files('build') },
  { package: 'vitepress', title: 'VitePress', serves: 'pages', output: vitepressOutput },
  { package: 'gatsby', title: 'Gatsby', serves: 'pages', build: 'npx gatsby build', output: files('public') },
  { package: '@11ty/eleventy', title: 'Eleventy', serves: 'pages', build: 'npx eleventy', output: files('_site') },
  { package: '@nestjs/core', title: 'NestJS', serves: 'api' },
  { package: 'express', title: 'Express', serves: 'api' },
  { package: 'fastify', title: 'Fastify', serves: 'api' },
  { package: 'koa', title: 'Koa', serves: 'api' },
  { package: '@hono/node-server', title: 'Hono', serves: 'api' },
  { package: 'hono', title: 'Hono', serves: 'api' },
  { package: '@hapi/hapi', title: 'hapi', serves: 'api' },
  { package: 'restify', title: 'Restify', serves: 'api' },
  { package: '@apollo/server', title: 'Apollo', serves: 'api' },
  { package: 'elysia', title: 'Elysia', serves: 'api' },
  { package: 'h3', title: 'h3', serves: 'api' },
  { package: 'socket.io', title: 'Socket.IO', serves: 'api' },
  { package: '@angular/core', title: 'Angular', serves: 'pages', build: 'npx ng build', output: angularOutput },
  { package: 'react-scripts', title: 'Create React App', serves: 'pages', output: files('build') },
  { package: '@vue/cli-service', title: 'Vue CLI', serves: 'pages', output: files('dist') },
  { package: 'vite', title: 'Vite', serves: 'pages', build: 'npx vite build', output: viteOutput },
  { package: 'parcel', title: 'Parcel', serves: 'pages', output: files('dist') },
  { package: 'ws', title: 'WebSocket', serves: 'api' },
];

async function nextOutput(folder: Folder): Promise<Output | null> {
  const [config] = await folder.texts(['next.config.js', 'next.config.mjs', 'next.config.ts'], 1);
  return /\boutput\s*:\s*["']export["']/.test(config?.text ?? '') ? { files: 'out' } : null;
}

async function svelteOutput(_: Folder, has: (name: string) => boolean): Promise<Output | null> {
  if (has('@sveltejs/adapter-node')) return { program: 'build/index.js' };
  return has('@sveltejs/adapter-static') ? { files: 'build' } : null;
}

async function astroOutput(_: Folder, has: (name: string) => boolean): Promise<Output> {
  return has('@astrojs/node') ? { program: 'dist/server/entry.mjs' } : { files: 'dist' };
}

async function vitepressOutput(folder: Folder): Promise<Output> {
  return {
    files: folder.below.some((path) => path.startsWith('docs/.vitepress/'))
      ? 'docs/.vitepress/dist'
      : '.vitepress/dist',
  };
}

/** `angular.json` names its projects; the application builder puts what browsers load into a folder of its own. */
async function angularOutput(folder: Folder): Promise<Output | null> {
  const text = (await folder.read('angular.json')) ?? '';
  const project = /"projects"\s*:\s*\{\s*"([\w.-]{1,100})"/.exec(text)?.[1];
  if (project === undefined) return null;
  return {
    files: /@angular[\w/-]*:(browser|browser-esbuild)"/.test(text) ? `dist/${project}` : `dist/${project}/browser`,
  };
}

/** Without a page to begin with, Vite builds a library. */
async function viteOutput(folder: Folder): Promise<Output | null> {
  const [config] = await folder.texts(['vite.config.ts', 'vite.config.js', 'vite.config.mts', 'vite.config.mjs'], 1);
  const value = (name: string) =>
    new RegExp(`\\b${name}\\s*:\\s*["']([\\w./-]{1,100})["']`).exec(config?.text ?? '')?.[1];
  const root = value('root') ?? '';
  if (!folder.has(joined(root, 'index.html'))) return null;
  const output = joined(root, value('outDir') ?? 'dist');
  return { files: isPlainPath(output) ? output : 'dist' };
}
