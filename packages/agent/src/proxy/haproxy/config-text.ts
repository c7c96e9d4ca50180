/**
 * HAProxy's configuration as text: a pure function of what is wanted. It has two parts. The structure (listeners, routes,
 * services) is known to a running HAProxy by its hash, which stands in `description`; another structure needs a reload. The
 * servers, which a release switch changes, are told to the running HAProxy over its socket, and written here as well, so
 * that a start serves what was served last.
 *
 * Values come from fields that parseProxyConfig has checked, and are quoted all the same.
 */
import { createHash } from 'node:crypto';
import type { ProxyConfig } from '../proxy.ts';
import { type HaproxyLimits, limitLines } from './limits.ts';
import { backendRules, onwardBackend, refusingBackends, requestRules, responseRules } from './rules.ts';

export type ConfigFiles = {
  config: string;
  lua: string;
  routes: string;
  hosts: string;
  held: string;
  releases: string;
  idle: string;
  secret: string;
};

/** Paths of the files in the state folder. */
export function filesIn(home: string): ConfigFiles {
  const file = (name: string) => `${home}/${name}`;
  return {
    config: file('haproxy.cfg'),
    lua: file('mainstay.lua'),
    routes: file('routes.map'),
    hosts: file('hosts.map'),
    held: file('held.map'),
    releases: file('releases.map'),
    idle: file('idle.sock'),
    secret: file('secret'),
  };
}

export type TextOptions = {
  files: ConfigFiles;
  limits: HaproxyLimits;
  /** User and group of the workers; null to stay what the master is. */
  user: { user: string; group: string } | null;
  /** By which a worker knows what another one of this HAProxy sends onward; letters and digits. */
  secret: string;
  /** Addresses that cannot be opened now, as `bindAddress` writes them. */
  left_out: ReadonlySet<string>;
};

export type ConfigText = {
  text: string;
  structure: string;
  routes: string;
  hosts: string;
  held: string;
  releases: string;
};

/** What stands on a server line and in `add server`. Idle connections are closed before most services would do it. */
export const serverOptions = 'pool-purge-delay 2s pool-max-conn 256';

/** A word of the configuration, in strong quotes. */
export function word(text: string): string {
  if (/[\r\n\0]/.test(text)) throw new Error('A value for HAProxy holds a line break.');
  return `'${text.replaceAll("'", "'\\''")}'`;
}

export function backendName(service: string): string {
  return `svc:${service}`;
}

/** Renders a configuration whose listeners are known to be free. */
export function renderConfig(config: ProxyConfig, options: TextOptions): ConfigText {
  const { files, limits, user, secret, left_out } = options;
  const services = Object.entries(config.services).sort(([a], [b]) => (a < b ? -1 : 1));
  const routes = [...config.routes]
    .sort((a, b) => (a.prefix < b.prefix ? -1 : 1))
    // With a slash behind both the prefix and the path, the longest prefix is one of whole segments.
    .map(({ prefix, service, strip }) => {
      const whole = prefix === '/';
      return `${whole ? '/' : `${prefix}/`} ${service}/${strip && !whole ? Buffer.byteLength(prefix) : 0}\n`;
    })
    .join('');
  const domain = config.internal?.domain.toLowerCase();
  const hosts = services.map(([name]) => `${name} ${name}\n${domain ? `${name}.${domain} ${name}\n` : ''}`).join('');
  const held = services.flatMap(([name, { held }]) => (held ? [`${name} 1\n`] : [])).join('');
  const releases = services
    .flatMap(([, { active }]) => (active ? [`${active.id} ${active.release_id}\n`] : []))
    .join('');

  const bind = (host: string, port: number) => {
    const at = bindAddress(host, port);
    return left_out.has(at) ? [] : [`  bind ${word(at)} proto h1`];
  };
  const { external, internal } = config;
  const external_binds = external ? bind(external.host, external.port) : [];
  const internal_binds = [
    ...(internal ? [internal.port] : []),
    ...services.map(([, { internal_port }]) => internal_port),
  ].flatMap((port) => bind('127.0.0.1', port));
  const stripped = config.routes.filter(({ prefix, strip }) => strip && prefix !== '/');
  const parts = [
    ...(external_binds.length > 0
      ? [
          'frontend external',
          ...external_binds,
          ...requestRules({ files, role: 'external', internal_port: null, ports: [], stripped, secret }),
          ...responseRules(files, 'external'),
        ]
      : []),
    ...(internal_binds.length > 0
      ? [
          'frontend internal',
          ...internal_binds,
          ...requestRules({
            files,
            role: 'internal',
            internal_port: internal?.port ?? null,
            ports: services.map(([name, { internal_port }]) => [name, internal_port]),
            stripped: [],
            secret,
          }),
          ...responseRules(files, 'internal'),
        ]
      : []),
    // With no listener at all HAProxy would not start; the socket in the state folder serves nobody.
    ...(external_binds.length + internal_binds.length > 0
      ? []
      : ['frontend none', `  bind ${word(`unix@${files.idle}`)} mode 600`, '  http-request deny']),
  ];
  const backend = (name: string, servers: string[]) => [
    `backend ${backendName(name)}`,
    '  balance roundrobin',
    ...backendRules,
    ...servers,
  ];
  const head = (structure: string) => [
    'global',
    `  description ${structure}`,
    ...(limits.threads_max === null ? [] : [`  nbthread ${limits.threads_max}`]),
    ...(user ? [`  user ${word(user.user)}`, `  group ${word(user.group)}`] : []),
    `  lua-load ${word(files.lua)}`,
    ...limitLines(limits),
  ];
  parts.push(...onwardBackend(secret), ...refusingBackends());
  const skeleton = [...head('-'), ...parts, ...services.flatMap(([name]) => backend(name, [])), routes, hosts];
  const structure = createHash('sha256').update(skeleton.join('\n')).digest('hex').slice(0, 32);
  const text = [
    '# Written by the Mainstay agent at each change; what is edited here is lost.',
    ...head(structure),
    ...parts,
    ...services.flatMap(([name, { active }]) =>
      backend(name, active ? [`  server ${active.id} 127.0.0.1:${active.port} ${serverOptions}`] : []),
    ),
    '',
  ].join('\n');
  return { text, structure, routes, hosts, held, releases };
}

/** An address as `bind` takes it. */
export function bindAddress(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
