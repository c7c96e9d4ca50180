/** Cases tried against policies: what is said of a proposal that nobody made. Nothing is decided, signed or written. */
import { AppError } from '@mainstay/contract/errors';
import type { PolicyTestResult } from '@mainstay/contract/keeper-views';
import type { PolicyCase } from '@mainstay/contract/policy';
import { judge } from './judge.ts';
import { type NamedRule, type PolicyText, policySetOf } from './policy-set.ts';
import { requirementOf } from './requirement.ts';
import { nextOpening } from './window.ts';
import { withinSteps } from './work.ts';

/** What all cases together may take: about a second. */
const steps_max = 100_000_000;

/** Policies that somebody sends to try them may have so many characters together; reading them takes a second or two. */
const sent_chars_max = 524_288;

/** The rules of policies that somebody sent. @throws AppError InvalidInput, TooLarge. */
export function rulesSent(files: readonly PolicyText[]): readonly NamedRule[] {
  const chars = files.reduce((sum, { text }) => sum + text.length, 0);
  if (chars > sent_chars_max) {
    throw new AppError('TooLarge', `The policies are longer than ${sent_chars_max / 1024} KiB together.`, {
      field: 'files',
      hint: 'Try those that the cases are about.',
    });
  }
  return policySetOf(files).rules;
}

/** @throws AppError TooLarge for cases and rules that were made to be slow. */
export function tryCases(rules: readonly NamedRule[], cases: readonly PolicyCase[], now: number): PolicyTestResult[] {
  return withinSteps(steps_max, () => cases.map((one) => tryCase(rules, one, now)));
}

export function tryCase(
  rules: readonly NamedRule[],
  { name, propose, expect }: PolicyCase,
  now: number,
): PolicyTestResult {
  const { actor, at, ...subject } = propose;
  const time = at === undefined ? now : Date.parse(at);
  const role = actor.role === undefined ? (actor.kind === 'user' ? 'owner' : null) : actor.role;
  const verdict = judge(rules, { ...subject, actor: { ...actor, id: 'case', role } });
  const opening = verdict.kind === 'required' ? nextOpening(verdict.windows, time) : time;
  const needs_people = verdict.kind === 'required' && (verdict.approvals > 0 || verdict.confirmation);
  const decision =
    verdict.kind === 'denied' || opening === null
      ? 'denied'
      : verdict.kind === 'allowed' || (!needs_people && opening <= time)
        ? 'approved'
        : 'waiting';
  const requirement = verdict.kind === 'required' ? requirementOf(verdict, time) : null;
  const got: Record<string, unknown> = {
    decision,
    approvals: requirement?.approvals ?? 0,
    role: requirement?.role ?? undefined,
    proof: requirement?.proof ?? undefined,
    confirmation: requirement?.confirmation ?? false,
    window_open: opening !== null && opening <= time,
  };
  const wrong = Object.entries(expect)
    .filter(([field, wanted]) => field !== 'policy' && got[field] !== wanted)
    .map(([field, wanted]) => `${field} is ${got[field] ?? 'none'}, expected ${wanted}`);
  if (expect.policy !== undefined && !(verdict.policy ?? '').split(', ').includes(expect.policy))
    wrong.push(`decided by ${verdict.policy ?? 'no rule'}, expected ${expect.policy}`);
  return {
    name,
    passed: wrong.length === 0,
    decision,
    policy: verdict.policy,
    reason: verdict.kind === 'denied' ? verdict.reason : opening === null ? windows_never_meet : null,
    requirement,
    message: wrong.length === 0 ? null : `${wrong.join('; ')}.`,
  };
}

export const windows_never_meet = 'The maintenance windows that the policies ask for are never open together.';
