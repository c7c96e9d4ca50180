/**
 * Making a plan, the first time and again: the noun's plan, what its hash is over, and what people are shown. A plan that is made
 * again and has another hash says what moved in between.
 */
import { AppError } from '@mainstay/contract/errors';
import { contentDigest, type PlanBody, type Proposal, planHash } from '@mainstay/contract/keeper-api';
import type { Actor, Plan } from '@mainstay/contract/operation';
import { type ServerState, serverContentDigest } from '@mainstay/contract/server-state';
import type { Context } from '../context.ts';
import { plannedRollout } from '../rollouts/waves.ts';
import { labelsOf } from '../servers/server-labels.ts';
import { serversByIds, serversOfStack } from '../servers/server-store.ts';
import { findStack } from '../stacks/stack-store.ts';
import { type Facts, type Planned, recallFrom } from './planned.ts';

/** Plans an operation of the contract for an actor. */
export type PlanOf = (operation: string) => (context: Context, input: never, actor: Actor) => Promise<Planned>;

/** What was asked for: enough to plan it again. */
export type Asked = { operation: string; actor: Actor; input: Record<string, unknown>; facts: Facts };

export type Made = { planned: Planned; body: PlanBody; plan: Plan };

export async function makePlan(context: Context, planOf: PlanOf, asked: Asked): Promise<Made> {
  const planned = await planOf(asked.operation)(
    { ...context, recall: recallFrom(asked.facts) },
    asked.input as never,
    asked.actor,
  );
  const body: PlanBody = {
    operation: asked.operation,
    target: planned.target,
    base: planned.base,
    changes: planned.changes,
    content_sha256: await contentOf(planned),
    ...(planned.undo_sha256 === undefined ? {} : { undo_sha256: planned.undo_sha256 }),
    ...(planned.server_documents ? { contents: await contentsOf(planned.server_documents) } : {}),
  };
  const { summary, changes, warnings = [] } = planned;
  const { operation: _, changes: __, ...over } = body;
  const rollout = planned.rollout && plannedRollout(planned.rollout.waves, planned.rollout.settings);
  const plan = { summary, changes, warnings, hash: await planHash(body), over, ...(rollout ? { rollout } : {}) };
  return { planned, body, plan };
}

async function contentOf({ document, server_document }: Planned): Promise<string | null> {
  if (document) return contentDigest(document);
  return server_document ? serverContentDigest(server_document) : null;
}

async function contentsOf(documents: readonly ServerState[]): Promise<Record<string, string>> {
  const pairs = documents.map(async (document) => [document.server_id, await serverContentDigest(document)] as const);
  return Object.fromEntries(await Promise.all(pairs));
}

/**
 * What the keeper is asked. The control plane itself is a target of all: it carries out what is not done on servers. The grant of a
 * desired state names no servers; each gets one of its own when it asks, by its enrolment.
 */
export async function proposalOf(
  context: Context,
  { planned, body }: Made,
  about: { operation_id: string; actor: Actor; proof: string | null },
): Promise<Proposal> {
  const targets = planned.targets ?? [];
  const sources = Object.values(planned.document?.services ?? {}).map(({ source }) => source.git);
  return {
    ...about,
    plan: body,
    action: planned.action,
    document: planned.document ?? null,
    ...(planned.server_document ? { server_document: planned.server_document } : {}),
    ...(planned.server_documents ? { server_documents: planned.server_documents } : {}),
    basis: planned.basis ?? null,
    targets: planned.document || planned.server_documents ? ['control-plane'] : [...targets, 'control-plane'],
    about: {
      sources: [...new Set(sources)],
      servers: await serversAbout(context, planned),
      stack: planned.stack?.name ?? planned.about_stack ?? null,
      environment: null,
    },
  };
}

/** The servers that policies match: those that the plan names, else its targets, else all that its stack runs on. */
async function serversAbout({ store }: Context, planned: Planned): Promise<Proposal['about']['servers']> {
  if (planned.about_servers) return planned.about_servers;
  const stack = planned.stack ?? (planned.about_stack ? await findStack(store, planned.about_stack) : null);
  const { targets = [] } = planned;
  const of_stack = () => (stack ? serversOfStack(store, stack.id) : []);
  const servers = targets.length > 0 ? [...(await serversByIds(store, targets)).values()] : await of_stack();
  const labels = await labelsOf(
    store,
    servers.map(({ id }) => id),
  );
  return servers.map(({ id, name }) => ({ name, ...labels(id) }));
}

/** That what was planned is no longer what would be done, and why. */
export function movedOn(before: PlanBody, after: PlanBody): AppError {
  const moved: string[] = [];
  if (before.base !== after.base) moved.push(`${before.target} went from revision ${before.base} to ${after.base}`);
  const paths = (body: PlanBody) => new Map(body.changes.map((change) => [change.path, JSON.stringify(change)]));
  const [was, is] = [paths(before), paths(after)];
  const differing = [...new Set([...was.keys(), ...is.keys()])].filter((path) => was.get(path) !== is.get(path));
  if (differing.length > 0) moved.push(`the plan differs in ${differing.slice(0, 10).join(', ')}`);
  if (moved.length === 0) moved.push('the desired state would be another one');
  return new AppError('Conflict', `The plan no longer holds: ${moved.join('; ')}. Nothing was done.`, {
    hint: 'Look at the new plan (a dry run), and ask for it again.',
  });
}
