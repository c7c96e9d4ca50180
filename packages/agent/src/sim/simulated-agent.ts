/**
 * A simulated agent: it speaks the real protocol (enrolment, long-poll, heartbeats, events) and verifies each grant, but
 * runs nothing: what is desired of it is so at once. Light enough for thousands in one process; for benches and tests of
 * the control plane.
 */
import { inquiry_header, type ServerStateOffer } from '@mainstay/contract/agent-answers';
import type {
  AgentState,
  AgentStateSent,
  DesiredStateResponse,
  Receipt,
  ServerFacts,
  ServiceState,
} from '@mainstay/contract/agent-api';
import type { DesiredState } from '@mainstay/contract/desired-state';
import { AppError } from '@mainstay/contract/errors';
import { applyKeyChanges } from '@mainstay/contract/key-changes';
import { type Clock, systemClock, wakeExactlyAfter } from '@mainstay/runtime/clock';
import { silentLogger } from '@mainstay/runtime/log';
import { createBackoff } from '../link/backoff.ts';
import { enrol } from '../link/enrol.ts';
import { createLinkClient } from '../link/http.ts';
import { answered_kinds, createInquiries } from '../link/inquiries.ts';
import { createWake } from '../link/wake.ts';
import { judgeDesiredState } from '../reconciler/acceptance.ts';
import { runningReceipt } from '../reconciler/receipts.ts';
import { judgeServerState } from '../server/acceptance.ts';
import type { StoredState } from '../state/desired-states.ts';
import { type Identity, newCredential } from '../state/identity.ts';
import { runningServerReceipt, type StoredServerState } from '../state/server-states.ts';
import { simulatedDiagnosis } from './simulated-diagnosis.ts';
import { simulatedSecurity } from './simulated-security.ts';
import { simulatedServices } from './simulated-services.ts';

export type SimulatedAgentOptions = {
  url: string;
  token: string;
  clock?: Clock;
  /** Milliseconds between heartbeats. */
  heartbeat_interval_ms?: number;
  /** Services that it tells of while nothing is desired of it. */
  idle_services?: number;
  /** Addresses from which it tells that SSH sessions are open. */
  ssh_peers?: readonly string[];
  /** What becomes of an update of the agent to a version; left out, it is so at once. */
  update?: (version: string) => SimulatedOutcome | Promise<SimulatedOutcome>;
  /** What becomes of a desired state that it accepted; left out, it is so at once. A newer one ends the wait for it. */
  outcome?: (document: DesiredState) => SimulatedOutcome | Promise<SimulatedOutcome>;
};

const done: SimulatedOutcome = { state: 'succeeded' };

export type SimulatedOutcome = { state: 'succeeded' | 'failed'; message?: string };

export type SimulatedAgent = {
  /** Enrols, and begins to poll and to send heartbeats. Throws AppError when enrolment fails; it may be called again then. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** From now on it tells that its services are in this state, until another desired state is so. */
  fallIll(state: ServiceState): void;
  /** Versions that it accepted, in order. */
  readonly versions: readonly number[];
  readonly counts: { heartbeats: number; polls: number; accepted: number; refused: number; failed_requests: number };
};

type HeartbeatAnswer = { key_changes?: string[]; server_state?: ServerStateOffer | null };

const facts: ServerFacts = {
  hostname: 'simulated',
  os: 'simulated',
  kernel: '6.1.0',
  arch: 'x64',
  cpus: 2,
  memory_bytes: 4 * 1024 ** 3,
  supervisor: 'simulated',
  proxy: 'none',
};

const quiet = silentLogger();

