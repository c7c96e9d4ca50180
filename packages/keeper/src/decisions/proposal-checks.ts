/** What a proposal must be before any policy is asked: true to itself. Everything that can be computed is computed again here. */
import { type DesiredState, desiredStateDigest } from '@mainstay/contract/desired-state';
import type { Grant, GrantedAction } from '@mainstay/contract/grant';
import { contentDigest, type Proposal, sameJson } from '@mainstay/contract/keeper-api';
import { serverContentDigest, serverStateDigest, serverStatesDigest } from '@mainstay/contract/server-state';
import type { Difference } from '../policy/judge.ts';

/** Operations that may lead to an action, by the beginnings of their ids: a policy on `stacks.deploy` is not to be got round by another name. */
const operationsOf: Record<Proposal['action']['kind'], readonly string[]> = {
  desired_state: ['stacks.apply', 'stacks.deploy', 'stacks.rollback', 'stacks.remove'],
  server_state: ['servers.'],
  server_states: ['servers.update_agents'],
  invitation: ['servers.invite', 'environments.'],
  enrolment: ['servers.assign', 'environments.'],
  removal: ['servers.remove'],
  control_plane: [''],
};

/** A grant, if this keeper signed it. */
type Open = (jws: string) => Grant | null;

export type KnownNames = {
  stackName(stack_id: string): string | null;
  serverTarget(server_id: string): string | null;
};

/**
 * Why the proposal contradicts itself, or what this keeper signed before; null when it does not. `known`: what a stack, or a server, was called when
 * something of it was signed. Neither the stack's id nor its servers stand in the plan that people sign, so that without these two
 * checks what they approved for one stack could be led to the servers of another.
 */
export async function contradictionIn(proposal: Proposal, known: KnownNames, open: Open): Promise<string | null> {
  const { action, document, plan, targets, about } = proposal;
  if (!operationsOf[action.kind].some((prefix) => plan.operation.startsWith(prefix)))
    return `The operation ${plan.operation} does not lead to what is to be signed (${action.kind}).`;
  if (action.kind === 'server_state') return contradictionInServerState(proposal, action, known);
  if (action.kind === 'removal' && known.serverTarget(action.server_id) !== plan.target)
    return `The server ${action.server_id} is not the ${plan.target} that was invited.`;
  if (action.kind === 'server_states') return contradictionInServerStates(proposal, action.sha256, known);
  if (proposal.server_document || proposal.server_documents)
    return 'The proposal has a server state that is not to be signed.';
  if (action.kind !== 'desired_state') return document ? 'The proposal has a document that is not to be signed.' : null;
  if (!document) return 'The proposal has no document.';
  if (document.stack_id !== action.stack_id || document.version !== action.version)
    return 'The document is of another stack or version.';
  if ((about.stack !== null && about.stack !== document.stack) || plan.target !== `stack/${document.stack}`)
    return 'The document is of another stack than it is said to be.';
  const name = known.stackName(document.stack_id);
  if (name !== null && name !== document.stack)
    return `The stack ${document.stack_id} is called ${name}, not ${document.stack}.`;
  if (targets.some((target) => target !== 'control-plane'))
    return 'A desired state names no servers: each is given it by its enrolment for the stack.';
  if ((document.removed !== null) !== (plan.operation === 'stacks.remove'))
    return 'A document that takes the stack away belongs to stacks.remove, and to nothing else.';
  if ((await desiredStateDigest(document)) !== action.sha256) return 'The digest does not fit the document.';
  if ((await contentDigest(document)) !== plan.content_sha256) return 'The document is not what the plan shows.';
  return (await contradictionInTargets(proposal, known, open)) ?? contradictionInUndo(proposal, open);
}

/** A server that is among the targets now, and was not before, is one that was invited here, and that the policies are asked about. */
async function contradictionInTargets(proposal: Proposal, known: KnownNames, open: Open): Promise<string | null> {
  const { document, basis, about } = proposal;
  if (!document?.targets) return null;
  const before = new Set((await isSignedBasis(proposal, open)) ? basis?.document.targets : []);
  const told = new Set(about.servers.map(({ name }) => `server/${name}`));
  for (const id of document.targets) {
    if (before.has(id)) continue;
    const target = known.serverTarget(id);
    if (target === null) return `The server ${id}, which the document names, was not invited.`;
    if (!told.has(target)) return `The document names ${target}, and the policies are not asked about it.`;
  }
  return null;
}

