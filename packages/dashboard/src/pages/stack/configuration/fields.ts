/** The common fields of a stack's configuration: where each stands in the specification, and how its text is read. */
import type { Labels } from '@mainstay/contract/server-labels';
import type { StackSpec } from '@mainstay/contract/stack';
import type { configuration } from '../../../texts/stack/configuration.ts';
import { labelsOf, labelsText } from '../../../ui/labels.ts';

export type FieldKind = 'text' | 'number' | 'command' | 'flag' | 'choice' | 'credential' | 'labels';
export type Field = {
  /** Dots between names, below the service or the stack. */
  path: string;
  kind: FieldKind;
  group: keyof typeof configuration.groups;
  choices?: readonly string[];
  wide?: boolean;
  mono?: boolean;
};

/** Edits by path; a path that is not there was not touched. */
export type Edits = Record<string, string>;
/** By service; those of the whole stack stand under the empty name. */
export type ConfigurationDraft = Record<string, Edits>;

export const serviceFields: readonly Field[] = [
  { path: 'source.git', kind: 'text', group: 'source', wide: true, mono: true },
  { path: 'source.ref', kind: 'text', group: 'source', mono: true },
  { path: 'source.root', kind: 'text', group: 'source', mono: true },
  { path: 'source.credential', kind: 'credential', group: 'source' },
  { path: 'build', kind: 'command', group: 'run', wide: true, mono: true },
  { path: 'run', kind: 'command', group: 'run', wide: true, mono: true },
  { path: 'port', kind: 'number', group: 'run' },
  { path: 'route.prefix', kind: 'text', group: 'route', mono: true },
  { path: 'route.strip', kind: 'flag', group: 'route' },
  { path: 'health.type', kind: 'choice', group: 'health', choices: ['http', 'tcp'] },
  { path: 'health.path', kind: 'text', group: 'health', mono: true },
  { path: 'health.interval_seconds', kind: 'number', group: 'health' },
  { path: 'health.timeout_seconds', kind: 'number', group: 'health' },
  { path: 'health.unhealthy_threshold', kind: 'number', group: 'health' },
  { path: 'health.start_timeout_seconds', kind: 'number', group: 'health' },
  { path: 'limits.memory_mb', kind: 'number', group: 'limits' },
  { path: 'limits.processes', kind: 'number', group: 'limits' },
  { path: 'limits.cpu_percent', kind: 'number', group: 'limits' },
  { path: 'limits.build_memory_mb', kind: 'number', group: 'limits' },
  { path: 'limits.build_timeout_seconds', kind: 'number', group: 'limits' },
  { path: 'drain_timeout_seconds', kind: 'number', group: 'stop' },
  { path: 'stop_timeout_seconds', kind: 'number', group: 'stop' },
];

export const stackFields: readonly Field[] = [
  { path: 'targets.labels', kind: 'labels', group: 'servers', wide: true, mono: true },
  { path: 'poll_interval_seconds', kind: 'number', group: 'following' },
  { path: 'auto_deploy', kind: 'flag', group: 'following' },
  { path: 'proxy.port', kind: 'number', group: 'proxy' },
  { path: 'proxy.bind', kind: 'choice', group: 'proxy', choices: ['loopback', 'public'] },
  { path: 'names.domain', kind: 'text', group: 'names', mono: true },
  { path: 'names.port', kind: 'number', group: 'names' },
];

/** Fields without a default: an empty text takes them away. */
const optional = new Set(['build', 'port', 'source.credential', 'limits.memory_mb', 'limits.cpu_percent']);

/** What a field shows of a specification. */
export function textAt(value: unknown, path: string): string {
  const found = path.split('.').reduce<unknown>((at, name) => (isObject(at) ? at[name] : undefined), value);
  if (found === undefined || found === null) return '';
  if (isObject(found)) return labelsText(found as Labels);
  return Array.isArray(found) ? JSON.stringify(found) : String(found);
}

/** The edits that say something else than the specification does. */
export function realEdits(edits: Edits | undefined, value: unknown): Edits {
  return Object.fromEntries(Object.entries(edits ?? {}).filter(([path, text]) => textAt(value, path) !== text));
}

/** The specification with the edits, to be checked by the control plane; services that are gone by now are left out. */
export function specWith(spec: StackSpec, draft: ConfigurationDraft): StackSpec {
  const services = Object.entries(spec.services).map(([name, service]) => {
    const next = edited(service, realEdits(draft[name], service), serviceFields);
    if (isObject(next['route']) && !next['route']['prefix']) delete next['route'];
    return [name, next];
  });
  const whole = edited(spec, realEdits(draft[''], spec), stackFields);
  // Without labels, servers are given the stack one by one.
  if (isObject(whole['targets']) && !Object.keys(whole['targets']['labels'] ?? {}).length) delete whole['targets'];
  return { ...whole, services: Object.fromEntries(services) } as StackSpec;
}

function edited(value: object, edits: Edits, fields: readonly Field[]): Record<string, unknown> {
  const next = structuredClone(value) as Record<string, unknown>;
  for (const { path, kind } of fields) {
    const text = edits[path];
    if (text === undefined) continue;
    const names = path.split('.');
    const last = names.pop() ?? '';
    const parent = names.reduce<Record<string, unknown>>((at, name) => {
      if (!isObject(at[name])) at[name] = {};
      return at[name] as Record<string, unknown>;
    }, next);
    if (text.trim() === '' && optional.has(path)) delete parent[last];
    else parent[last] = read(text, kind);
  }
  return next;
}

/** What cannot be read stays text: the control plane then says what is wrong with it, and at which field. */
function read(text: string, kind: FieldKind): unknown {
  const trimmed = text.trim();
  switch (kind) {
    case 'number':
      return trimmed !== '' && Number.isFinite(Number(trimmed)) ? Number(trimmed) : trimmed;
    case 'flag':
      return trimmed === 'true';
    case 'labels':
      return labelsOf(trimmed);
    case 'command':
      return listOf(trimmed) ?? text;
    default:
      return trimmed;
  }
}

function listOf(text: string): string[] | null {
  if (!text.startsWith('[')) return null;
  try {
    const list: unknown = JSON.parse(text);
    return Array.isArray(list) && list.every((part) => typeof part === 'string') ? list : null;
  } catch {
    return null;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The service and the path that an error of `stacks.apply` is about; null when it is of no field of the form. */
export function fieldOfError(field: string | undefined): { service: string; path: string } | null {
  const parts = (field ?? '').split('.');
  if (parts[0] !== 'spec') return null;
  const [service, rest] = parts[1] === 'services' ? [parts[2] ?? '', parts.slice(3)] : ['', parts.slice(1)];
  const fields = service === '' ? stackFields : serviceFields;
  const path = rest.join('.');
  const found = fields.find((entry) => entry.path === path || path.startsWith(`${entry.path}.`));
  if (found) return { service, path: found.path };
  return path === 'source' ? { service, path: 'source.git' } : null;
}
