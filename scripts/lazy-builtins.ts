/** An esbuild plugin that keeps undici out of programs that do not use it. */
import type { Plugin } from 'esbuild';

/**
 * Importing node:http as a module reads all of its exports, and three of them (WebSocket and its events) load undici: 14 MB
 * of memory in every program. Taken as an object, only what is used is read.
 */
export const lazyBuiltins: Plugin = {
  name: 'lazy-builtins',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(node:)?https?$/ }, ({ path }) => ({
      path: path.replace(/^node:/, ''),
      namespace: 'builtin',
    }));
    onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule('node:${path}');`,
    }));
  },
};
