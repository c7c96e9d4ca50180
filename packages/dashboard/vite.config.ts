/**
 * Builds the dashboard: hashed files in assets/, which work under any path prefix because the page names its base itself.
 * Nothing is inlined, so that the page's policy can forbid inline scripts.
 */
import { operationList } from '@mainstay/contract/operations/index';
import { defineConfig, type Plugin } from 'vite';

const virtualModule = 'virtual:mainstay-operations';

/** Method and path of every operation, taken from the contract at build time: the page needs no schemas to call them. */
function operationRoutes(): Plugin {
  return {
    name: 'mainstay-operation-routes',
    resolveId: (id) => (id === virtualModule ? `\0${virtualModule}` : null),
    load: (id) => {
      if (id !== `\0${virtualModule}`) return null;
      const routes = Object.fromEntries(operationList.map(({ id: operation, http }) => [operation, { http }]));
      return `export default ${JSON.stringify(routes)};`;
    },
  };
}

export default defineConfig({
  root: import.meta.dirname,
  base: './',
  plugins: [operationRoutes()],
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    sourcemap: false,
    chunkSizeWarningLimit: 1_000,
    rolldownOptions: {
      // "use client" means nothing here, and every component of Mantine says it.
      onLog: (level, log, defaultHandler) => {
        if (log.code !== 'MODULE_LEVEL_DIRECTIVE') defaultHandler(level, log);
      },
    },
  },
});
