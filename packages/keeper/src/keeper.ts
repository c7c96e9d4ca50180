/**
 * The keeper: decides by policy, and signs what it approved. It owns the one secret that matters, depends on almost nothing, and takes
 * nobody's word for what it can compute. All that it must remember is in one file of its own; what it signs is written down in the
 * same write, and nothing leaves it that is not.
 */
import { join } from 'node:path';
import type { KeeperApi } from '@mainstay/contract/keeper-api';
import { type KeeperAlert, LedgerQuery, PolicyTestRequest } from '@mainstay/contract/keeper-views';
import type { Role } from '@mainstay/contract/operation';
import { createAnchors } from './anchors.ts';
import { createDecisions } from './decisions/decisions.ts';
import { createProposalStore } from './decisions/proposal-store.ts';
import { createProposalPruning, defaultRetention, type ProposalRetention } from './decisions/retention.ts';
import { createSignedParts } from './decisions/server-parts.ts';
import { createUndo } from './decisions/undo.ts';
import { createGrants } from './grants.ts';
import { parsed } from './input.ts';
import { createKeyExchange } from './key-exchange.ts';
import { openKeeperDatabase } from './ledger/database.ts';
import { createLedger } from './ledger/ledger.ts';
import { createPeople } from './people/people.ts';
import { createPersonKeys } from './people/person-keys.ts';
import { createStatements } from './people/statements.ts';
import { keptPolicies } from './policy/kept-policies.ts';
import { createPolicySource } from './policy/policy-source.ts';
import { rulesSent, tryCases } from './policy/policy-tests.ts';
import { loadSigner } from './signer.ts';

export { grant_lifetime_seconds } from './grants.ts';

export type KeeperOptions = {
  /** Holds the keys and the ledger; for the keeper's user alone. */
  directory: string;
  /** Folder of the policies. Left out, or empty when the keeper starts: the built-in set. */
  policies?: string;
  now?: () => number;
  /** How often the folder of the policies is looked at, milliseconds; changes are told by the system as well. */
  poll_interval_ms?: number;
  /** How large the ledger may grow, bytes. Beyond it nothing is signed any more. */
  ledger_bytes_max?: number;
  /** How long ended proposals are kept; the ledger is kept whole. */
  retention?: ProposalRetention;
};

export type Keeper = KeeperApi & {
  /** For a person at the keeper's own machine, when no key of an owner is left. */
  admitByHand(key_id: string, role: Role): void;
  close(): void;
};

const ledger_bytes_max_default = 64 * 1024 ** 3;
const poll_interval_ms_default = 5_000;

export async function createKeeper(options: KeeperOptions): Promise<Keeper> {
  const now = options.now ?? Date.now;
  const database = openKeeperDatabase(
    join(options.directory, 'ledger.db'),
    options.ledger_bytes_max ?? ledger_bytes_max_default,
  );
  const signer = await loadSigner(options.directory, database, now);
  const ledger = createLedger(database, signer, now);
  const policies = createPolicySource({
    folder: options.policies ?? null,
    now,
    poll_interval_ms: options.poll_interval_ms ?? poll_interval_ms_default,
    kept: keptPolicies(database, ledger),
  });
  const keys = createPersonKeys(database);
  const statements = createStatements(database, keys, now);
  const proposals = createProposalStore(database);
  const fleetOf = (operation_id: string) => {
    const row = proposals.find(operation_id);
    return row?.state === 'approved' ? (row.judged.fleet ?? []) : [];
  };
  const grants = createGrants({ database, ledger, signer, fleetOf, now });
  const people = createPeople({ database, ledger, keys, statements, now });
  const anchors = createAnchors({ database, ledger, signer, now });
  const started_at = now();

  const alerts = (): KeeperAlert[] => {
    const { error } = policies.view();
    const found: KeeperAlert[] = anchors.alerts();
    if (error) {
      const hint = error.hint ?? 'Mend the file; what was in force before stays so until then.';
      found.push({ kind: 'policy_broken', message: error.message, hint, since: error.since });
    }
    if (signer.is_ledger_lost) {
      const message = 'The ledger was not there: a new one was begun, and the keys of people are unknown.';
      found.push({ kind: 'ledger_lost', message, hint: 'Put a backup of ledger.db in its place.', since: started_at });
    }
    return found;
  };

  return {
    keys: async () => signer.keys(),
    keyHistory: async () => signer.history(),
    ...createKeyExchange({ database, ledger, grants, proposals, statements, signer, now }),
    ...createDecisions({
      database,
      ledger,
      grants,
      proposals,
      signed_parts: createSignedParts(database),
      statements,
      policies,
      prune: createProposalPruning(database, now, options.retention ?? defaultRetention),
      now,
    }),
    enrol: grants.enrol,
    enrolTarget: grants.enrolTarget,
    reissue: grants.reissue,
    ...createUndo({ database, grants, proposals, now }),
    policies: async () => {
      policies.refresh();
      return policies.view();
    },
    testPolicies: async (unchecked) => {
      const { cases, files } = parsed(PolicyTestRequest, unchecked);
      return tryCases(files ? rulesSent(files) : policies.current().rules, cases, now());
    },
    ...people,
    ledger: async (unchecked) => {
      const { after, limit } = parsed(LedgerQuery, unchecked);
      return ledger.page(after, limit);
    },
    verifyLedger: ledger.verify,
    anchor: anchors.anchor,
    anchors: anchors.anchors,
    alerts: async () => alerts(),
    close() {
      policies.stop();
      database.close();
    },
  };
}
