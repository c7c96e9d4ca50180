/**
 * What is wrong, and at which input: what is empty is found here, all else by the control plane, whose errors name a path such
 * as `spec.services.api.port`. Inputs have the ids that this gives, so that a message and the cursor find them. Pure.
 */
import { newStack as texts } from '../../texts/new-stack.ts';
import { type ServiceDraft, type StackDraft, secretsOf } from './stack-draft.ts';

/** Messages by the id of the input that they are about. */
export type Problems = Record<string, string>;

export const stackField = (name: 'name' | 'services' | 'servers' | 'labels' | 'proxy_port' | 'bind' | 'names_port') =>
  `stack-${name}`;
export type ServiceField =
  | 'name'
  | 'git'
  | 'ref'
  | 'credential'
  | 'root'
  | 'build'
  | 'run'
  | 'port'
  | 'route'
  | 'health';
export const serviceField = (service: { key: string }, name: ServiceField) => `${service.key}-${name}`;
export const envField = (variable: { key: string }) => `env-${variable.key}`;

/** What is missing before the control plane is asked at all. */
export function emptyFields(draft: StackDraft, name: string, taken: readonly string[]): Problems {
  const problems: Problems = {};
  const names = new Set<string>();
  for (const service of draft.services) {
    const serviceName = service.name.trim();
    if (serviceName === '') problems[serviceField(service, 'name')] = texts.service.nameEmpty;
    // One would silently take the other's place.
    else if (names.has(serviceName)) problems[serviceField(service, 'name')] = texts.service.nameTwice;
    names.add(serviceName);
    if (service.source.git.trim() === '') problems[serviceField(service, 'git')] = texts.repository.gitEmpty;
    if (service.run.text.trim() === '') problems[serviceField(service, 'run')] = texts.service.runEmpty;
    for (const variable of service.env) {
      if (variable.name.trim() === '') problems[envField(variable)] = texts.service.envNeedsName;
    }
  }
  if (draft.services.length === 0) problems[stackField('services')] = texts.stack.noServices;
  if (name.trim() === '') problems[stackField('name')] = texts.stack.nameEmpty;
  else if (name !== draft.made && taken.includes(name)) problems[stackField('name')] = texts.stack.nameTaken;
  return problems;
}

/** The input that an error of `stacks.apply` is about; null when there is none. */
export function inputOf(field: string, draft: StackDraft): string | null {
  if (field === 'stack') return stackField('name');
  if (field.startsWith('spec.targets')) return stackField('labels');
  if (field === 'spec.proxy.bind') return stackField('bind');
  if (field.startsWith('spec.proxy')) return stackField('proxy_port');
  if (field.startsWith('spec.names')) return stackField('names_port');
  const beginning = 'spec.services.';
  if (!field.startsWith(beginning)) return field === 'spec.services' ? stackField('services') : null;
  const rest = field.slice(beginning.length);
  // Names may hold dots while they are wrong; the longest that fits is meant.
  const service = draft.services
    .filter(({ name }) => rest === name.trim() || rest.startsWith(`${name.trim()}.`))
    .toSorted((a, b) => b.name.length - a.name.length)[0];
  return service ? inputOfService(rest.slice(service.name.trim().length + 1), service) : stackField('services');
}

const byPath: Record<string, ServiceField> = {
  'source.git': 'git',
  'source.ref': 'ref',
  'source.root': 'root',
  'source.credential': 'credential',
  source: 'git',
  build: 'build',
  run: 'run',
  port: 'port',
  route: 'route',
  health: 'health',
};

function inputOfService(path: string, service: ServiceDraft): string {
  const [head = '', next = ''] = path.split('.');
  if (head === 'env') {
    const variable = service.env.find(({ name }) => name.trim() === path.slice('env.'.length));
    if (variable) return envField(variable);
  }
  if (head === 'secrets') {
    const secret = secretsOf(service.env)[Number(next)];
    if (secret) return envField(secret);
  }
  return serviceField(service, byPath[`${head}.${next}`] ?? byPath[head] ?? 'name');
}