/** What an operation may be taken back to is what it was planned against, and was signed here for that stack. */
async function contradictionInUndo(proposal: Proposal, open: Open): Promise<string | null> {
  const { basis, plan } = proposal;
  if (plan.undo_sha256 === undefined) return null;
  if (!basis || (await contentDigest(basis.document)) !== plan.undo_sha256)
    return 'The plan names something else to be taken back to than what it was made against.';
  if (!(await isSignedBasis(proposal, open)))
    return 'What the plan would be taken back to was not signed by this keeper for that stack.';
  return null;
}

type ServerStateAction = Extract<GrantedAction, { kind: 'server_state' }>;

async function contradictionInServerState(
  { server_document, document, plan, targets }: Proposal,
  action: ServerStateAction,
  known: KnownNames,
): Promise<string | null> {
  if (!server_document || document) return 'The proposal has no server state, or a document beside it.';
  if (server_document.server_id !== action.server_id || server_document.version !== action.version)
    return 'The server state is of another server or version.';
  // The plan that people read names the server; what is signed has its id.
  const target = known.serverTarget(action.server_id);
  if (target !== plan.target) return `The server ${action.server_id} is not the ${plan.target} that was invited.`;
  if (targets.some((id) => id !== 'control-plane' && id !== action.server_id))
    return 'A server state is for its own server only.';
  if ((await serverStateDigest(server_document)) !== action.sha256) return 'The digest does not fit the server state.';
  if ((await serverContentDigest(server_document)) !== plan.content_sha256)
    return 'The server state is not what the plan shows.';
  return null;
}

/** The plan that people read names each of the servers; what is signed has their ids. */
async function contradictionInServerStates(
  { server_documents: documents, server_document, document, plan, targets, about }: Proposal,
  sha256: string,
  known: KnownNames,
): Promise<string | null> {
  if (!documents || server_document || document) return 'The proposal has no server states, or a document beside them.';
  if (targets.some((target) => target !== 'control-plane'))
    return 'States of many servers name no targets: each server is given its own.';
  if ((await serverStatesDigest(documents)) !== sha256) return 'The digest does not fit the server states.';
  const contents = plan.contents ?? {};
  if (plan.content_sha256 !== null || Object.keys(contents).length !== documents.length)
    return 'The plan shows other server states than are to be signed.';
  const shown = new Set(plan.changes.map(({ path }) => path));
  const told = new Set(about.servers.map(({ name }) => name));
  for (const state of documents) {
    const name = known.serverTarget(state.server_id)?.replace(/^server\//, '');
    if (name === undefined) return `The server ${state.server_id} was not invited.`;
    if (!shown.has(`servers.${name}.agent.version`)) return `The plan does not show what changes on ${name}.`;
    if (!told.has(name)) return `The policies are not asked about ${name}.`;
    if (contents[state.server_id] !== (await serverContentDigest(state)))
      return `The state of ${name} is not what the plan shows.`;
  }
  return null;
}

/** How the document differs from its basis, by what this keeper itself signed; null where that cannot be told. */
export async function differenceOf(proposal: Proposal, open: Open): Promise<Difference | null> {
  const { document, basis } = proposal;
  if (!document || !basis || !(await isSignedBasis(proposal, open))) return null;
  return sameJson(withoutCommits(basis.document), withoutCommits(document)) ? 'commits_only' : 'more';
}

async function isSignedBasis({ action, basis }: Proposal, open: Open): Promise<boolean> {
  if (action.kind !== 'desired_state' || !basis) return false;
  const signed = open(basis.grant);
  if (signed?.action.kind !== 'desired_state' || signed.action.stack_id !== action.stack_id) return false;
  return (await desiredStateDigest(basis.document)) === signed.action.sha256;
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
