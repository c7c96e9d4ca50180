/**
 * Policy, first version: what the owner asks for is approved; what a webhook or the ref poller asks for is approved when it
 * only moves commits along refs that the owner chose; everything else is denied. A denial is a result, not an error.
 */
import type { Proposal } from '@mainstay/contract/keeper-api';

export type Verdict = { allowed: true } | { allowed: false; reason: string; hint: string | null };

/** How a desired state differs from the one before that the keeper signed itself; not what the plan says of it. */
export type Difference = 'commits_only' | 'more';

export function judge(proposal: Proposal, difference: Difference | null): Verdict {
  const { actor, plan } = proposal;
  if (actor.kind === 'user' && actor.role === 'owner') {
    if (actor.proof !== 'none') return { allowed: true };
    return { allowed: false, reason: 'The actor was not proven.', hint: 'Sign in, or use an API token.' };
  }
  if ((actor.kind === 'webhook' || actor.kind === 'system') && plan.operation === 'stacks.deploy') {
    if (difference === 'commits_only') return { allowed: true };
    return {
      allowed: false,
      reason: `${actor.name} may only move services to new commits of their refs; this plan changes more.`,
      hint: 'Let the owner deploy it.',
    };
  }
  return { allowed: false, reason: `No policy allows ${actor.name} to do ${plan.operation}.`, hint: null };
}
