/**
 * What agents and the control plane say to each other, all of it dialled by the agent, under /agent/v1.
 *
 * | Request                     | Meaning |
 * | --------------------------- | --- |
 * | POST /agent/v1/enrol         | one-time token, and a credential that the agent made → keeper keys, enrolment grant; the same again gives the same answer |
 * | GET  /agent/v1/desired-state | ETag, 304, long-poll (`wait_seconds`) |
 * | POST /agent/v1/secrets       | commitments → values, only those of this server's stack |
 * | POST /agent/v1/heartbeat     | the full observed state |
 * | POST /agent/v1/events        | numbered batch; sending one again changes nothing |
 * | POST /agent/v1/logs          | numbered lines; sending them again changes nothing |
 * | POST /agent/v1/inquiries     | what people ask to see of this server now, each handed out once (ADR 0031) |
 * | POST /agent/v1/answers       | the answer to one of them, or why there is none |
 * | GET  /agent/v1/removal       | why the credential is refused: the signed removal of its server, or NotFound |
 *
 * All but enrol carry `Authorization: Bearer <credential>`. Errors are the contract's `Error` body.
 */
import * as z from 'zod';
import { agentApiLimits, EnrolmentToken } from './agent-answers.ts';
import { CommitSha, Digest, ReleaseId } from './desired-state.ts';
import { idSchema } from './ids.ts';
import { JsonValue } from './operation.ts';
import { SecurityObserved, ServerReceipt, TunnelObserved } from './server-state.ts';
import { DnsName } from './stack.ts';

export * from './agent-answers.ts';

export const ServerFacts = z
  .object({
    hostname: z.string().max(255),
    os: z.string().max(255),
    kernel: z.string().max(255),
    arch: z.string().max(32),
    cpus: z.int().min(1),
    memory_bytes: z.int(),
    supervisor: z.enum(['process', 'systemd', 'simulated']),
    proxy: z.enum(['embedded', 'haproxy', 'none']),
  })
  .meta({ id: 'ServerFacts' });
export type ServerFacts = z.infer<typeof ServerFacts>;

/** What a server says who it is with. The server makes it, so that an enrolment whose answer was lost or refused can be asked for again. */
export const AgentCredential = z
  .string()
  .regex(/^mag_[A-Za-z0-9_-]{43}$/, 'must be mag_ and 32 random bytes in base64url');

export const EnrolRequest = z.strictObject({
  token: EnrolmentToken,
  credential: AgentCredential,
  agent_version: z.string().max(64),
  facts: ServerFacts,
});
export const SecretsRequest = z.strictObject({ commitments: z.array(Digest).max(10_000) });
/**
 * State of a service on a server, as observed.
 * ```
 * pending ─▶ building ─▶ starting ─▶ running ⇄ unhealthy
 *                                       │
 *                                       └─▶ crash_looping ─▶ running
 * ```
 * `failed`: it never ran, its only candidate failed. `stopped`: it is not to run.
 */
export const ServiceState = z.enum([
  'pending',
  'building',
  'starting',
  'running',
  'unhealthy',
  'crash_looping',
  'failed',
  'stopped',
]);
export type ServiceState = z.infer<typeof ServiceState>;

export const DeployStage = z.enum(['sync', 'build', 'start', 'health', 'switch', 'drain', 'done']);
export type DeployStage = z.infer<typeof DeployStage>;

export const ReleaseObserved = z
  .object({
    release_id: ReleaseId,
    commit: CommitSha,
    commit_subject: z.string().max(500).nullable().default(null).describe('First line of its message.'),
    commit_author: z.string().max(200).nullable().default(null),
    commit_at: z.int().nullable().default(null).describe('When it was committed, by the clock of whoever did.'),
    state: z.enum(['serving', 'candidate', 'draining', 'kept', 'failed']),
    created_at: z.int(),
  })
  .meta({ id: 'ReleaseObserved' });

export const HealthObserved = z
  .object({
    state: z.enum(['unknown', 'healthy', 'unhealthy']),
    checked_at: z.int().nullable(),
    message: z.string().max(1_000).nullable().describe('What was wrong at the last check.'),
    latency_ms: z.int().nullable().default(null).describe('Of the last check; null when there was no answer.'),
    status: z.int().nullable().default(null).describe('HTTP status of the last answer.'),
    consecutive_failures: z.int().default(0),
    recent: z
      .array(
        z.object({
          at: z.int(),
          ok: z.boolean(),
          latency_ms: z.int().nullable(),
          message: z.string().max(200).nullable(),
        }),
      )
      .max(20)
      .default([])
      .describe('The last checks of the serving instance, oldest first.'),
  })
  .meta({ id: 'HealthObserved' });
