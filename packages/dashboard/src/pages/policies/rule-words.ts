/** A rule as a sentence: what it fits, and what it asks for. */
import type { PolicyRule } from '@mainstay/contract/policy';
import { policies } from '../../texts/policies.ts';
import { duration } from '../../ui/words.ts';

const texts = policies.words;

const listed = (names: readonly string[]): string => names.join(', ');

/** What the rule is about, such as `changes stacks.deploy, by deployers, in the environments prod*`. */
export function matchWords({ match }: Pick<PolicyRule, 'match'>): string {
  const { operations, sources, target = {}, actor = {}, difference } = match;
  const { servers, environments, labels, stacks } = target;
  const kinds = actor.kinds?.map((kind) => texts.kind[kind]) ?? [];
  const roles = actor.roles?.map((role) => texts.roles[role]) ?? [];
  // "people, owners" says no more than "owners".
  const who = roles.length > 0 && actor.kinds?.every((kind) => kind === 'user') ? roles : [...kinds, ...roles];
  const words = [
    operations ? texts.operations(listed(operations)) : texts.everything,
    who.length > 0 ? texts.by(listed(who)) : null,
    actor.names ? texts.named(listed(actor.names)) : null,
    stacks ? texts.stacks(listed(stacks)) : null,
    environments ? texts.environments(listed(environments)) : null,
    servers ? texts.servers(listed(servers)) : null,
    labels ? texts.labels(listed(Object.entries(labels).map(([name, value]) => `${name}=${value}`))) : null,
    sources ? texts.sources(listed(sources)) : null,
    difference === 'commits_only' ? texts.commitsOnly : null,
  ];
  return capital(words.filter((word) => word !== null).join(', '));
}

/** What the rule asks for, or why it denies; empty where it lets pass. */
export function demandWords({ effect, reason, require }: PolicyRule): string {
  if (effect === 'deny') return reason ?? '';
  if (effect === 'allow' || !require) return '';
  const { approvals = 0, role, proof, confirmation = false, window, expires_seconds } = require;
  const words = [
    approvals > 0 ? texts.approvals(approvals) + (role ? ` ${texts.least(role)}` : '') : null,
    confirmation ? texts.confirmation : null,
    proof ? texts[proof] : null,
    window ? texts.window(listed(window.days), window.from, window.to, window.time_zone ?? 'UTC') : null,
    expires_seconds === undefined ? null : texts.within(duration(expires_seconds * 1000)),
  ];
  return capital(words.filter((word) => word !== null).join(', '));
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
