/**
 * The tables of the control plane. Ids are TEXT, times are UTC milliseconds as INTEGER, JSON is TEXT, flags are 0 or 1, and
 * `rev` is for compare-and-swap. Every row of a noun carries its project; there is one, `default`, until people need more.
 */
import type { ColumnType, Generated } from 'kysely';
import type { AccessTables } from '../access/access-tables.ts';
import type { AuditTables } from '../audit/audit-tables.ts';
import type { BusTables } from '../bus/bus-tables.ts';
import type { OrchestratorTables } from '../orchestrator/orchestrator-tables.ts';
import type { RolloutTables } from '../rollouts/rollout-tables.ts';
import type { RemovedServersTables } from '../servers/removed-servers-tables.ts';
import type { ServerLabelsTables } from '../servers/server-labels-tables.ts';
import type { ServerStateTables } from '../servers/server-state-tables.ts';

type Project = ColumnType<string, string | undefined, never>;
type Json = string;

export type Tables = AccessTables &
  RolloutTables &
  RemovedServersTables &
  ServerLabelsTables &
  ServerStateTables &
  OrchestratorTables &
  AuditTables &
  BusTables & {
    stacks: {
      id: string;
      project_id: Project;
      name: string;
      rev: number;
      /** The newest desired state that was made, whatever became of it. */
      desired_version: number;
      /** The last desired state that succeeded on every server; 0 before the first. */
      serving_version: number;
      /** Service → why it follows no ref at the moment. */
      held: Json;
      removed: number;
      /** By whom, why and when it was paused; null when it is not. */
      paused: Json | null;
      webhook_digest: string | null;
      webhook_sealed: string | null;
      created_at: number;
      updated_at: number;
    };
    stack_versions: {
      stack_id: string;
      version: number;
      spec: Json;
      document: Json;
      sha256: string;
      grant_jws: string;
      operation_id: string;
      state: 'running' | 'succeeded' | 'failed';
      created_at: number;
    };
    /** First lines of commit messages, as servers of the stack reported them. */
    commit_subjects: { stack_id: string; commit_id: string; subject: string; noted_at: number };
    servers: {
      id: string;
      project_id: Project;
      name: string;
      rev: number;
      stack_id: string | null;
      invitation_jws: string | null;
      invitation_digest: string | null;
      invitation_expires_at: number | null;
      credential_digest: string | null;
      enrolment_jws: string | null;
      enrolled_at: number | null;
      last_seen_at: number | null;
      online: number;
      last_event_seq: number;
      last_log_seq: number;
      created_at: number;
      /** Version of its server state; 0 while it has none. */
      state_version: Generated<number>;
    };
    /** What a server last reported, apart from its row because it is large and most reads do not want it. */
    server_reports: { server_id: string; state: Json };
    /** How busy and healthy servers and services were, see usage/chunk.ts; `data` comes last because it grows. */
    usage_chunks: {
      id: Generated<number>;
      server_id: string;
      /** Empty with the server itself, like `service`. */
      stack_id: string;
      service: string;
      resolution_seconds: 60 | 900;
      start: number;
      /** Of an hour of minutes: its quarters are made. */
      rolled_up: number;
      data: string;
    };
    secrets: {
      id: string;
      project_id: Project;
      stack: string;
      name: string;
      rev: number;
      commitment: string;
      updated_at: number;
    };
    /** Values by commitment: also those that a kept version of a stack still names, so that a rollback finds them. */
    sealed_values: { commitment: string; owner: string; sealed: string; created_at: number };
    credentials: {
      id: string;
      project_id: Project;
      name: string;
      rev: number;
      kind: 'deploy_key' | 'token';
      public_key: string | null;
      username: string | null;
      commitment: string;
      updated_at: number;
    };
    operations: {
      id: string;
      project_id: Project;
      operation: string;
      idempotency_key: string | null;
      actor_id: string;
      actor: Json;
      input_digest: string;
      plan: Json;
      /** What the plan's hash is over. */
      plan_body: Json | null;
      /** Input, and what the plan learned, sealed: until it has ended. */
      proposal_sealed: string | null;
      state: string;
      stack_id: string | null;
      stack: string | null;
      version: number | null;
      targets: Json;
      requirement: Json | null;
      approvals: Json;
      /** The rule of the policy that decided. */
      policy: string | null;
      grant_jws: string | null;
      run_id: string | null;
      result: Json | null;
      /** A result with one-time secrets, until its proposer has taken it. */
      result_sealed: string | null;
      error_code: string | null;
      error_field: string | null;
      message: string | null;
      hint: string | null;
      created_at: number;
      finished_at: number | null;
    };
    events: {
      cursor: Generated<number>;
      id: string;
      project_id: Project;
      at: number;
      kind: string;
      severity: number;
      message: string;
      actor: string | null;
      stack: string | null;
      server: string | null;
      service: string | null;
      release_id: string | null;
      operation_id: string | null;
      data: Json | null;
    };
    log_lines: {
      cursor: Generated<number>;
      at: number;
      stack: string;
      service: string;
      server: string;
      release_id: string;
      stream: 'stdout' | 'stderr' | 'build';
      /** Place in the list of levels, the gravest last; null when the line says none. */
      level: number | null;
      text: string;
    };
  };
