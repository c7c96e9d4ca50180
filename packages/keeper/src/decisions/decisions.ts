/**
 * Decisions. A proposal is judged when it is made, and again, by the policies of that moment, whenever somebody speaks or asks; what it
 * comes to is one write together with its signature and its entry of the ledger.
 *
 *   decide ──▶ denied
 *     │ └────▶ waiting ──▶ rejected | expired | withdrawn
 *     ▼           │ enough people, window open
 *   approved ◀────┘   (signed once)
 */
import { digestOf } from '@mainstay/contract/canonical';
import { AppError } from '@mainstay/contract/errors';
import { idSchema } from '@mainstay/contract/ids';
import { type Decision, type KeeperApi, Proposal, planHash, Word } from '@mainstay/contract/keeper-api';
import type { Approval } from '@mainstay/contract/operation';
import { type ServerState, serverStateDigest } from '@mainstay/contract/server-state';
import type { Grants } from '../grants.ts';
import { parsed } from '../input.ts';
import type { KeeperDatabase } from '../ledger/database.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { type Proven, provenActor, type Statements } from '../people/statements.ts';
import { isEnough, judge } from '../policy/judge.ts';
import type { PolicySource } from '../policy/policy-source.ts';
import { windows_never_meet } from '../policy/policy-tests.ts';
import { isSatisfied, requirementOf } from '../policy/requirement.ts';
import { nextOpening } from '../policy/window.ts';
import { contradictionIn, differenceOf, sourcesOf } from './proposal-checks.ts';
import type { Judged, ProposalRow, ProposalStore } from './proposal-store.ts';
import { type ServerParts, type SignedParts, serverPartsOf } from './server-parts.ts';
import { forbidden, mayThey } from './words.ts';

export type Decisions = Pick<KeeperApi, 'decide' | 'decisionOf' | 'speak' | 'withdraw'>;

type Parts = {
  database: KeeperDatabase;
  ledger: Ledger;
  grants: Grants;
  proposals: ProposalStore;
  signed_parts: SignedParts;
  statements: Statements;
  policies: PolicySource;
  /** Inside a write: lets go of proposals that are too old, or too many. */
  prune(): void;
  now: () => number;
};

/** Proposals that may wait for people at one time. */
const waiting_max = 1_000;

