/**
 * What a person has chosen and typed so far, and the specification that it makes. Pure. Texts stay as they were typed: whether
 * they are acceptable is the control plane's to say. Values of secrets are never part of it.
 */
import type { ServiceProposal } from '@mainstay/contract/operations/sources';
import type { Command, StackSpec, StackSpecInput } from '@mainstay/contract/stack';
import { labelsOf, labelsText } from '../../ui/labels.ts';
import { quoted } from '../../ui/shell-word.ts';

type ServiceSpecInput = StackSpecInput['services'][string];
type ServiceSpec = StackSpec['services'][string];

export type SourceDraft = { git: string; ref: string; credential: string };
export type EnvDraft = { key: string; name: string; value: string; secret: boolean; reason: string; example: string };
export type Reasons = Partial<Record<'build' | 'run' | 'port' | 'health' | 'route', string>>;

export type ServiceDraft = {
  /** Of the form; names may change or be twice. */
  key: string;
  /** The proposal that it came from. */
  origin: string | null;
  title: string;
  source: SourceDraft;
  name: string;
  root: string;
  build: CommandDraft;
  run: CommandDraft;
  port: string;
  routed: boolean;
  prefix: string;
  strip: boolean;
  health: { type: 'http' | 'tcp'; path: string };
  env: EnvDraft[];
  reasons: Reasons;
  notes: readonly string[];
  /** What a stack file says beyond the form. */
  rest: Partial<ServiceSpecInput>;
};

export type StackDraft = {
  /** Null: as proposed. */
  name: string | null;
  services: ServiceDraft[];
  servers: string[];
  /** Labels by which it chooses its servers instead; empty: it does not. */
  labels: string;
  proxy_port: string;
  bind: 'loopback' | 'public';
  names_port: string;
  auto_deploy: boolean;
  rest: Partial<StackSpecInput>;
  /** Looks at repositories whose only service was taken by itself, so that leaving it out holds. */
  looked: string[];
  /** The stack that was made from this draft: trying again changes it. */
  made: string | null;
};

/** Servers that are to be given the stack one by one. */
export function tickedServers({ labels, servers }: StackDraft): string[] {
  return labels.trim() === '' ? servers : [];
}

export const emptyDraft: StackDraft = {
  name: null,
  services: [],
  servers: [],
  labels: '',
  proxy_port: '8080',
  bind: 'loopback',
  names_port: '8081',
  auto_deploy: true,
  rest: {},
  looked: [],
  made: null,
};

/** A command as text; a list stays a list as long as the text is not changed. */
export type CommandDraft = { text: string; list: string[] | null };

export function commandDraft(command: Command | null | undefined): CommandDraft {
  if (command == null) return { text: '', list: null };
  if (typeof command === 'string') return { text: command, list: null };
  return { text: command.map(quoted).join(' '), list: [...command] };
}

function commandOf({ text, list }: CommandDraft): Command {
  return list !== null && list.map(quoted).join(' ') === text ? list : text.trim();
}

/** Names the proposal of a repository, whatever its commit. */
export function originOf(source: SourceDraft, proposal: ServiceProposal): string {
  return `${source.git}#${proposal.root ?? ''}#${proposal.name}`;
}

export function fromProposal(source: SourceDraft, proposal: ServiceProposal, key: string): ServiceDraft {
  const { name, root, title, build, run, port, health, route, env, notes } = proposal;
  return {
    key,
    origin: originOf(source, proposal),
    title,
    source,
    name,
    root: root ?? '',
    build: commandDraft(build?.value),
    run: commandDraft(run?.value),
    port: port.value === null ? '' : String(port.value),
    routed: route !== null,
    prefix: route?.prefix ?? '/',
    strip: route?.strip ?? false,
    health: { type: health.value === null ? 'tcp' : 'http', path: health.value ?? '/' },
    env: env.map((variable) => ({
      key: `${key}-${variable.name}`,
      name: variable.name,
      value: '',
      secret: variable.secret,
      reason: variable.reason,
      example: variable.example ?? '',
    })),
    reasons: {
      ...(build ? { build: build.reason } : {}),
      ...(run ? { run: run.reason } : {}),
      port: port.reason,
      health: health.reason,
      ...(route ? { route: route.reason } : {}),
    },
    notes,
    rest: {},
  };
}

export function byHand(source: SourceDraft, key: string): ServiceDraft {
  return {
    key,
    origin: null,
    title: '',
    source,
    name: '',
    root: '',
    build: commandDraft(null),
    run: commandDraft(null),
    port: '',
    routed: false,
    prefix: '/',
    strip: false,
    health: { type: 'tcp', path: '/' },
    env: [],
    reasons: {},
    notes: [],
    rest: {},
  };
}

