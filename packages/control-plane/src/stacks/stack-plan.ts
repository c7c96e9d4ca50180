/**
 * Planning: from a specification, or a wish to deploy or roll back, to the desired state that would be signed, and its
 * difference from the present one. Nothing is written here; repositories are only read.
 */

import { type DesiredState, desiredServiceOf, desiredStateDigest } from '@mainstay/contract/desired-state';
import { AppError } from '@mainstay/contract/errors';
import { newId } from '@mainstay/contract/ids';
import { contentDigest } from '@mainstay/contract/keeper-api';
import type { ServiceSpec, StackSpec } from '@mainstay/contract/stack';
import type { Context } from '../context.ts';
import type { Planned } from '../operations/planned.ts';
import { refuseWhileRolling, rollsOut } from '../rollouts/rollout-plan.ts';
import { findCredential, openCredential, selectSecrets } from '../secrets/secret-store.ts';
import { labelsOf } from '../servers/server-labels.ts';
import { drainedServers, isDrained } from '../servers/server-state-store.ts';
import { reportedStates, runsVersion, type ServerBrief, serversOfStack } from '../servers/server-store.ts';
import { type RefRequest, resolveRefs } from './refs.ts';
import { contentOf, diffStacks } from './stack-diff.ts';
import {
  baseVersion,
  findStack,
  findVersion,
  getStackRow,
  heldServices,
  insertVersion,
  pruneVersions,
  type StackRow,
  type StackVersion,
  updateStack,
} from './stack-store.ts';
import { joiningRows, joinStatements, type Selection, targetChanges } from './stack-targets.ts';

/** How a service comes to its commit and to the commitments of its secrets. */
export type ServiceBasis = 'fresh' | 'keep';

export type DesiredPlan = {
  name: string;
  stack: StackRow | null;
  base: StackVersion | null;
  spec: StackSpec;
  document: DesiredState;
  held: Record<string, string>;
  summary: string;
  warnings?: string[];
  /** How it goes out to several servers: in the waves of its specification, or to all of them at once. */
  goes?: 'in_waves' | 'at_once';
  /** Asked for by Mainstay itself: moves commits and nothing else. */
  is_automatic?: boolean;
  /** Its servers, chosen anew; left out: they stay as they are. */
  selection?: Selection | null;
};

/** What stands in force for a name: its row, and the version that changes are made against. */
export async function presentStack(
  context: Context,
  name: string,
): Promise<{ stack: StackRow | null; base: StackVersion | null }> {
  const stack = await findStack(context.store, name);
  const base = stack && !stack.removed ? await baseVersion(context.store, stack) : null;
  return { stack, base };
}

/** A stack that is there, and the version that changes are made against. Throws NotFound. */
export async function stackInForce(context: Context, name: string): Promise<{ row: StackRow; base: StackVersion }> {
  const row = await getStackRow(context.store, name);
  const base =
    (await baseVersion(context.store, row)) ?? (await findVersion(context.store, row.id, row.desired_version));
  if (!base) throw new AppError('NotFound', `Stack "${name}" has no version.`, { field: 'stack' });
  return { row, base };
}

/**
 * The desired state for a specification. `basis` says per service whether its ref and secrets are looked up, or stay as
 * they are in the base; a service that is new is always looked up.
 */
export async function documentFor(
  context: Context,
  present: { name: string; stack: StackRow | null; base: StackVersion | null },
  spec: StackSpec,
  basis: (service: string, spec: ServiceSpec) => { commit: ServiceBasis; secrets: ServiceBasis; restart: boolean },
): Promise<DesiredState> {
  const { name, stack, base } = present;
  const secrets = new Map((await selectSecrets(context.store, name)).map((row) => [row.name, row.commitment]));
  const services = Object.entries(spec.services);
  const commits = await commitsOf(context, present, services, basis);
  const document: DesiredState = {
    schema: 1,
    stack_id: stack?.id ?? (await context.recall('stack_id', () => newId('stack', context.clock.now()))),
    stack: name,
    version: (stack?.desired_version ?? 0) + 1,
    poll_interval_seconds: spec.poll_interval_seconds,
    proxy: spec.proxy,
    names: spec.names,
    security_mode: spec.security_mode,
    services: {},
    // Chosen anew where a person has it applied or deployed (stack-targets.ts).
    ...(base?.document.targets && spec.targets ? { targets: base.document.targets } : {}),
    removed: null,
  };
  for (const [index, [service, serviceSpec]] of services.entries()) {
    const before = base?.document.services[service];
    const wish = basis(service, serviceSpec);
    const commitment = (secret: string) =>
      (wish.secrets === 'keep' ? before?.secrets[secret] : undefined) ?? secrets.get(secret);
    const secret_commitments: Record<string, string> = {};
    for (const [position, secret] of serviceSpec.secrets.entries()) {
      const value = commitment(secret);
      if (value === undefined) {
        throw new AppError('InvalidInput', `Secret ${secret} of stack "${name}" is not set.`, {
          field: `spec.services.${service}.secrets.${position}`,
          hint: `Set it first: mainstay secrets set ${name} ${secret}`,
        });
      }
      secret_commitments[secret] = value;
    }
    document.services[service] = await desiredServiceOf({
      name: service,
      spec: serviceSpec,
      commit: commits[index]!.commit,
      credential_commitment: commits[index]!.credential_commitment,
      secret_commitments,
      restarts_requested: (before?.restarts_requested ?? 0) + (wish.restart ? 1 : 0),
    });
  }
  return document;
}