export type HealthObserved = z.infer<typeof HealthObserved>;

export const ServiceObserved = z
  .object({
    state: ServiceState,
    release_id: ReleaseId.nullable().describe('The release that serves.'),
    commit: CommitSha.nullable(),
    pid: z.int().nullable(),
    port: z.int().nullable(),
    url: z.string().nullable().describe('Where it is reached from outside, through the proxy.'),
    internal_url: z.string().nullable(),
    since: z.int().nullable().describe('When the serving instance started.'),
    restarts: z.int().describe('Starts of the serving release that were not asked for.'),
    health: HealthObserved,
    memory_bytes: z.int().nullable(),
    cpu_fraction: z.number().nullable().describe('1 is one core.'),
    candidate: z.object({ release_id: ReleaseId, commit: CommitSha, stage: DeployStage, since: z.int() }).nullable(),
    last_failure: z
      .object({
        release_id: ReleaseId,
        commit: CommitSha,
        stage: DeployStage,
        message: z.string().max(4_000),
        hint: z.string().max(1_000).nullable(),
        at: z.int(),
      })
      .nullable(),
    releases: z.array(ReleaseObserved).max(50),
  })
  .meta({ id: 'ServiceObserved' });
export type ServiceObserved = z.infer<typeof ServiceObserved>;

/** What became of one desired state on one server; kept, and given again on a replay. */
export const Receipt = z
  .object({
    version: z.int(),
    sha256: Digest,
    operation_id: idSchema('operation'),
    state: z.enum(['running', 'succeeded', 'failed']),
    message: z.string().max(4_000).nullable(),
    hint: z.string().max(1_000).nullable(),
    services: z.record(
      DnsName,
      z.object({
        state: z.enum(['unchanged', 'switched', 'removed', 'failed', 'waiting']),
        release_id: ReleaseId.nullable(),
        message: z.string().max(4_000).nullable(),
      }),
    ),
    started_at: z.int(),
    finished_at: z.int().nullable(),
  })
  .meta({ id: 'Receipt' });
export type Receipt = z.infer<typeof Receipt>;

export const AgentState = z
  .object({
    agent_version: z.string().max(64),
    updatable: z
      .boolean()
      .nullable()
      .default(null)
      .describe('It can exchange itself for another release; null from agents that do not tell.'),
    started_at: z.int(),
    facts: ServerFacts,
    stack_id: idSchema('stack').nullable(),
    accepted_version: z.int().nullable(),
    accepted_sha256: Digest.nullable(),
    applied_version: z
      .int()
      .nullable()
      .default(null)
      .describe('The version of that stack that it keeps running: where the accepted one failed, the one before it.'),
    receipt: Receipt.nullable().describe('Of the newest accepted desired state.'),
    refusal: z
      .object({ version: z.int().nullable(), reason: z.string().max(64), message: z.string().max(1_000), at: z.int() })
      .nullable()
      .describe('Why the last desired state that was offered was not accepted.'),
    keeper_keys_seq: z
      .int()
      .min(0)
      .default(0)
      .describe("Number of the newest change of the keeper's keys that it follows; 0 for those of its enrolment."),
    server: ServerReceipt.nullable()
      .default(null)
      .describe('Of the newest server state that it took; null before there was one.'),
    server_refusal: z
      .object({ version: z.int().nullable(), reason: z.string().max(64), message: z.string().max(1_000), at: z.int() })
      .nullable()
      .default(null)
      .describe('Why the last server state that was offered was not taken.'),
    security: SecurityObserved.nullable().default(null).describe('Null where the agent may not touch the firewall.'),
    tunnel: TunnelObserved.nullable().default(null),
    answers: z
      .array(z.string().max(64))
      .max(20)
      .default([])
      .describe('Kinds of questions that it answers at once, such as `diagnose`.'),
    drained: z.boolean().default(false).describe('It starts nothing of its stack until it is undrained.'),
    services: z.record(DnsName, ServiceObserved),
    proxy: z.object({
      state: z.enum(['none', 'running', 'down']),
      pid: z.int().nullable(),
      address: z.string().nullable(),
    }),
    names: z
      .object({
        state: z.enum(['none', 'active', 'down']),
        how: z.enum(['resolved', 'hosts', 'none']).describe('By what programs of the server know them.'),
        address: z.string().nullable().describe('Where they lead: the internal proxy.'),
      })
      .nullable()
      .default(null)
      .describe('Names of services, `<service>.svc.internal`, on this server; null from agents that do not tell.'),
    drift: z
      .array(
        z.object({
          what: z.string().max(1_000),
          expected: z.string().max(1_000),
          found: z.string().max(1_000),
          by: z.string().max(1_000).nullable().describe('What is known of who did it; null where nothing is.'),
          changed_at: z.int().nullable(),
          found_at: z.int(),
          put_back_at: z.int().nullable().describe('Null while it is not put back.'),
        }),
      )
      .max(20)
      .default([])
      .describe('What others changed on the server and the agent found, newest first, since the agent started.'),
    usage: z.object({
      cpu_fraction: z
        .number()
        .min(0)
        .max(1)
        .nullable()
        .default(null)
        .describe('Share of all cores in use since the last report; null before it is known.'),
      load1: z.number(),
      memory_used_bytes: z.int(),
      disk_used_bytes: z.int(),
      disk_total_bytes: z.int(),
      agent_rss_bytes: z.int(),
    }),
    backlog: z.object({ events: z.int(), log_lines: z.int(), dropped_events: z.int(), dropped_log_lines: z.int() }),
    problems: z
      .array(z.object({ code: z.string().max(64), message: z.string().max(1_000) }))
      .max(50)
      .describe('What needs a person, such as a full disk or a clock that is off.'),
  })
  .meta({ id: 'AgentState' });
