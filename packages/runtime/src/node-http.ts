/**
 * `node:http` and `node:https` without what nobody asked for. An `import` of `node:http` evaluates every export of it, and
 * one of them (WebSocket) loads the whole of undici: 13 MB of resident memory, measured with Node 24.21. Programs that are
 * to stay small take the modules from here; types still come from `node:http`.
 */
export const http: typeof import('node:http') = process.getBuiltinModule('node:http');

/** Loaded at the first call only: TLS costs another 8 MB. */
export function loadHttps(): typeof import('node:https') {
  return process.getBuiltinModule('node:https');
}