async function commitsOf(
  context: Context,
  { base }: { base: StackVersion | null },
  services: [string, ServiceSpec][],
  basis: (service: string, spec: ServiceSpec) => { commit: ServiceBasis; secrets: ServiceBasis },
): Promise<{ commit: string; credential_commitment: string | null }[]> {
  const found: ({ commit: string; credential_commitment: string | null } | RefRequest)[] = [];
  const credentials: (string | null)[] = [];
  for (const [service, spec] of services) {
    const field = `spec.services.${service}.source`;
    const before = base?.document.services[service];
    const wish = basis(service, spec);
    const name = spec.source.credential ?? null;
    const kept =
      wish.secrets === 'keep' && before?.source.credential?.name === name
        ? before?.source.credential?.commitment
        : undefined;
    const credential_commitment =
      name === null ? null : (kept ?? (await credentialCommitment(context, name, `${field}.credential`)));
    credentials.push(credential_commitment);
    if (wish.commit === 'keep' && before) {
      found.push({ commit: before.source.commit, credential_commitment });
    } else {
      const credential = credential_commitment === null ? null : await openCredential(context, credential_commitment);
      found.push({ git: spec.source.git, ref: spec.source.ref, credential, credential_name: name, field });
    }
  }
  const requests = found.filter((entry): entry is RefRequest => 'ref' in entry);
  const asked = requests.map(({ git, ref }) => `${git} ${ref}`).join('\n');
  const commits = await context.recall(`commits of\n${asked}`, () => resolveRefs(requests, context.git));
  let next = 0;
  return found.map((entry, index) =>
    'ref' in entry ? { commit: commits[next++]!, credential_commitment: credentials[index]! } : entry,
  );
}

async function credentialCommitment(context: Context, name: string, field: string): Promise<string> {
  const credential = await findCredential(context.store, name);
  if (credential) return credential.commitment;
  throw new AppError('InvalidInput', `There is no Git credential "${name}".`, {
    field,
    hint: `Create it first: mainstay credentials create-deploy-key ${name}`,
  });
}