function fromSpec(name: string, spec: ServiceSpec, key: string): ServiceDraft {
  const { source, build, run, port, route, env, secrets, health, ...rest } = spec;
  const variable = (variableName: string, value: string, secret: boolean): EnvDraft => ({
    key: `${key}-${variableName}`,
    name: variableName,
    value,
    secret,
    reason: '',
    example: '',
  });
  const { type, path, ...checks } = health;
  return {
    ...byHand({ git: source.git, ref: source.ref, credential: source.credential ?? '' }, key),
    name,
    root: source.root === '.' ? '' : source.root,
    build: commandDraft(build),
    run: commandDraft(run),
    port: port === undefined ? '' : String(port),
    routed: route !== undefined,
    prefix: route?.prefix ?? '/',
    strip: route?.strip ?? false,
    health: { type, path },
    env: [
      ...Object.entries(env).map(([variableName, value]) => variable(variableName, value, false)),
      ...secrets.map((secret) => variable(secret, '', true)),
    ],
    rest: { ...rest, health: checks },
  };
}

/** The draft that a stack file makes; where it runs, and what was made already, stays. */
export function fromStackFile(draft: StackDraft, stack: string | null, spec: StackSpec, key: () => string): StackDraft {
  const { services, proxy, names, auto_deploy, targets, ...rest } = spec;
  const { port: names_port, ...names_rest } = names;
  return {
    ...draft,
    name: stack ?? draft.name,
    services: Object.entries(services).map(([name, service]) => fromSpec(name, service, key())),
    labels: labelsText(targets?.labels ?? {}),
    proxy_port: String(proxy.port),
    bind: proxy.bind,
    names_port: String(names_port),
    auto_deploy,
    rest: { ...rest, names: names_rest },
  };
}

/** Whole numbers as numbers; anything else as it was typed, for the control plane to refuse by name. */
function numberOf(text: string): number {
  const clean = text.trim();
  return (/^\d+$/.test(clean) ? Number(clean) : clean) as number;
}

function specOfService(service: ServiceDraft): ServiceSpecInput {
  const { source, root, build, run, port, routed, prefix, strip, health, env, rest } = service;
  const credential = source.credential.trim();
  return {
    ...rest,
    source: {
      git: source.git.trim(),
      ...(source.ref.trim() === '' ? {} : { ref: source.ref.trim() }),
      ...(root.trim() === '' ? {} : { root: root.trim() }),
      ...(credential === '' ? {} : { credential }),
    },
    ...(build.text.trim() === '' ? {} : { build: commandOf(build) }),
    run: commandOf(run),
    ...(port.trim() === '' ? {} : { port: numberOf(port) }),
    ...(routed ? { route: { prefix: prefix.trim(), ...(strip ? { strip } : {}) } } : {}),
    env: Object.fromEntries(plain(env).map(({ name, value }) => [name.trim(), value])),
    secrets: secretsOf(env).map(({ name }) => name.trim()),
    health: { ...rest.health, type: health.type, ...(health.type === 'http' ? { path: health.path.trim() } : {}) },
  };
}

function plain(env: readonly EnvDraft[]): EnvDraft[] {
  // Variables that the repository names and nobody gave a value are left to the program's own default.
  return env.filter(({ secret, value, reason }) => !secret && (value !== '' || reason === ''));
}

/** Variables that are secrets, in the order in which the specification names them. */
export function secretsOf(env: readonly EnvDraft[]): EnvDraft[] {
  return env.filter(({ secret }) => secret);
}

export function specOf(draft: StackDraft): StackSpecInput {
  return {
    ...draft.rest,
    ...(draft.labels.trim() === '' ? {} : { targets: { labels: labelsOf(draft.labels) } }),
    auto_deploy: draft.auto_deploy,
    proxy: { port: numberOf(draft.proxy_port), bind: draft.bind },
    names: { ...draft.rest.names, port: numberOf(draft.names_port) },
    services: Object.fromEntries(draft.services.map((service) => [service.name.trim(), specOfService(service)])),
  };
}

/** A name for the stack from the repository's: its last part, in the letters that names have. */
export function proposedStackName(git: string): string {
  const last = git.replace(/[/]+$/, '').split(/[/:]/).at(-1) ?? '';
  const name = last
    .replace(/\.git$/i, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+/, '')
    .slice(0, 40)
    .replace(/-+$/, '');
  return name;
}
