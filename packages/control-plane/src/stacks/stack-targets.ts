/**
 * Which servers a stack runs on where it chooses them by their labels. They are chosen when a person has it applied or deployed, shown in that plan, and
 * written into the desired state by their ids, which the keeper signs: labels alone, changed by whomever, move nothing. What Mainstay
 * deploys by itself, and a rollback, leave the servers as they are.
 *
 *   labels match, free ──▶ comes in   (enrolled for the stack by a grant that follows from the signed document)
 *   labels do not match ─▶ leaves     (services stop, data is kept; free once it has said so: targets.reconciler.ts)
 */
import { AppError } from '@mainstay/contract/errors';
import type { PlanChange } from '@mainstay/contract/operation';
import type { Labels } from '@mainstay/contract/server-labels';
import { type StackSpec, targets_max } from '@mainstay/contract/stack';
import type { Context } from '../context.ts';
import { names } from '../rollouts/waves.ts';
import { labelsOf } from '../servers/server-labels.ts';
import { drainedServers, isDrained } from '../servers/server-state-store.ts';
import {
  enrolmentGrant,
  reportedStates,
  type ServerRow,
  selectServers,
  updateServer,
} from '../servers/server-store.ts';
import type { Statement, Store } from '../store/store.ts';
import { findStackById, findVersion, type StackRow, type StackVersion } from './stack-store.ts';

/** A server that comes in or leaves, and why. */
export type Move = { id: string; name: string; why: string };

export type Selection = {
  /** Ids of all that are to run it, in order. */
  servers: string[];
  joins: Move[];
  leaves: Move[];
  /** Servers that match and are not taken, each with the reason. */
  passed_over: string[];
};

export type Chooser = {
  name: string;
  stack: StackRow | null;
  base: StackVersion | null;
  spec: Pick<StackSpec, 'services'> & { targets?: { labels: Labels } | undefined };
};

/** As people write it: `role=web, region=eu`. */
export function selectorText(labels: Labels): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(', ');
}

/** Why a server does not have the labels; null when it does. */
export function mismatch(wanted: Labels, has: Labels): string | null {
  for (const [key, value] of Object.entries(wanted)) {
    const own = Object.hasOwn(has, key) ? has[key] : undefined;
    if (own === undefined) return `it has no label ${key}`;
    if (own !== value) return `its ${key} is ${own || 'empty'}, not ${value || 'empty'}`;
  }
  return null;
}

/** All servers, to choose among. */
export type Candidates = {
  rows: readonly ServerRow[];
  labels: Awaited<ReturnType<typeof labelsOf>>;
  drained: ReadonlySet<string>;
};

export async function candidatesNow(store: Store): Promise<Candidates> {
  return { rows: await selectServers(store), labels: await labelsOf(store), drained: await drainedServers(store) };
}

export type Choice = {
  /** Labels of servers as they are to be, by id. */
  relabelled?: ReadonlyMap<string, Labels>;
  /** Left out, they are read. */
  candidates?: Candidates | undefined;
};

/** What would be chosen at this moment; nothing is refused. */
export async function selectTargets(
  { store }: Pick<Context, 'store'>,
  { stack, base, spec }: Chooser,
  { relabelled = new Map(), candidates }: Choice = {},
): Promise<Selection> {
  const selection: Selection = { servers: [], joins: [], leaves: [], passed_over: [] };
  const wanted = spec.targets?.labels;
  if (!wanted) return selection;
  const { rows, labels, drained } = candidates ?? (await candidatesNow(store));
  const before = base?.document.targets;
  const matching = rows.filter(({ id }) => mismatch(wanted, relabelled.get(id) ?? labels(id).labels) === null);
  const states = await reportedStates(store, matching);
  const chosen = new Set(matching.map(({ id }) => id));
  for (const row of rows) {
    const { id, name } = row;
    const is_own = row.enrolled_at !== null && stack !== null && row.stack_id === stack.id;
    const was_target = is_own && (before ? before.includes(id) : base !== null);
    if (!chosen.has(id)) {
      const why = mismatch(wanted, relabelled.get(id) ?? labels(id).labels) ?? '';
      if (was_target) selection.leaves.push({ id, name, why });
      continue;
    }
    const passed = is_own
      ? null
      : await whyNot(store, { row, stack, spec }, isDrained(id, drained, states.get(id) ?? null), {
          reported_stack: states.get(id)?.stack_id ?? null,
        });
    if (passed !== null) {
      selection.passed_over.push(`Server ${name} matches, and is not taken: ${passed}`);
      continue;
    }
    selection.servers.push(id);
    if (!was_target) selection.joins.push({ id, name, why: `it has ${selectorText(wanted)}` });
  }
  const known = new Set(rows.map(({ id }) => id));
  for (const id of before ?? []) if (!known.has(id)) selection.leaves.push({ id, name: id, why: 'it was removed' });
  selection.servers.sort();
  return selection;
}

type Candidate = { row: ServerRow; stack: StackRow | null; spec: Chooser['spec'] };

