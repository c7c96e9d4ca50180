/**
 * The judgement: what the rules that match say of a proposal. One deny denies; otherwise everything that is required is required
 * together; otherwise one allow allows; and what no rule matches is denied. A denial is a result, not an error.
 */
import type { Actor, Proof, Role } from '@mainstay/contract/operation';
import type { MaintenanceWindow, PolicyRequirement, PolicyRule } from '@mainstay/contract/policy';
import { levelOf } from '../people/roles.ts';
import { fitsAny, fitsGlob } from './glob.ts';
import type { NamedRule } from './policy-set.ts';
import { fitsSource, type SourceForm, sourceForm } from './source-form.ts';

/** How a desired state differs from the one before that the keeper signed itself; not what the plan says of it. */
export type Difference = 'commits_only' | 'more';

/** `environment` left out: that of the whole change. */
export type ServerSubject = { name: string; labels: Record<string, string>; environment?: string | null | undefined };
/** What rules are matched against. */
export type Subject = {
  operation: string;
  actor: Actor;
  servers: readonly ServerSubject[];
  sources: readonly string[];
  stack: string | null;
  environment: string | null;
  difference: Difference | null;
};

export type Required = {
  kind: 'required';
  policy: string;
  approvals: number;
  role: Role | null;
  proof: Proof | null;
  confirmation: boolean;
  expires_seconds: number;
  windows: MaintenanceWindow[];
};
export type Verdict =
  | { kind: 'denied'; reason: string; hint: string | null; policy: string | null }
  | { kind: 'allowed'; policy: string }
  | Required;

export function judge(rules: readonly NamedRule[], subject: Subject): Verdict {
  const { actor, operation } = subject;
  if (actor.kind === 'user' && actor.proof === 'none')
    return denied('The actor was not proven.', 'Sign in, or use an API token.', null);
  const general = rules.filter(({ rule }) => fitsGenerally(rule, subject));
  const required = new Map<string, PolicyRequirement>();
  const allowed = new Set<string>();
  for (const matching of casesOf(general, subject)) {
    const deny = matching.find(({ rule }) => rule.effect === 'deny');
    if (deny) return denied(deny.rule.reason ?? 'A policy denies it.', null, deny.name);
    if (matching.length === 0) return nothingMatched(rules, subject);
    for (const { name, rule } of matching) {
      if (rule.require) required.set(name, rule.require);
      else allowed.add(name);
    }
  }
  if (required.size === 0) return { kind: 'allowed', policy: namesOf(allowed.keys()) };
  const all = [...required.values()];
  if (actor.kind !== 'user' && all.some(({ confirmation }) => confirmation)) {
    const why = `${operation} has to be confirmed by the person who proposes it, and ${actor.name} is none.`;
    return denied(why, 'Let a person do it.', namesOf(required.keys()));
  }
  return {
    kind: 'required',
    policy: namesOf(required.keys()),
    approvals: Math.max(...all.map(({ approvals }) => approvals)),
    role: all.reduce<Role | null>((least, { role }) => (role && levelOf(role) > levelOf(least) ? role : least), null),
    proof: all.reduce<Proof | null>((least, { proof }) => (proof && !isEnough(least, proof) ? proof : least), null),
    confirmation: all.some(({ confirmation }) => confirmation),
    expires_seconds: Math.min(...all.map(({ expires_seconds }) => expires_seconds)),
    windows: all.flatMap(({ window }) => (window ? [window] : [])),
  };
}

const strengths: readonly (Proof | null)[] = ['token', 'session', 'signed'];

/** Whether somebody proven like this satisfies who asks for that: `signed` is more than `session`, and that more than `token`. */
export function isEnough(given: Proof | null, wanted: Proof | null): boolean {
  return wanted === null || strengths.indexOf(given) >= strengths.indexOf(wanted);
}

/**
 * The rules that match, for every pair of a server and a source. A fleet has few kinds of servers by what matches them, so each kind is
 * looked at once: the work is rules × (servers + sources), not rules × servers × sources.
 */
function casesOf(rules: readonly NamedRule[], { servers, sources, environment }: Subject): NamedRule[][] {
  const ofServers = kindsOf(rules, servers.length > 0 ? servers : [null], (rule, server) =>
    fitsServer(rule, server, environment),
  );
  const ofSources = kindsOf(rules, sources.length > 0 ? sources.map(sourceForm) : [null], fitsSources);
  return ofServers.flatMap((a) => ofSources.map((b) => rules.filter((_, index) => a[index] && b[index])));
}

function kindsOf<T>(
  rules: readonly NamedRule[],
  values: readonly T[],
  fits: (rule: PolicyRule, value: T) => boolean,
): boolean[][] {
  const kinds = new Map<string, boolean[]>();
  for (const value of values) {
    const matching = rules.map(({ rule }) => fits(rule, value));
    kinds.set(matching.map(Number).join(''), matching);
  }
  return [...kinds.values()];
}

function fitsGenerally({ match }: PolicyRule, subject: Subject): boolean {
  const { actor, operation, stack, difference } = subject;
  const { target, actor: who } = match;
  if (match.operations && !fitsAny(match.operations, operation)) return false;
  if (match.difference && match.difference !== difference) return false;
  if (target?.stacks && (stack === null || !fitsAny(target.stacks, stack))) return false;
  if (who?.kinds && !who.kinds.includes(actor.kind)) return false;
  if (who?.roles && (actor.role === null || !who.roles.includes(actor.role))) return false;
  return !who?.names || fitsAny(who.names, actor.name);
}

function fitsServer({ match: { target } }: PolicyRule, server: ServerSubject | null, of_all: string | null): boolean {
  const environment = server?.environment === undefined ? of_all : server.environment;
  if (target?.environments && (environment === null || !fitsAny(target.environments, environment))) return false;
  if (!target?.servers && !target?.labels) return true;
  if (!server) return false;
  if (target.servers && !fitsAny(target.servers, server.name)) return false;
  return Object.entries(target.labels ?? {}).every(([label, glob]) => {
    const value = server.labels[label];
    return value !== undefined && fitsGlob(glob, value);
  });
}

function fitsSources({ match: { sources }, effect }: PolicyRule, source: SourceForm | null): boolean {
  return !sources || (source !== null && fitsSource(sources, effect, source));
}

function nothingMatched(rules: readonly NamedRule[], subject: Subject): Verdict {
  const { actor, operation, difference } = subject;
  const almost = rules.some(
    ({ rule }) => rule.match.difference && fitsGenerally(rule, { ...subject, difference: rule.match.difference }),
  );
  if (almost && difference !== 'commits_only') {
    const why = `${actor.name} may only move services to new commits of their refs; this plan changes more.`;
    return denied(why, 'Let the owner deploy it.', null);
  }
  const what = `No policy allows ${actor.name}${actor.role ? ` (${actor.role})` : ''} to do ${operation} there.`;
  return denied(what, 'Somebody whom the policies allow it can do it, or an owner changes the policies.', null);
}

function denied(reason: string, hint: string | null, policy: string | null): Verdict {
  return { kind: 'denied', reason, hint, policy };
}

/** Names of rules in one line, short enough to be read. */
function namesOf(names: Iterable<string>): string {
  const all = [...names].sort();
  return all.length <= 5 ? all.join(', ') : `${all.slice(0, 5).join(', ')} and ${all.length - 5} more`;
}