/** The plan of a change that makes a new desired state. */
export async function planDesired(context: Context, plan: DesiredPlan): Promise<Planned> {
  const { store } = context;
  const { document, stack, base, spec } = plan;
  if (stack) await refuseWhileRolling(context, stack);
  const before = base && !stack?.removed ? contentOf(base.document, base.spec) : null;
  const changes = diffStacks(before, contentOf(document, spec));
  const held_before = stack && before ? heldServices(stack) : {};
  for (const service of Object.keys(held_before)) {
    if (!(service in plan.held))
      changes.push({
        action: 'update',
        path: `services.${service}.follows_ref`,
        from: held_before[service]!,
        to: true,
      });
  }
  const holds = Object.entries(plan.held).filter(([service]) => changes.length > 0 && !(service in held_before));
  for (const [service, why] of holds)
    changes.push({ action: 'update', path: `services.${service}.follows_ref`, from: true, to: why });
  const { selection } = plan;
  const joining = selection ? await joiningRows(context, selection.joins, stack) : [];
  if (selection) changes.push(...targetChanges(selection));
  const own = stack ? await serversOfStack(store, stack.id) : [];
  const all = [...own, ...joining.filter(({ id }) => own.every((server) => server.id !== id))];
  // What is drained takes it up when it is undrained, and is not waited for.
  const drained = await drainedAmong(context, all);
  const servers = all.filter((server) => !drained.includes(server));
  const warnings = [...(plan.warnings ?? []), ...(selection?.passed_over ?? [])];
  if (all.length === 0)
    warnings.push('No server runs this stack yet: `mainstay servers invite NAME --stack …` adds one.');
  for (const server of servers) {
    if (!server.online) warnings.push(`Server ${server.name} is offline; it will follow when it is back.`);
  }
  for (const { name } of drained) warnings.push(`Server ${name} is drained; it will follow when it is undrained.`);
  const strayed =
    plan.is_automatic || !stack || base?.version === stack.desired_version
      ? []
      : await strayedServers(context, stack, servers);
  if (strayed.length > 0) {
    const note = `back from version ${stack?.desired_version}, which failed elsewhere`;
    changes.push({ action: 'run', path: 'servers', to: strayed, note });
  }
  const failed = plan.is_automatic || !base ? [] : await failedServers(context, base, servers);
  if (failed.length > 0)
    changes.push({
      action: 'run',
      path: 'servers',
      to: failed,
      note: `again: version ${base?.version} did not come up`,
    });
  if (
    base &&
    before &&
    (await contentDigest(base.document)) === (await contentDigest(document)) &&
    changes.length === 0
  ) {
    return { ...unchanged(plan), warnings };
  }
  const sha256 = await desiredStateDigest(document);
  const leaving = new Set(selection?.leaves.map(({ id }) => id));
  const rolled = await rollsOut(context, { ...plan, servers, leaving, held_before });
  const labels = document.targets ? await labelsOf(store) : null;
  return {
    summary: plan.summary,
    target: `stack/${plan.name}`,
    base: stack?.desired_version ?? 0,
    changes,
    warnings,
    document,
    ...(base ? { basis: { document: base.document, grant: base.row.grant_jws } } : {}),
    action: { kind: 'desired_state', stack_id: document.stack_id, version: document.version, sha256 },
    targets: servers.map((server) => server.id),
    ...(labels ? { about_servers: all.map(({ id, name }) => ({ name, ...labels(id) })) } : {}),
    stack: { id: document.stack_id, name: plan.name, version: document.version },
    ...rolled,
    settled_by_receipts: servers.length > 0,
    carryOut: async ({ operation_id, grant, now }) => {
      const joins = await joinStatements(context, joining, { grant, document });
      const settled = servers.length === 0;
      const row = {
        desired_version: document.version,
        held: JSON.stringify(plan.held),
        removed: document.removed ? 1 : 0,
        ...(document.removed ? { paused: null } : {}),
        updated_at: now,
      };
      const serving = settled ? { serving_version: document.version } : {};
      const stackStatement = stack
        ? updateStack(store, stack, { ...row, ...serving })
        : {
            query: store.db.insertInto('stacks').values({
              ...row,
              id: document.stack_id,
              name: plan.name,
              rev: 1,
              serving_version: settled ? document.version : 0,
              webhook_digest: null,
              webhook_sealed: null,
              paused: null,
              created_at: now,
            }),
          };
      const version = insertVersion(store, {
        stack_id: document.stack_id,
        version: document.version,
        spec: JSON.stringify(spec),
        document: JSON.stringify(document),
        sha256,
        grant_jws: grant,
        operation_id,
        state: settled ? 'succeeded' : 'running',
        created_at: now,
      });
      return {
        statements: [
          stackStatement,
          version,
          ...joins,
          ...(stack ? [pruneVersions(store, { ...stack, desired_version: document.version })] : []),
        ],
        signals: ['stacks', ...(selection ? ['servers'] : []), ...all.map((server) => `desired:${server.id}`)],
      };
    },
  };
}

async function drainedAmong({ store }: Context, servers: ServerBrief[]): Promise<ServerBrief[]> {
  if (servers.length === 0) return [];
  const wanted = await drainedServers(store);
  const states = await reportedStates(store, servers);
  return servers.filter(({ id }) => isDrained(id, wanted, states.get(id) ?? null));
}

/** Servers that run a version which failed on others, and so is not the one that is in force. */
async function strayedServers(context: Context, stack: StackRow, servers: ServerBrief[]): Promise<string[]> {
  const states = await reportedStates(context.store, servers);
  const runs = ({ id }: ServerBrief) => runsVersion(states.get(id) ?? null, stack.desired_version);
  return servers.filter(runs).map((server) => server.name);
}

/** Servers on which the last attempt failed, and that do not run the version that is in force either. */
async function failedServers(context: Context, base: StackVersion, servers: ServerBrief[]): Promise<string[]> {
  const states = await reportedStates(context.store, servers);
  const failed = ({ id }: ServerBrief) => {
    const reported = states.get(id) ?? null;
    const isOwn = reported?.stack_id === base.row.stack_id;
    return isOwn && reported.receipt?.state === 'failed' && !runsVersion(reported, base.version);
  };
  return servers.filter(failed).map((server) => server.name);
}

function unchanged(plan: DesiredPlan): Planned {
  return {
    summary: `Stack ${plan.name} is already so.`,
    target: `stack/${plan.name}`,
    base: plan.stack?.desired_version ?? 0,
    changes: [],
    action: { kind: 'control_plane' },
    ...(plan.stack ? { stack: { id: plan.stack.id, name: plan.name, version: plan.stack.desired_version } } : {}),
    carryOut: () => ({ statements: [] }),
  };
}
