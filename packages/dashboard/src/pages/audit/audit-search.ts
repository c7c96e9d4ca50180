/** Search parameters of this page: they are its state, so that every view can be linked. */
import { numberOf, oneOf, type RawSearch, textOf } from '../../search.ts';

/** Beginnings of kinds, as people look for them. */
export const auditGroups = {
  operations: ['operation.', 'approval.'],
  runs: ['run.', 'step.', 'receipt'],
  access: ['access.'],
  keys: ['key.'],
  policies: ['policy.'],
  chain: ['audit.', 'mirror.', 'keeper.'],
} as const;
export type AuditGroup = keyof typeof auditGroups;

export const auditOutcomes = ['succeeded', 'failed', 'refused'] as const;
export const auditRanges = { '1h': 3_600_000, '24h': 86_400_000, '7d': 604_800_000, '30d': 2_592_000_000 } as const;
export type AuditRange = keyof typeof auditRanges;

export type AuditSearch = {
  q?: string | undefined;
  about?: AuditGroup | undefined;
  outcome?: (typeof auditOutcomes)[number] | undefined;
  range?: AuditRange | undefined;
  actor?: string | undefined;
  target?: string | undefined;
  operation?: string | undefined;
  /** Cursor before which the page ends; without it, it shows the newest. */
  before?: number | undefined;
};

export function auditSearch(raw: RawSearch): AuditSearch {
  return {
    q: textOf(raw['q']),
    about: oneOf(raw['about'], Object.keys(auditGroups) as AuditGroup[]),
    outcome: oneOf(raw['outcome'], auditOutcomes),
    range: oneOf(raw['range'], Object.keys(auditRanges) as AuditRange[]),
    actor: textOf(raw['actor'], 128),
    target: textOf(raw['target'], 256),
    operation: textOf(raw['operation'], 64),
    before: numberOf(raw['before']),
  };
}

/** What the control plane is asked for; `now` moves a range along. */
export function auditFilter({ q, about, outcome, range, actor, target, operation }: AuditSearch, now: number) {
  return {
    ...(q ? { search: q } : {}),
    ...(about ? { kind: [...auditGroups[about]] } : {}),
    ...(outcome ? { outcome } : {}),
    ...(range ? { from: now - auditRanges[range] } : {}),
    ...(actor ? { actor } : {}),
    ...(target ? { target } : {}),
    ...(operation ? { operation_id: operation } : {}),
  };
}
