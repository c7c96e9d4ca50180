/**
 * The configuration as it comes over the control socket and lies on the disk: checked field by field, without a schema
 * library, which would double the memory of this process. Kept in one file, replaced whole.
 */
import { open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Backend, ProxyConfig, ProxyRoute, ProxyService } from '../proxy.ts';

/** A field of a configuration is missing or wrong; the message names it. */
export class ConfigError extends Error {}

type Fields = Record<string, unknown>;

function fail(field: string, rule: string): never {
  throw new ConfigError(`"${field}" ${rule}.`);
}

function fields(value: unknown, field: string, names: readonly string[]): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) fail(field, 'must be an object');
  for (const name of Object.keys(value)) if (!names.includes(name)) fail(`${field}.${name}`, 'is not a known field');
  return value as Fields;
}

function text(value: unknown, field: string, pattern: RegExp, rule: string): string {
  if (typeof value !== 'string' || value.length > 512 || !pattern.test(value)) fail(field, rule);
  return value;
}

function port(value: unknown, field: string): number {
  if (!Number.isInteger(value) || (value as number) < 1 || (value as number) > 65_535) {
    fail(field, 'must be a port from 1 to 65535');
  }
  return value as number;
}

function flag(value: unknown, field: string): boolean {
  if (typeof value !== 'boolean') fail(field, 'must be true or false');
  return value;
}

const id = /^[A-Za-z0-9._:-]{1,128}$/;
const idRule = 'must be an id of letters, digits, dots, dashes, underscores and colons';
const label = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const labelRule = 'must be a DNS label';

function backend(value: unknown, field: string): Backend | null {
  if (value === null) return null;
  const given = fields(value, field, ['id', 'release_id', 'port']);
  return {
    id: text(given['id'], `${field}.id`, id, idRule),
    release_id: text(given['release_id'], `${field}.release_id`, id, idRule),
    port: port(given['port'], `${field}.port`),
  };
}

/** Checks a configuration. Throws ConfigError. */
export function parseProxyConfig(value: unknown): ProxyConfig {
  const given = fields(value, 'config', ['external', 'internal', 'routes', 'services']);
  let external: ProxyConfig['external'] = null;
  if (given['external'] !== null) {
    const at = fields(given['external'], 'external', ['host', 'port']);
    const host = text(at['host'], 'external.host', /^[A-Za-z0-9.:_-]+$/, 'must be an address or a host name');
    external = { host, port: port(at['port'], 'external.port') };
  }
  let internal: ProxyConfig['internal'] = null;
  if (given['internal'] !== null) {
    const at = fields(given['internal'], 'internal', ['port', 'domain']);
    const domain = text(at['domain'], 'internal.domain', /^[a-z0-9-]+(\.[a-z0-9-]+)*$/i, 'must be a domain');
    internal = { port: port(at['port'], 'internal.port'), domain };
  }
  const services: Record<string, ProxyService> = {};
  for (const [name, entry] of Object.entries(
    fields(given['services'], 'services', Object.keys(given['services'] ?? {})),
  )) {
    const field = `services.${name}`;
    text(name, field, label, labelRule);
    const service = fields(entry, field, ['active', 'held', 'internal_port']);
    services[name] = {
      active: backend(service['active'], `${field}.active`),
      held: flag(service['held'], `${field}.held`),
      internal_port: port(service['internal_port'], `${field}.internal_port`),
    };
  }
  if (!Array.isArray(given['routes'])) fail('routes', 'must be a list');
  const routes = given['routes'].map((entry: unknown, index): ProxyRoute => {
    const field = `routes.${index}`;
    const route = fields(entry, field, ['prefix', 'strip', 'service']);
    const prefix = text(
      route['prefix'],
      `${field}.prefix`,
      /^\/([^/?#%\s]+(\/[^/?#%\s]+)*)?$/,
      'must be a path prefix',
    );
    const service = text(route['service'], `${field}.service`, label, labelRule);
    if (!services[service]) fail(`${field}.service`, 'must name one of the services');
    return { prefix, strip: flag(route['strip'], `${field}.strip`), service };
  });
  const config = { external, internal, routes, services };
  refuseClashes(config);
  return config;
}

function refuseClashes({ external, internal, routes, services }: ProxyConfig): void {
  const ports = new Map<number, string>();
  const claim = (at: number, field: string) => {
    const other = ports.get(at);
    if (other) fail(field, `is port ${at}, which ${other} has already`);
    ports.set(at, field);
  };
  if (external) claim(external.port, 'external.port');
  if (internal) claim(internal.port, 'internal.port');
  for (const [name, { internal_port }] of Object.entries(services))
    claim(internal_port, `services.${name}.internal_port`);
  const prefixes = new Set<string>();
  for (const [index, { prefix }] of routes.entries()) {
    if (prefixes.has(prefix)) fail(`routes.${index}.prefix`, `is "${prefix}", which another route has already`);
    prefixes.add(prefix);
  }
}

const fileOf = (folder: string) => join(folder, 'config.json');

/** Reads the configuration that was applied last; null when there is none. Rejects when it is damaged. */
export async function loadConfig(folder: string): Promise<ProxyConfig | null> {
  let content: string;
  try {
    content = await readFile(fileOf(folder), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  return parseProxyConfig(JSON.parse(content));
}

/** Replaces the file so that a crash or a loss of power leaves either the old configuration or the new one. */
export async function saveConfig(folder: string, config: ProxyConfig): Promise<void> {
  const temporary = `${fileOf(folder)}.new`;
  try {
    const file = await open(temporary, 'w', 0o600);
    try {
      await file.writeFile(JSON.stringify(config));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, fileOf(folder));
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  const directory = await open(folder, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
