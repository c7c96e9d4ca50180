/**
 * What a server is offered: the newest desired state of its stack once its wave is open (ADR 0027), with the plan that shows it and a grant over both that names
 * the server. A server that asks with the ETag of what it has waits here until there is something else, or its time is up.
 */
import type { ServerStateOffer } from '@mainstay/contract/agent-answers';
import type { DesiredState } from '@mainstay/contract/desired-state';
import { Grant } from '@mainstay/contract/grant';
import type { PlanBody } from '@mainstay/contract/plan';
import type { Context } from '../context.ts';
import { admissionOf, openRollout } from '../rollouts/rollout-store.ts';
import { findStackById, findVersion, type StackVersion } from '../stacks/stack-store.ts';
import type { Store } from '../store/store.ts';
import type { KeyChanges } from './key-changes.ts';
import { findServerState } from './server-state-store.ts';
import { enrolmentGrant, findServerById, reportedState, type ServerRow } from './server-store.ts';

type Found = { kind: 'none' } | { kind: 'same'; etag: string } | { kind: 'offer'; etag: string; body: string };
export type Offer = Found & {
  /** Version of a server state that came meanwhile, and that the next heartbeat's answer brings; else null. */
  server_state: number | null;
  /** Something is asked of the server that it has not fetched. */
  is_asked: boolean;
};

/** A grant with less left than this is signed anew before it is given out, seconds. */
const grant_left_min_seconds = 600;

export type Offers = {
  next(server: ServerRow, have: string | null, wait_ms: number, signal: AbortSignal): Promise<Offer>;
  /** The server state, when it is newer than what the server has; null when it is not, or the keeper gives no grant for it. */
  serverState(server: ServerRow, have: number): Promise<ServerStateOffer | null>;
  /** Commitments that the server may ask the values of: those of the desired states it is offered or serves. */
  commitmentsOf(server: ServerRow): Promise<Set<string>>;
};

/** What the keeper signed: a version of a stack, or a server's own state. */
type Signed = { kind: 'stack' | 'server'; sha256: string; grant_jws: string };