export type AgentState = z.infer<typeof AgentState>;
/** The same as an agent may send it: what was added later may be left out. */
export type AgentStateSent = z.input<typeof AgentState>;

export const HeartbeatRequest = z.strictObject({ sent_at: z.int(), state: AgentState });
export const eventKinds = [
  // of agents
  'agent.started',
  'agent.stopped',
  'agent.recovered',
  'agent.problem',
  'desired_state.accepted',
  'desired_state.refused',
  'deployment.started',
  'deployment.succeeded',
  'deployment.failed',
  'build.started',
  'build.succeeded',
  'build.failed',
  'candidate.started',
  'candidate.failed',
  'release.switched',
  'release.drained',
  'release.stopped',
  'release.pruned',
  'service.crashed',
  'service.restarted',
  'service.unhealthy',
  'service.healthy',
  'service.removed',
  'service.limit_exceeded',
  'proxy.started',
  'proxy.restarted',
  'drift.repaired',
  'drift.found',
  'server_state.accepted',
  'server_state.refused',
  'server_state.succeeded',
  'server_state.failed',
  'security.changed',
  'security.reverted',
  'tunnel.connected',
  'tunnel.down',
  'agent.updated',
  'agent.update_failed',
  // of the control plane
  'operation.denied',
  'operation.waiting',
  'operation.approved',
  'operation.rejected',
  'operation.expired',
  'operation.cancelled',
  'operation.compensated',
  'operation.started',
  'operation.succeeded',
  'operation.failed',
  'rollout.advanced',
  'rollout.stopped',
  'server.invited',
  'server.enrolled',
  'server.online',
  'server.offline',
  'server.removed',
  'server.assigned',
  'server.left',
  'stack.ref_moved',
  'stack.source_unavailable',
  'stack.source_available',
  'stack.paused',
  'stack.resumed',
  'webhook.received',
  'webhook.refused',
  'access.signed_in',
  'access.refused',
  'audit.alert',
  'mirror.alert',
  'policy.alert',
] as const;
export const EventKind = z.enum(eventKinds);
export type EventKind = z.infer<typeof EventKind>;
export const Severity = z.enum(['info', 'notice', 'warning', 'error']);
export type Severity = z.infer<typeof Severity>;

/** An event as an agent numbers it: `seq` counts from 1 without gaps, for the life of the enrolment. */
export const AgentEvent = z.strictObject({
  seq: z.int().min(1),
  at: z.int(),
  kind: EventKind,
  severity: Severity,
  message: z.string().max(4_000),
  service: DnsName.nullable(),
  release_id: ReleaseId.nullable(),
  operation_id: idSchema('operation').nullable(),
  data: z.record(z.string().max(64), JsonValue).nullable(),
});
export type AgentEvent = z.infer<typeof AgentEvent>;

export const EventsRequest = z.strictObject({
  events: z.array(AgentEvent).min(1).max(agentApiLimits.events_per_batch_max),
});
export const LogStream = z.enum(['stdout', 'stderr', 'build']);
export const AgentLogLine = z.strictObject({
  seq: z.int().min(1),
  at: z.int(),
  service: DnsName,
  release_id: ReleaseId,
  stream: LogStream,
  text: z.string().max(agentApiLimits.log_line_bytes_max),
});
export type AgentLogLine = z.infer<typeof AgentLogLine>;
export const LogsRequest = z.strictObject({
  lines: z.array(AgentLogLine).min(1).max(agentApiLimits.log_lines_per_batch_max),
});
