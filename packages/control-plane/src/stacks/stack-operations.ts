/** What the operations on stacks do. */

import { randomBytes } from 'node:crypto';
import type { DesiredState } from '@mainstay/contract/desired-state';
import { AppError } from '@mainstay/contract/errors';
import type { Plan } from '@mainstay/contract/operation';
import { operations } from '@mainstay/contract/operations/index';
import type { StackSpec } from '@mainstay/contract/stack';
import { digestOfKey } from '../access/access-store.ts';
import { changes, type Handler, reads } from '../operations/handlers.ts';
import type { Planned } from '../operations/planned.ts';
import { serversOfStack } from '../servers/server-store.ts';
import { selectSubjects } from './commit-subjects.ts';
import { refuseWhilePaused } from './pause-operations.ts';
import { stackFileYaml } from './stack-file.ts';
import { documentFor, planDesired, presentStack, stackInForce } from './stack-plan.ts';
import { planRollback } from './stack-rollback.ts';
import {
  getStackRow,
  heldServices,
  type StackRow,
  type StackVersion,
  selectStacks,
  selectVersions,
  updateStack,
} from './stack-store.ts';
import { plannedTargets, type Selection } from './stack-targets.ts';
import { proxiesOfStack, viewOfStack } from './stack-view.ts';
import { targetsOfStack } from './target-views.ts';

export const stackHandlers: Handler[] = [
  reads(operations['stacks.list'], async (context) => {
    const rows = await selectStacks(context.store);
    const view = async (row: StackRow) => viewOfStack(context, row, await serversOfStack(context.store, row.id));
    return { stacks: await Promise.all(rows.map(view)) };
  }),

  reads(operations['stacks.get'], async (context, { stack }) => {
    const { row, base } = await stackInForce(context, stack);
    const commits = commitsOf(base);
    const subjects = await selectSubjects(context.store, row.id, Object.values(commits));
    const servers = await serversOfStack(context.store, row.id);
    return {
      stack: await viewOfStack(context, row, servers),
      spec: base.spec,
      commits,
      commit_subjects: subjectsOf(commits, subjects),
      proxies: await proxiesOfStack(context, row, servers),
      targets: await targetsOfStack(context, row, base),
    };
  }),

  reads(operations['stacks.export'], async (context, { stack }) => {
    const { base } = await stackInForce(context, stack);
    return { yaml: stackFileYaml(stack, base.spec) };
  }),

  reads(operations['stacks.versions'], async (context, { stack, limit }) => {
    const row = await getStackRow(context.store, stack);
    const versions = await selectVersions(context.store, row.id, limit);
    const ids = versions.map((version) => version.row.operation_id);
    const made = await context.store.db
      .selectFrom('operations')
      .select(['id', 'operation', 'actor', 'plan'])
      .where('id', 'in', ids.length > 0 ? ids : [''])
      .execute();
    const byId = new Map(made.map((operation) => [operation.id, operation]));
    const all = versions.flatMap((version) => Object.values(commitsOf(version)));
    const subjects = await selectSubjects(context.store, row.id, all);
    return {
      versions: versions.map((entry) => {
        const { version, document } = entry;
        const { state, operation_id, sha256, created_at } = entry.row;
        const operation = byId.get(operation_id);
        const commits = commitsOf(entry);
        const services = Object.entries(document.services);
        return {
          version,
          state,
          operation_id,
          operation: operation?.operation ?? 'unknown',
          actor: operation ? (JSON.parse(operation.actor) as { name: string }).name : 'unknown',
          summary: operation ? (JSON.parse(operation.plan) as Plan).summary : '',
          commits,
          commit_subjects: subjectsOf(commits, subjects),
          releases: Object.fromEntries(services.map(([name, service]) => [name, service.release_id])),
          sha256,
          created_at,
        };
      }),
    };
  }),

  changes(operations['stacks.apply'], async (context, { stack: name, spec }) => {
    const present = await presentStack(context, name);
    const { stack, base } = present;
    if (stack && !stack.removed) refuseWhilePaused(stack);
    const before = stack && base ? heldServices(stack) : {};
    // A service that was rolled back stays where it is until it is deployed, or its source is changed.
    const held = Object.fromEntries(
      Object.entries(before).filter(([service]) => sameSource(base?.spec.services[service], spec.services[service])),
    );
    const document = await documentFor(context, { name, ...present }, spec, (service) => ({
      commit: service in held ? 'keep' : 'fresh',
      secrets: service in held ? 'keep' : 'fresh',
      restart: false,
    }));
    const selection = await plannedTargets(context, { name, ...present, spec });
    const count = Object.keys(spec.services).length;
    const summary = base
      ? `Change stack ${name}`
      : `Make stack ${name} with ${count} ${count === 1 ? 'service' : 'services'}`;
    return planDesired(context, {
      ...{ name, ...present, spec, held, summary, selection },
      document: withTargets(document, selection),
    });
  }),

  changes(operations['stacks.deploy'], async (context, { stack: name, services, restart }, actor) => {
    const { row, base } = await stackInForce(context, name);
    refuseWhilePaused(row);
    checkServices(base, services ?? [], 'services');
    const automatic = actor.kind !== 'user';
    const before = heldServices(row);
    const isMeant = (service: string) => (services?.includes(service) ?? true) && !(automatic && service in before);
    const held = automatic
      ? before
      : Object.fromEntries(Object.entries(before).filter(([service]) => !isMeant(service)));
    const document = await documentFor(context, { name, stack: row, base }, base.spec, (service) => ({
      commit: isMeant(service) ? 'fresh' : 'keep',
      // Mainstay's own deployments move commits and nothing else.
      secrets: isMeant(service) && !automatic ? 'fresh' : 'keep',
      restart: restart === true && isMeant(service),
    }));
    // Where it runs is a person's to change.
    const selection = automatic ? null : await plannedTargets(context, { name, stack: row, base, spec: base.spec });
    const which = services ? services.join(', ') : 'all services';
    const planned = await planDesired(context, {
      name,
      stack: row,
      base,
      spec: base.spec,
      document: withTargets(document, selection),
      selection,
      held,
      is_automatic: automatic,
      summary: `Deploy ${which} of stack ${name}`,
    });
    return automatic ? tellingOfRefs(name, planned) : planned;
  }),

  changes(operations['stacks.rollback'], async (context, { stack: name, version, service }) => {
    const { row, base } = await stackInForce(context, name);
    if (service !== undefined) checkServices(base, [service], 'service');
    return planRollback(context, { row, base, version, service });
  }),

  changes(operations['stacks.remove'], async (context, { stack: name, delete_data }) => {
    const { row, base } = await stackInForce(context, name);
    const document = {
      ...base.document,
      version: row.desired_version + 1,
      services: {},
      removed: { delete_data: delete_data ?? false },
    };
    const planned = await planDesired(context, {
      name,
      stack: row,
      base,
      spec: base.spec,
      document,
      held: {},
      summary: `Remove stack ${name}`,
    });
    const data = delete_data
      ? {
          action: 'delete' as const,
          path: 'data',
          note: 'the data folders of its services are deleted on every server',
        }
      : { action: 'run' as const, path: 'data', note: 'the data folders of its services are kept' };
    return { ...planned, changes: [{ action: 'delete', path: 'stack', from: name }, ...planned.changes, data] };
  }),

  changes(operations['stacks.enable_webhook'], async (context, { stack: name }) => {
    const row = await getStackRow(context.store, name);
    return {
      summary: `Make a webhook for stack ${name}`,
      target: `stack/${name}`,
      base: row.rev,
      changes: [{ action: row.webhook_digest ? 'update' : 'create', path: 'webhook', note: 'new address and secret' }],
      action: { kind: 'control_plane' },
      stack: { id: row.id, name, version: row.desired_version },
      carryOut: () => {
        const id = randomBytes(16).toString('base64url');
        const secret = randomBytes(32).toString('base64url');
        const sealed = context.seal.seal(`webhook/${row.id}`, secret);
        const path = `/webhooks/${id}`;
        return {
          statements: [updateStack(context.store, row, { webhook_digest: digestOfKey(id), webhook_sealed: sealed })],
          result: { path, secret },
          kept_result: { path, secret: null },
          signals: ['stacks'],
        };
      },
    };
  }),
];