export function createOffers(context: Context, key_changes: KeyChanges): Offers {
  const { store, keeper, clock, signals, inquiries } = context;
  /** Grants signed anew, per kind and server; made again after a restart. */
  const reissued = new Map<string, { sha256: string; grant: string }>();

  const versionFor = async (server: ServerRow): Promise<StackVersion | null> => {
    const stack = server.stack_id === null ? null : await findStackById(store, server.stack_id);
    if (!stack) return null;
    const newest = await findVersion(store, stack.id, stack.desired_version);
    const reported = await reportedState(store, server);
    const accepted = reported?.stack_id === stack.id ? (reported.accepted_version ?? 0) : 0;
    if (newest && newest.row.state !== 'succeeded' && accepted !== newest.version) {
      const admission = await admissionOf(store, { stack_id: stack.id, version: newest.version }, server.id);
      // Its wave is not open: it is offered what was in force before.
      if (admission && !admission.is_admitted) {
        const before = admission.previous_version ?? 0;
        return before === 0 || accepted > before ? null : findVersion(store, stack.id, before);
      }
    }
    // What failed is over: a server that has not begun with it is offered the version that works.
    const over = newest?.row.state === 'failed' && stack.serving_version > 0 && accepted !== newest.version;
    if (!over) return newest;
    return accepted > stack.serving_version ? null : findVersion(store, stack.id, stack.serving_version);
  };

  const grantOver = async (server: ServerRow, signed: Signed): Promise<string | null> => {
    const now_seconds = clock.now() / 1000;
    const current = await key_changes.currentKeyId();
    const holds = (jws: string) => {
      const { targets, exp, kid } = termsOf(jws);
      const by_current_key = current === null || kid === current;
      return by_current_key && targets.has(server.id) && exp - now_seconds > grant_left_min_seconds;
    };
    if (holds(signed.grant_jws)) return signed.grant_jws;
    const key = `${signed.kind} ${server.id}`;
    const cached = reissued.get(key);
    // Not by the number: a server that comes from another stack may have had a version of the same one.
    if (cached?.sha256 === signed.sha256 && holds(cached.grant)) return cached.grant;
    const decision = await keeper.reissue({
      grant: signed.grant_jws,
      server_id: server.id,
      enrolment_grant: (await enrolmentGrant(store, server.id)) ?? '',
    });
    if (decision.decision === 'denied') {
      context.log.warn(
        { server: server.name, kind: signed.kind, reason: decision.reason },
        'a signed state is not offered',
      );
      return null;
    }
    reissued.set(key, { sha256: signed.sha256, grant: decision.grant });
    return decision.grant;
  };

  const look = async (server: ServerRow, have: string | null): Promise<Found> => {
    const version = await versionFor(server);
    if (!version) return { kind: 'none' };
    // Before its wave comes, a server that comes in has nothing of the stack; one that leaves is told so.
    const { targets, stack_id } = version.document;
    if (targets && !targets.includes(server.id) && (await reportedState(store, server))?.stack_id !== stack_id)
      return { kind: 'none' };
    const etag = `"${version.document.stack_id}-${version.version}-${version.row.sha256.slice(0, 16)}"`;
    if (etag === have) return { kind: 'same', etag };
    const { sha256, grant_jws } = version.row;
    const grant = await grantOver(server, { kind: 'stack', sha256, grant_jws });
    if (grant === null) return { kind: 'none' };
    const { document, row } = version;
    const plan = await planBodyOf(store, row.operation_id);
    const follows = (await reportedState(store, server))?.keeper_keys_seq ?? 0;
    const offer = { document, sha256, grant, plan, key_changes: await key_changes.after(follows) };
    return { kind: 'offer', etag, body: JSON.stringify(offer) };
  };

  return {
    async next(server, have, wait_ms, signal) {
      const until = clock.now() + wait_ms;
      let row: ServerRow | null = server;
      for (;;) {
        const found: Found = row ? await look(row, have) : { kind: 'none' };
        const server_state = row && row.state_version > server.state_version ? row.state_version : null;
        const is_asked = inquiries.areWaiting(server.id);
        const offer = { ...found, server_state, is_asked };
        const left = until - clock.now();
        const has_news = found.kind === 'offer' || server_state !== null || is_asked;
        if (has_news || row === null || left <= 0 || signal.aborted) return offer;
        if (!(await signals.wait([`desired:${server.id}`], left, signal))) return offer;
        row = await findServerById(store, server.id);
      }
    },

    async serverState(server, have) {
      if (server.state_version <= have) return null;
      const stored = await findServerState(store, server.id);
      const plan = stored && (await planBodyOf(store, stored.operation_id));
      if (!stored || !plan) return null;
      const grant = await grantOver(server, { kind: 'server', ...stored });
      return grant === null ? null : { document: stored.document, sha256: stored.sha256, grant, plan };
    },

    async commitmentsOf(server) {
      const commitments = new Set<string>();
      const own = server.state_version > 0 ? await findServerState(store, server.id) : null;
      if (own?.document.tunnel) commitments.add(own.document.tunnel.token);
      const stack = server.stack_id === null ? null : await findStackById(store, server.stack_id);
      if (!stack) return commitments;
      const rolling = await openRollout(store, stack.id);
      const before = rolling?.previous_version ?? 0;
      for (const number of new Set([stack.desired_version, stack.serving_version, before])) {
        const version = number > 0 ? await findVersion(store, stack.id, number) : null;
        if (version) for (const commitment of commitmentsIn(version.document)) commitments.add(commitment);
      }
      return commitments;
    },
  };
}

function commitmentsIn(document: DesiredState): string[] {
  return Object.values(document.services).flatMap((service) => [
    ...Object.values(service.secrets),
    ...(service.source.credential ? [service.source.credential.commitment] : []),
  ]);
}

/** The plan of the operation that made a version. Operations stay as long as the versions that they made. */
async function planBodyOf(store: Store, operation_id: string): Promise<PlanBody | null> {
  const row = await store.db
    .selectFrom('operations')
    .select('plan_body')
    .where('id', '=', operation_id)
    .executeTakeFirst();
  return row?.plan_body ? (JSON.parse(row.plan_body) as PlanBody) : null;
}

type Terms = { targets: ReadonlySet<string>; exp: number; kid: string | undefined };

/** Terms of the grants that were given out of late: one grant may be for a thousand servers that all ask at once. */
const terms = new Map<string, Terms>();
const terms_kept_max = 100;

/** For whom and until when a grant is that the keeper gave. Agents verify it; this only reads it. */
function termsOf(jws: string): Terms {
  const found = terms.get(jws);
  if (found) return found;
  const part = (index: number): unknown =>
    JSON.parse(Buffer.from(jws.split('.')[index] ?? '', 'base64url').toString('utf8'));
  const { aud, exp } = Grant.parse(part(1));
  const made = { targets: new Set(aud), exp, kid: (part(0) as { kid?: string }).kid };
  const [oldest] = terms.keys();
  if (terms.size >= terms_kept_max && oldest !== undefined) terms.delete(oldest);
  terms.set(jws, made);
  return made;
}