export function createSimulatedAgent(options: SimulatedAgentOptions): SimulatedAgent {
  const { clock = systemClock, heartbeat_interval_ms = 10_000, idle_services = 5 } = options;
  const client = createLinkClient({ url: options.url });
  const inquiries = createInquiries({
    client,
    clock,
    log: quiet,
    answer: async (inquiry, offset_ms) => simulatedDiagnosis(inquiry, offset_ms, clock.now()),
  });
  const ending = new AbortController();
  const changed = createWake(wakeExactlyAfter);
  const counts = { heartbeats: 0, polls: 0, accepted: 0, refused: 0, failed_requests: 0 };
  const started_at = clock.now();
  const credential = newCredential();
  const nonces = new Map<string, { stack_id: string; version: number; sha256: string }>();
  let identity: Identity | null = null;
  let accepted: StoredState | null = null;
  let receipt: Receipt | null = null;
  let refusal: AgentState['refusal'] = null;
  let etag: string | null = null;
  let loops: Promise<void>[] = [];
  const versions: number[] = [];
  /** What serves: of a desired state that failed, the one before goes on. */
  let serving: DesiredState | null = null;
  let ill: ServiceState | null = null;
  let server_state: StoredServerState | null = null;
  let server_receipt: AgentState['server'] = null;
  let updated: string | null = null;
  let server_refusal: AgentState['server_refusal'] = null;

  const followKeys = async (changes: readonly string[]) => {
    if (identity) identity = { ...identity, keeper: (await applyKeyChanges(identity.keeper, changes)).pinned };
  };

  const take = async (response: DesiredStateResponse) => {
    if (!identity) return;
    await followKeys(response.key_changes ?? []);
    const judgement = await judgeDesiredState(response, {
      server_id: identity.server_id,
      keeper: identity.keeper,
      desired: {
        accepted: () => accepted,
        seen: (jti) => nonces.get(jti) ?? null,
        receipt: () => receipt,
        highest: (stack_id) => (accepted?.stack_id === stack_id ? accepted.version : 0),
      },
      now_ms: clock.now(),
    });
    if (judgement.kind === 'refused') {
      counts.refused++;
      refusal = { ...judgement.refusal, at: clock.now() };
    } else if (judgement.kind === 'accepted') {
      counts.accepted++;
      refusal = null;
      accepted = judgement.state;
      // One nonce is enough: whatever is older has a lower version.
      nonces.clear();
      nonces.set(judgement.grant.jti, accepted);
      versions.push(accepted.version);
      receipt = runningReceipt(accepted);
      if (options.outcome) void come(accepted, options.outcome(accepted.document));
      else end(accepted, { state: 'succeeded' });
    }
    changed.ring();
  };
  const come = async (state: StoredState, outcome: SimulatedOutcome | Promise<SimulatedOutcome>) => {
    const became = await outcome;
    if (state !== accepted) return;
    end(state, became);
    changed.ring();
  };
  const end = (
    of: StoredState,
    { state, message = null }: { state: 'succeeded' | 'failed'; message?: string | null },
  ) => {
    receipt = { ...runningReceipt(of), state, message, finished_at: clock.now() };
    if (state === 'failed') return;
    serving = of.document;
    ill = null;
    for (const [service, { release_id }] of Object.entries(of.document.services))
      receipt.services[service] = { state: 'switched', release_id, message: null };
  };

  const poll = async (): Promise<number> => {
    const wait_seconds = etag === null ? 0 : 50;
    const response = await client.send({
      method: 'GET',
      path: `/agent/v1/desired-state?wait_seconds=${wait_seconds}`,
      headers: etag === null ? {} : { 'if-none-match': etag },
      timeout_ms: (wait_seconds + 30) * 1000,
      signal: ending.signal,
    });
    counts.polls++;
    if (response.headers[inquiry_header] !== undefined) inquiries.look();
    etag = response.headers.etag ?? etag ?? '"none"';
    if (response.status === 200) await take(response.body as DesiredStateResponse);
    // The poll that tells of a question comes back until it is fetched.
    return response.status === 204 || response.headers[inquiry_header] !== undefined ? 1_000 : 0;
  };

  const observe = (): AgentStateSent => ({
    agent_version: updated ?? 'simulated',
    updatable: true,
    started_at,
    facts,
    stack_id: accepted?.stack_id ?? null,
    accepted_version: accepted?.version ?? null,
    accepted_sha256: accepted?.sha256 ?? null,
    applied_version: serving && serving.stack_id === accepted?.stack_id ? serving.version : null,
    receipt,
    refusal,
    keeper_keys_seq: identity?.keeper.seq ?? 0,
    server: server_receipt,
    server_refusal,
    answers: [...answered_kinds],
    security: simulatedSecurity(server_state?.document ?? null, options.ssh_peers ?? []),
    services: simulatedServices(serving, ill, idle_services, started_at, clock.now()),
    proxy: { state: 'none', pid: null, address: null },
    names: null,
    usage: {
      cpu_fraction: 0.05,
      load1: 0.1,
      memory_used_bytes: 1024 ** 3,
      disk_used_bytes: 10 * 1024 ** 3,
      disk_total_bytes: 40 * 1024 ** 3,
      agent_rss_bytes: 50 * 1024 ** 2,
    },
    backlog: { events: 0, log_lines: 0, dropped_events: 0, dropped_log_lines: 0 },
    drift: [],
    problems: [],
  });

  const heartbeat = async (): Promise<number> => {
    const body = { sent_at: clock.now(), state: observe() };
    const answer = await client.send({ method: 'POST', path: '/agent/v1/heartbeat', body, signal: ending.signal });
    const { key_changes, server_state: offer } = answer.body as HeartbeatAnswer;
    await followKeys(key_changes ?? []);
    counts.heartbeats++;
    if (offer) void takeServerState(offer).catch(() => counts.failed_requests++);
    return heartbeat_interval_ms;
  };

  /** A signed state of the server is so at once, as a desired state is. */
  const takeServerState = async (offer: ServerStateOffer) => {
    if (!identity) return;
    const { server_id, keeper } = identity;
    const states = { accepted: () => server_state };
    const judgement = await judgeServerState(offer, { server_id, keeper, states, now_ms: clock.now() });
    if (judgement.kind === 'refused') server_refusal = { ...judgement.refusal, at: clock.now() };
    if (judgement.kind !== 'accepted') return;
    const { state } = judgement;
    const before = server_state?.document.agent?.version;
    server_state = state;
    server_refusal = null;
    const { agent } = state.document;
    const isUpdate = agent !== null && agent.version !== before;
    server_receipt = runningServerReceipt(state);
    changed.ring();
    const became = isUpdate ? ((await options.update?.(agent.version)) ?? done) : done;
    if (state !== server_state) return;
    if (became.state === 'succeeded') updated = agent?.version ?? updated;
    const { message = null } = became;
    server_receipt = { ...server_receipt, state: became.state, message, finished_at: clock.now() };
    changed.ring();
  };

  const loop = async (exchange: () => Promise<number>, wait: (ms: number) => Promise<void>) => {
    const backoff = createBackoff();
    while (!ending.signal.aborted) {
      try {
        const wait_ms = await exchange();
        backoff.reset();
        if (wait_ms > 0) await wait(wait_ms);
      } catch {
        if (ending.signal.aborted) return;
        counts.failed_requests++;
        await clock.sleep(backoff.next(), ending.signal);
      }
    }
  };

  return {
    counts,
    versions,
    fallIll(state) {
      ill = state;
      changed.ring();
    },
    async start() {
      const { url: control_plane_url, token } = options;
      const { now } = clock;
      identity = await enrol({ client, control_plane_url, token, credential, agent_version: 'simulated', facts, now });
      if (ending.signal.aborted) throw new AppError('Unavailable', 'The simulated agent was stopped.');
      client.setCredential(identity.credential);
      const spread_ms = Math.random() * heartbeat_interval_ms;
      loops = [
        loop(poll, (ms) => clock.sleep(ms, ending.signal)),
        // A crowd that was started together does not send its heartbeats together.
        changed.wait(spread_ms, ending.signal).then(() => loop(heartbeat, (ms) => changed.wait(ms, ending.signal))),
      ];
    },
    async stop() {
      ending.abort();
      await Promise.all([...loops, inquiries.stop()]);
      client.close();
    },
  };
}
