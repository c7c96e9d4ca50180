/** The difference between two desired states as people read it: one line per thing that changes, secrets by name only. */
import { canonicalJson } from '@mainstay/contract/canonical';
import type { DesiredService, DesiredState } from '@mainstay/contract/desired-state';
import type { PlanChange } from '@mainstay/contract/operation';
import type { RolloutSettings, StackSpec, TargetSettings } from '@mainstay/contract/stack';
import { rolloutOf } from '../rollouts/waves.ts';

type Json = NonNullable<PlanChange['from']>;

/** What is compared: the desired state, and what the specification says that no server needs to know. */
export type StackContent = {
  document: DesiredState;
  auto_deploy: boolean;
  rollout: RolloutSettings;
  targets: TargetSettings | null;
};

export function contentOf(document: DesiredState, spec: StackSpec): StackContent {
  return { document, auto_deploy: spec.auto_deploy, rollout: rolloutOf(spec), targets: spec.targets ?? null };
}

export function diffStacks(before: StackContent | null, after: StackContent): PlanChange[] {
  const changes: PlanChange[] = [];
  if (!before) changes.push({ action: 'create', path: 'stack', to: after.document.stack });
  changes.push(...diffValues('', before ? settingsOf(before) : null, settingsOf(after)));
  const old = before?.document.services ?? {};
  const names = [...new Set([...Object.keys(old), ...Object.keys(after.document.services)])].sort();
  const data = after.document.removed?.delete_data ? 'deleted' : 'kept';
  for (const name of names) {
    changes.push(...diffServices(`services.${name}`, old[name], after.document.services[name], data));
  }
  return changes;
}

function settingsOf({ document, auto_deploy, rollout, targets }: StackContent): Record<string, unknown> {
  const { poll_interval_seconds, proxy, names, security_mode } = document;
  return { poll_interval_seconds, auto_deploy, rollout, targets, proxy, names, security_mode };
}

function diffServices(
  path: string,
  before: DesiredService | undefined,
  after: DesiredService | undefined,
  data: 'kept' | 'deleted',
): PlanChange[] {
  if (!after) return [{ action: 'delete', path, note: `stops; its data folder is ${data}` }];
  if (!before) return [{ action: 'create', path, to: summaryOf(after) }];
  const changes = diffValues(path, comparable(before), comparable(after));
  if (before.source.commit !== after.source.commit) {
    changes.push({ action: 'update', path: `${path}.commit`, from: before.source.commit, to: after.source.commit });
  }
  for (const name of [...new Set([...Object.keys(before.secrets), ...Object.keys(after.secrets)])].sort()) {
    const [from, to] = [before.secrets[name], after.secrets[name]];
    if (from === to) continue;
    const action = from === undefined ? 'create' : to === undefined ? 'delete' : 'update';
    changes.push({
      action,
      path: `${path}.secrets.${name}`,
      note: action === 'update' ? 'new value' : 'value not shown',
    });
  }
  const [credential, newer] = [before.source.credential, after.source.credential];
  if (credential?.commitment !== newer?.commitment && credential?.name === newer?.name) {
    changes.push({ action: 'update', path: `${path}.source.credential`, note: 'new value' });
  }
  if (after.restarts_requested > before.restarts_requested) changes.push({ action: 'run', path, note: 'restart' });
  return changes;
}

/** The part of a service that is compared value by value; what is derived, secret or handled apart is left out. */
function comparable(service: DesiredService): Record<string, unknown> {
  const { release_id: _, build_id: __, secrets: ___, restarts_requested: ____, source, ...rest } = service;
  const { commit: _____, credential, ...where } = source;
  return { ...rest, source: { ...where, credential: credential?.name ?? null } };
}

function summaryOf(service: DesiredService): Json {
  const { source, build, run, port, route } = service;
  return {
    git: source.git,
    ref: source.ref,
    commit: source.commit,
    ...(build === null ? {} : { build }),
    run,
    port: port ?? '$PORT',
    route: route === null ? 'internal only' : route.prefix,
  };
}

function diffValues(path: string, before: unknown, after: unknown): PlanChange[] {
  if (isObject(after) && (before === null || isObject(before))) {
    const old = before ?? {};
    const keys = [...new Set([...Object.keys(old), ...Object.keys(after)])].sort();
    // Everything that a new stack sets is implied by its creation.
    if (before === null && path === '') return [];
    return keys.flatMap((key) =>
      diffValues(path === '' ? key : `${path}.${key}`, old[key] ?? null, after[key] ?? null),
    );
  }
  const [from, to] = [before ?? null, after ?? null];
  if (canonicalJson(from) === canonicalJson(to)) return [];
  if (from === null) return [{ action: 'create', path, to: to as Json }];
  if (to === null) return [{ action: 'delete', path, from: from as Json }];
  return [{ action: 'update', path, from: from as Json, to: to as Json }];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