export function createDecisions(parts: Parts): Decisions {
  const { database, ledger, grants, proposals, signed_parts, statements, policies, prune, now } = parts;
  const { write } = database;

  const decisionFrom = (row: ProposalRow): Decision => {
    const approvals = proposals.words(row.operation_id);
    const { state, requirement, grant_jws, policy, hint } = row;
    const reason = row.reason ?? '';
    if (state === 'waiting' && requirement) return { decision: 'waiting', requirement, approvals };
    if (state === 'approved' && grant_jws !== null)
      return { decision: 'approved', grant: grant_jws, policy: policy ?? '', approvals };
    if (state === 'denied') return { decision: 'denied', reason, hint, policy };
    if (state === 'rejected' || state === 'expired' || state === 'withdrawn')
      return { decision: state, reason, approvals };
    throw new AppError('Internal', `The keeper's row of ${row.operation_id} is not whole.`);
  };

  const end = (row: ProposalRow, state: ProposalRow['state'], reason: string, hint: string | null = null) => {
    Object.assign(row, { state, reason, hint });
    const { plan_hash, policy, judged } = row;
    const { operation, actor } = judged.terms;
    ledger.append(state, row.operation_id, { operation, target: judged.target, plan_hash, actor, policy, reason });
  };

  const approve = (row: ProposalRow, policy: string) => {
    const { terms, target } = row.judged;
    const approvals = proposals.words(row.operation_id);
    for (const server_parts of partsIn(row.judged)) signed_parts.add(terms.operation, server_parts);
    Object.assign(row, { state: 'approved', policy });
    row.grant_jws = grants.issue('approved', terms, { target, policy, approvals });
  };

  /** Inside a write: brings a row to where it belongs by now. `is_new`: it was proposed this moment. */
  const settle = (row: ProposalRow, is_new: boolean) => {
    const at = now();
    if (!is_new && row.expires_at !== null && row.expires_at <= at)
      return end(row, 'expired', 'Nobody approved it in time.');
    const { terms } = row.judged;
    const contradiction = partsIn(row.judged)
      .map((server_parts) => signed_parts.contradictionIn(terms.operation, server_parts))
      .find((found) => found !== null);
    if (contradiction) return end(row, is_new ? 'denied' : 'rejected', contradiction);
    const refusal = policies.refusal();
    // What waits goes on waiting.
    if (refusal) return is_new ? end(row, 'denied', refusal.reason, refusal.hint) : undefined;
    const verdict = judge(policies.current().rules, row.judged.subject);
    if (verdict.kind === 'denied') {
      row.policy = verdict.policy;
      if (is_new) return end(row, 'denied', verdict.reason, verdict.hint);
      return end(row, 'rejected', `The policies deny it by now: ${verdict.reason}`);
    }
    if (verdict.kind === 'allowed') return approve(row, verdict.policy);
    const opening = nextOpening(verdict.windows, at);
    if (opening === null) return end(row, is_new ? 'denied' : 'rejected', windows_never_meet);
    const words = proposals.words(row.operation_id);
    if (opening <= at && isSatisfied(verdict, words, row.judged.is_signed)) return approve(row, verdict.policy);
    const requirement = requirementOf(verdict, at);
    // It expires when it was first said to; and who signed the proposal has confirmed it.
    row.expires_at ??= requirement.expires_at;
    const confirmation = requirement.confirmation && !row.judged.is_signed;
    row.requirement = { ...requirement, confirmation, expires_at: row.expires_at };
    row.policy = verdict.policy;
    if (is_new) {
      const { target } = row.judged;
      const { operation, actor } = terms;
      ledger.append('waiting', row.operation_id, { operation, target, plan_hash: row.plan_hash, actor, requirement });
    }
  };

  /** Inside a write: the row as it is now. */
  const upToDate = (operation_id: string): ProposalRow | null => {
    const row = proposals.find(operation_id);
    if (row?.state !== 'waiting') return row;
    const before = JSON.stringify(row);
    settle(row, false);
    if (JSON.stringify(row) !== before) proposals.update(row);
    return row;
  };

  const refuseOther = (row: ProposalRow, digest: string) => {
    if (row.digest === digest) return;
    throw new AppError('Conflict', 'The keeper was shown another proposal under this operation id.', {
      field: 'operation_id',
      hint: 'Propose it under an id of its own.',
    });
  };

  /** Inside a write. */
  const propose = (row: ProposalRow, refusal: string | AppError | null, proven: Proven | null) => {
    const present = upToDate(row.operation_id);
    if (present) {
      refuseOther(present, row.digest);
      return present;
    }
    if (proposals.waitingCount() >= waiting_max) {
      for (const overdue of proposals.overdue(now())) upToDate(overdue);
      if (proposals.waitingCount() >= waiting_max) {
        throw new AppError('Unavailable', `${waiting_max} operations wait for people already.`, {
          hint: 'Approve, reject or cancel some of them.',
        });
      }
    }
    let wrong = refusal;
    try {
      if (proven) statements.use(proven.statement.jti);
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'Conflict') throw error;
      wrong ??= error;
    }
    prune();
    proposals.insert(row);
    if (wrong === null) settle(row, true);
    else if (wrong instanceof AppError) end(row, 'denied', wrong.message, wrong.hint);
    else end(row, 'denied', wrong);
    proposals.update(row);
    return row;
  };

  return {
    async decide(unchecked) {
      const proposal = parsed(Proposal, unchecked);
      const { operation_id, actor, plan, action, about, server_document } = proposal;
      const digest = await digestOf(proposal);
      const known = proposals.find(operation_id) && write(() => upToDate(operation_id));
      if (known) {
        refuseOther(known, digest);
        return decisionFrom(known);
      }
      const plan_hash = await planHash(plan);
      let refusal: string | AppError | null = await contradictionIn(proposal, proposals, grants.open);
      let proven: Proven | null = null;
      if (proposal.proof !== null) {
        try {
          const expected = { says: 'propose', about: plan_hash, operation_id, user_id: actor.id } as const;
          proven = await statements.open(proposal.proof, expected);
        } catch (error) {
          if (!(error instanceof AppError)) throw error;
          refusal ??= error;
        }
      } else if (actor.proof === 'signed') {
        refusal ??= 'The actor is said to be proven by a key, and no signed statement came along.';
      }
      const who = provenActor(actor, proven);
      const row: ProposalRow = {
        operation_id,
        digest,
        plan_hash,
        judged: {
          subject: {
            operation: plan.operation,
            actor: who,
            servers: about.servers,
            sources: sourcesOf(proposal),
            stack: proposal.document?.stack ?? about.stack,
            environment: about.environment,
            difference: await differenceOf(proposal, grants.open),
          },
          terms: { aud: proposal.targets, operation: plan.operation, operation_id, plan_hash, actor: who, action },
          target: plan.target,
          ...(plan.undo_sha256 === undefined ? {} : { undo_sha256: plan.undo_sha256 }),
          ...(server_document ? { server_parts: serverPartsOf(server_document) } : {}),
          ...(proposal.server_documents ? { fleet: await fleetOf(proposal.server_documents) } : {}),
          is_signed: proven !== null,
        },
        state: 'waiting',
        requirement: null,
        policy: null,
        reason: null,
        hint: null,
        grant_jws: null,
        created_at: now(),
        expires_at: null,
      };
      return write(() => decisionFrom(propose(row, refusal, proven)));
    },

    async decisionOf(operation_id) {
      const id = parsed(idSchema('operation'), operation_id);
      return write(() => {
        const row = upToDate(id);
        return row ? decisionFrom(row) : null;
      });
    },

    async speak(unchecked) {
      const word = parsed(Word, unchecked);
      const { operation_id, verdict, reason } = word;
      const found = proposals.find(operation_id);
      if (!found) throw new AppError('NotFound', 'The keeper knows no such operation.', { field: 'operation_id' });
      if (word.plan_hash !== found.plan_hash) {
        throw new AppError('Conflict', 'The plan that was looked at is not the one that waits.', {
          field: 'plan_hash',
          hint: 'Look at the operation as it is now, and repeat.',
        });
      }
      if (word.actor.kind !== 'user')
        throw forbidden('Only people approve, confirm and reject.', 'Let a person do it.');
      const expected = { says: verdict, about: found.plan_hash, operation_id, user_id: word.actor.id };
      const proven = word.proof === null ? null : await statements.open(word.proof, expected);
      if (!proven && (word.actor.proof === 'signed' || word.actor.proof === 'none'))
        throw forbidden('The one who speaks was not proven.', 'Sign in, or send a signed statement along.');
      const actor = provenActor(word.actor, proven);
      const row = write(() => {
        const row = upToDate(operation_id)!;
        const said = proposals
          .words(operation_id)
          .some(
            (old) => old.actor.id === actor.id && old.verdict === verdict && isEnough(old.actor.proof, actor.proof),
          );
        if (said) return row;
        // What became of it just now stays; the word comes too late.
        if (row.state !== 'waiting') return { late: row.state };
        mayThey(row, { actor, verdict, reason, at: now() });
        if (proven) statements.use(proven.statement.jti);
        const approval: Approval = { actor, verdict, reason, at: now() };
        proposals.addWord(operation_id, actor, approval);
        ledger.append('word', operation_id, { ...approval, plan_hash: row.plan_hash });
        if (verdict === 'reject') end(row, 'rejected', reason ?? `${actor.name} rejected it.`);
        else settle(row, false);
        proposals.update(row);
        return row;
      });
      if (!('late' in row)) return decisionFrom(row);
      throw new AppError('Conflict', `The operation does not wait any more: it was ${row.late}.`, {
        field: 'operation_id',
        hint: 'Look at it as it is now.',
      });
    },

    async withdraw(operation_id) {
      const id = parsed(idSchema('operation'), operation_id);
      write(() => {
        const row = upToDate(id);
        if (row?.state !== 'waiting') return;
        end(row, 'withdrawn', 'It was taken back.');
        proposals.update(row);
      });
    },
  };
}

/** What of the states of servers an operation would have signed. */
function partsIn({ server_parts, fleet = [] }: Judged): ServerParts[] {
  return [...(server_parts ? [server_parts] : []), ...fleet.map(({ parts }) => parts)];
}

async function fleetOf(documents: readonly ServerState[]): Promise<NonNullable<Judged['fleet']>> {
  return Promise.all(
    documents.map(async (document) => {
      const { server_id, version } = document;
      return { server_id, version, sha256: await serverStateDigest(document), parts: serverPartsOf(document) };
    }),
  );
}
