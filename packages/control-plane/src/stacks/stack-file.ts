/** The stack file as text. Defaults are left out, so that a person reads only what was chosen. */
import { ServiceSpec, StackFile, type StackSpec } from '@mainstay/contract/stack';
import { stringify } from 'yaml';

/** YAML that, applied, makes exactly this specification. */
export function stackFileYaml(stack: string, spec: StackSpec): string {
  const plain = StackFile.parse({ stack, services: { x: { source: { git: '/x' }, run: 'x' } } }) as Record<
    string,
    unknown
  >;
  const service = ServiceSpec.parse({ source: { git: '/x' }, run: 'x' }) as Record<string, unknown>;
  const services = Object.entries(spec.services).map(([name, entry]) => [name, without(entry, service)]);
  const { services: _, ...rest } = spec;
  const { services: __, ...defaults } = plain;
  const file = { stack, ...(without(rest, defaults) as object), services: Object.fromEntries(services) };
  return stringify(file, { lineWidth: 0 });
}

/** The value without what equals its default; always keeps what has no default. */
function without(value: unknown, defaults: unknown): unknown {
  if (!isObject(value) || !isObject(defaults)) return value;
  const kept = Object.entries(value).flatMap(([key, inner]) => {
    if (key === 'git' || key === 'run') return [[key, inner]];
    if (JSON.stringify(inner) === JSON.stringify(defaults[key])) return [];
    return [[key, without(inner, defaults[key])]];
  });
  return Object.fromEntries(kept);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
