/** What a proposal must be before any policy is asked: true to itself. Everything that can be computed is computed again here. */
import { type DesiredState, desiredStateDigest } from '@mainstay/contract/desired-state';
import type { Grant } from '@mainstay/contract/grant';
import { contentDigest, type Proposal, sameJson } from '@mainstay/contract/keeper-api';
import type { Difference } from '../policy/judge.ts';

/** Operations that may lead to an action, by the beginnings of their ids: a policy on `stacks.deploy` is not to be got round by another name. */
const operationsOf: Record<Proposal['action']['kind'], readonly string[]> = {
  desired_state: ['stacks.'],
  invitation: ['servers.', 'environments.'],
  enrolment: ['servers.', 'environments.'],
  control_plane: [''],
};

/**
 * Why the proposal contradicts itself, or what this keeper signed before; null when it does not. `nameOf`: what a stack was called when
 * something of it was signed. Neither the stack's id nor its servers stand in the plan that people sign, so that without these two
 * checks what they approved for one stack could be led to the servers of another.
 */
export async function contradictionIn(
  { action, document, plan, targets, about }: Proposal,
  nameOf: (stack_id: string) => string | null,
): Promise<string | null> {
  if (!operationsOf[action.kind].some((prefix) => plan.operation.startsWith(prefix)))
    return `The operation ${plan.operation} does not lead to what is to be signed (${action.kind}).`;
  if (action.kind !== 'desired_state') return document ? 'The proposal has a document that is not to be signed.' : null;
  if (!document) return 'The proposal has no document.';
  if (document.stack_id !== action.stack_id || document.version !== action.version)
    return 'The document is of another stack or version.';
  if ((about.stack !== null && about.stack !== document.stack) || plan.target !== `stack/${document.stack}`)
    return 'The document is of another stack than it is said to be.';
  const name = nameOf(document.stack_id);
  if (name !== null && name !== document.stack)
    return `The stack ${document.stack_id} is called ${name}, not ${document.stack}.`;
  if (targets.some((target) => target !== 'control-plane'))
    return 'A desired state names no servers: each is given it by its enrolment for the stack.';
  if ((document.removed !== null) !== (plan.operation === 'stacks.remove'))
    return 'A document that takes the stack away belongs to stacks.remove, and to nothing else.';
  if ((await desiredStateDigest(document)) !== action.sha256) return 'The digest does not fit the document.';
  if ((await contentDigest(document)) !== plan.content_sha256) return 'The document is not what the plan shows.';
  return null;
}

/** How the document differs from its basis, by what this keeper itself signed; null where that cannot be told. */
export async function differenceOf(
  { action, document, basis }: Proposal,
  open: (jws: string) => Grant | null,
): Promise<Difference | null> {
  if (action.kind !== 'desired_state' || !document || !basis) return null;
  const signed = open(basis.grant);
  if (signed?.action.kind !== 'desired_state' || signed.action.stack_id !== action.stack_id) return null;
  if ((await desiredStateDigest(basis.document)) !== signed.action.sha256) return null;
  return sameJson(withoutCommits(basis.document), withoutCommits(document)) ? 'commits_only' : 'more';
}

/** Where the code comes from: what the document says, and what the control plane says beside it. */
export function sourcesOf({ document, about }: Proposal): string[] {
  const own = Object.values(document?.services ?? {}).map(({ source }) => source.git);
  return [...new Set([...own, ...about.sources])];
}

/** A desired state without its version, its commits, and the ids that come from them. */
function withoutCommits({ version: _, services, ...rest }: DesiredState) {
  const still = Object.entries(services).map(([name, { release_id: __, build_id: ___, source, ...service }]) => {
    const { commit: ____, ...where } = source;
    return [name, { ...service, source: where }];
  });
  return { ...rest, services: Object.fromEntries(still) };
}
