/** Going back: to which version, what that restores, and what it costs. Code and configuration come back together. */
import type { DesiredState } from '@mainstay/contract/desired-state';
import { AppError, invalidInput } from '@mainstay/contract/errors';
import { StackSpec } from '@mainstay/contract/stack';
import type { Context } from '../context.ts';
import type { Planned } from '../operations/planned.ts';
import { reportedStates, serversOfStack } from '../servers/server-store.ts';
import { contentOf, diffStacks } from './stack-diff.ts';
import { planDesired } from './stack-plan.ts';
import { heldServices, type StackRow, type StackVersion, selectVersions } from './stack-store.ts';

export type RollbackWish = {
  row: StackRow;
  base: StackVersion;
  /** Left out: the last version before this one that succeeded and differs from it. */
  version: number | undefined;
  /** Left out: the whole stack. */
  service: string | undefined;
};

type Restored = { spec: StackSpec; document: DesiredState };

/** Server names that a warning tells; the rest is counted. */
const names_told_max = 5;

export async function planRollback(context: Context, wish: RollbackWish): Promise<Planned> {
  const { row, base, service } = wish;
  const versions = await selectVersions(context.store, row.id, 100);
  const to = targetOf(wish, versions);
  const { spec, document } = restoredFrom(to, wish);
  const mixed = StackSpec.safeParse(spec);
  if (!mixed.success) {
    throw new AppError('Conflict', `That mixture of versions cannot be: ${invalidInput(mixed.error).message}`, {
      field: 'service',
      hint: 'Roll the whole stack back.',
    });
  }
  const meant = service === undefined ? Object.keys(to.spec.services) : [service];
  const held = {
    ...heldServices(row),
    ...Object.fromEntries(meant.map((entry) => [entry, `rolled back to version ${to.version}`])),
  };
  const what = service === undefined ? `stack ${row.name}` : `${service} of stack ${row.name}`;
  const summary = `Roll ${what} back to version ${to.version}`;
  const warnings = await whatIsBuiltAgain(context, row, versions, document);
  return planDesired(context, {
    name: row.name,
    stack: row,
    base,
    spec,
    document,
    held,
    summary,
    warnings,
    goes: 'at_once',
  });
}

/** What stands in force after going back to a version, with one of its services or all of them. Where it runs stays as it is. */
function restoredFrom(to: StackVersion, { row, base, service }: RollbackWish): Restored {
  const version = row.desired_version + 1;
  if (service === undefined) {
    const { targets: _, ...spec } = to.spec;
    const { targets: __, ...document } = to.document;
    return { spec: { ...spec, ...whereOf(base.spec) }, document: { ...document, version, ...whereOf(base.document) } };
  }
  const services = { ...base.document.services, [service]: to.document.services[service]! };
  return {
    spec: { ...base.spec, services: { ...base.spec.services, [service]: to.spec.services[service]! } },
    document: { ...base.document, version, services },
  };
}

function whereOf<T>({ targets }: { targets?: T | undefined }): { targets?: T } {
  return targets === undefined ? {} : { targets };
}

function targetOf(wish: RollbackWish, versions: readonly StackVersion[]): StackVersion {
  const { row, base, service } = wish;
  const usable = (version: StackVersion) =>
    version.row.state === 'succeeded' &&
    version.document.removed === null &&
    (service === undefined || Object.hasOwn(version.spec.services, service));
  const hint = `\`mainstay stacks versions ${row.name}\` lists the versions.`;
  if (wish.version !== undefined) {
    const found = versions.find((version) => version.version === wish.version);
    if (found && usable(found)) return found;
    const message = found
      ? `Version ${wish.version} never succeeded${service ? `, or has no service "${service}"` : ''}.`
      : `There is no version ${wish.version}.`;
    throw new AppError(found ? 'Conflict' : 'NotFound', message, { field: 'version', hint });
  }
  const before = contentOf(base.document, base.spec);
  // What was only started once more is the same thing.
  const differs = (version: StackVersion) => {
    const { document, spec } = restoredFrom(version, wish);
    return diffStacks(before, contentOf(document, spec)).length > 0;
  };
  const found = versions.find((version) => version.version < base.version && usable(version) && differs(version));
  if (found) return found;
  const message = `Stack "${row.name}" has no earlier version that succeeded and differs from this one.`;
  throw new AppError('Conflict', message, { field: 'version', hint });
}

/** Warnings about services of which servers keep no release with the build that is wanted: going back is no mere switch there. */
async function whatIsBuiltAgain(
  { store }: Context,
  row: StackRow,
  versions: readonly StackVersion[],
  document: DesiredState,
): Promise<string[]> {
  const builds = new Map<string, string>();
  for (const { document: known } of versions)
    for (const { release_id, build_id } of Object.values(known.services)) builds.set(release_id, build_id);
  const servers = await serversOfStack(store, row.id);
  const states = await reportedStates(store, servers);
  return Object.entries(document.services).flatMap(([service, { build, build_id }]) => {
    const lacking = servers.filter(({ id }) => {
      const reported = states.get(id);
      if (reported?.stack_id !== row.id) return false;
      const releases = reported.services[service]?.releases ?? [];
      return !releases.some(({ release_id, state }) => state !== 'failed' && builds.get(release_id) === build_id);
    });
    if (lacking.length === 0) return [];
    const told = lacking.slice(0, names_told_max).map(({ name }) => name);
    const more = lacking.length > told.length ? ` and ${lacking.length - told.length} more` : '';
    const again = build === null ? 'its source is fetched again' : 'it will be built again';
    return [`That release of ${service} is no longer kept on ${told.join(', ')}${more}: ${again}.`];
  });
}