/** A deployment of Mainstay's own says which services have new commits. */
function tellingOfRefs(stack: string, planned: Planned): Planned {
  const services = planned.changes.map(({ path }) => path.split('.')[1]).join(', ');
  const moved = { kind: 'stack.ref_moved', message: `New commits for stack ${stack}: ${services}.`, stack } as const;
  return {
    ...planned,
    carryOut: async (approved) => {
      const carried = await planned.carryOut(approved);
      return { ...carried, events: [moved, ...(carried.events ?? [])] };
    },
  };
}

function withTargets(document: DesiredState, selection: Selection | null): DesiredState {
  return selection ? { ...document, targets: selection.servers } : document;
}

function commitsOf({ document }: StackVersion): Record<string, string> {
  return Object.fromEntries(Object.entries(document.services).map(([name, { source }]) => [name, source.commit]));
}

function subjectsOf(commits: Record<string, string>, subjects: ReadonlyMap<string, string>) {
  return Object.fromEntries(Object.entries(commits).map(([name, commit]) => [name, subjects.get(commit) ?? null]));
}

function checkServices(base: StackVersion, services: readonly string[], field: string): void {
  for (const service of services) {
    if (Object.hasOwn(base.spec.services, service)) continue;
    throw new AppError('NotFound', `Stack "${base.document.stack}" has no service "${service}".`, {
      field,
      hint: `It has: ${Object.keys(base.spec.services).join(', ')}.`,
    });
  }
}

function sameSource(
  a: StackSpec['services'][string] | undefined,
  b: StackSpec['services'][string] | undefined,
): boolean {
  return a !== undefined && b !== undefined && JSON.stringify(a.source) === JSON.stringify(b.source);
}