/** Why a server that matches does not come in; null when it may. */
async function whyNot(
  store: Context['store'],
  { row, stack, spec }: Candidate,
  is_drained: boolean,
  { reported_stack }: { reported_stack: string | null },
): Promise<string | null> {
  if (row.enrolled_at === null) return 'it is not enrolled yet.';
  const other = await otherStack(store, row, stack);
  if (other) return `it runs stack ${other.name}. Let that go first, or do without the label.`;
  if (is_drained) return 'it is drained.';
  // Data folders go by the name of the service: what one stack left there must not become another's.
  if (reported_stack === null || reported_stack === stack?.id) return null;
  const left = await findStackById(store, reported_stack);
  const version = left && (await findVersion(store, left.id, left.serving_version));
  const shared = Object.keys(version?.spec.services ?? {}).find((service) => service in spec.services);
  return shared === undefined ? null : `it keeps data of service "${shared}" of stack ${left?.name}.`;
}

async function otherStack(store: Context['store'], row: ServerRow, stack: StackRow | null): Promise<StackRow | null> {
  if (row.stack_id === null || row.stack_id === stack?.id) return null;
  const other = await findStackById(store, row.stack_id);
  return other && !other.removed ? other : null;
}

/**
 * The servers for a plan: those of the moment when it was first made, so that what was approved is what comes. Null where the stack chooses none.
 * @throws AppError InvalidInput (none matches, too many), Conflict (one of them was given another stack meanwhile).
 */
export async function plannedTargets(context: Context, chooser: Chooser): Promise<Selection | null> {
  const labels = chooser.spec.targets?.labels;
  if (!labels) return null;
  const selection = await context.recall('targets', () => selectTargets(context, chooser));
  const { servers, passed_over } = selection;
  const text = selectorText(labels);
  if (servers.length === 0) {
    throw new AppError(
      'InvalidInput',
      [`No server can run it: none that may has ${text}.`, ...passed_over].join('\n'),
      {
        field: 'spec.targets.labels',
        hint: `Label one (mainstay servers label NAME ${text.replaceAll(',', '')}), or change the labels under \`targets\`.`,
      },
    );
  }
  if (servers.length > targets_max) {
    throw new AppError(
      'InvalidInput',
      `${servers.length} servers have ${text}; a stack chooses ${targets_max} at most.`,
      {
        field: 'spec.targets.labels',
        hint: 'Name more labels, or make several stacks.',
      },
    );
  }
  return selection;
}

/** As a plan shows it. */
export function targetChanges({ joins, leaves }: Selection): PlanChange[] {
  return [
    ...joins.map(
      ({ name, why }): PlanChange => ({
        action: 'create',
        path: `targets.servers.${name}`,
        note: `comes in: ${why}`,
      }),
    ),
    ...leaves.map(
      ({ name, why }): PlanChange => ({
        action: 'delete',
        path: `targets.servers.${name}`,
        note: `leaves: ${why}; its services stop, their data is kept`,
      }),
    ),
  ];
}

/** The rows of those that come in, if each may still. @throws AppError Conflict. */
export async function joiningRows(
  { store }: Context,
  joins: readonly Move[],
  stack: StackRow | null,
): Promise<ServerRow[]> {
  const rows = new Map((await selectServers(store)).map((row) => [row.id, row]));
  const joining: ServerRow[] = [];
  for (const { id, name } of joins) {
    const row = rows.get(id);
    const other = row ? await otherStack(store, row, stack) : null;
    if (!row || other) {
      throw new AppError(
        'Conflict',
        `Server ${name} was ${other ? `given stack ${other.name}` : 'removed'} meanwhile.`,
        {
          field: 'stack',
          hint: 'Look at the new plan (a dry run), and ask for it again.',
        },
      );
    }
    joining.push(row);
  }
  return joining;
}

/** Makes those that come in servers of the stack: each by an enrolment that the keeper signs because the granted document names it. */
export async function joinStatements(
  context: Context,
  rows: readonly ServerRow[],
  granted: { grant: string; document: NonNullable<StackVersion['document']> },
): Promise<Statement[]> {
  const { store, keeper } = context;
  const statements: Statement[] = [];
  const refused: string[] = [];
  for (const row of rows) {
    const { stack_id } = granted.document;
    if (row.stack_id === stack_id) continue;
    const enrolment_grant = (await enrolmentGrant(store, row.id)) ?? '';
    const issued = await keeper.enrolTarget({ ...granted, server_id: row.id, enrolment_grant });
    if (issued.decision === 'denied') refused.push(`${row.name}: ${issued.reason}`);
    else statements.push(updateServer(store, row, { stack_id, enrolment_jws: issued.grant }));
  }
  if (refused.length === 0) return statements;
  throw new AppError('Forbidden', `The keeper does not let servers come in. ${names(refused)}`, {
    hint: 'Somebody changed the state of the control plane, or the keeper. Look at the audit: mainstay audit verify',
  });
}
