/**
 * The agent: it holds together the link to the control plane, the reconciler and the durable state of one server. It dials
 * out only, and what it runs outlives it.
 *
 * Where the journal is damaged it starts all the same, touches nothing that runs, and tells the control plane so: a server
 * that goes on serving and asks for help is better than one that ends and is restarted for ever.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { AgentState } from '@mainstay/contract/agent-api';
import { AppError, isRetryable } from '@mainstay/contract/errors';
import type { SecuritySettings } from '@mainstay/contract/server-state';
import type { Clock } from '@mainstay/runtime/clock';
import type { Logger } from '@mainstay/runtime/log';
import type { RecentLines } from '@mainstay/runtime/recent-lines';
import { type AdapterNeeds, type Adapters, embeddedAdapters, type ProxyKind } from './adapters.ts';
import { followLastExits, type LastExits } from './diagnosis/last-exits.ts';
import { agent_version, createServerUsage, serverFacts } from './facts.ts';
import { createBackoff } from './link/backoff.ts';
import { enrol } from './link/enrol.ts';
import { isHeartbeatAcknowledged } from './link/fresh-heartbeat.ts';
import { createLinkClient } from './link/http.ts';
import { answered_kinds } from './link/inquiries.ts';
import { createLink, type Link } from './link/link.ts';
import { judgeRemoval, loadRemoval, type Removal, removalText, saveRemoval } from './link/removal.ts';
import { createProblems } from './problems.ts';
import { type Context, defaultSettings, type Settings } from './reconciler/context.ts';
import { createObserver, type Observer, proxyObserved } from './reconciler/observed.ts';
import { createReconciler, type Reconciler } from './reconciler/reconciler.ts';
import { unchanged_server } from './server/server-part.ts';
import { createServerParts, type ServerParts } from './server/server-parts.ts';
import { createServerReconciler, type ServerReconciler } from './server/server-reconciler.ts';
import { sharedClock } from './shared-wakes.ts';
import type { NewAgentEvent } from './state/event-outbox.ts';
import { credentialFor, type Identity, loadIdentity, saveIdentity } from './state/identity.ts';
import type { WriteHook } from './state/journal.ts';
import { createKeeperKeys, type KeeperKeys } from './state/keeper-keys.ts';
import { type HomeLock, lockHome } from './state/lock.ts';
import { type Outbox, openOutbox } from './state/outbox.ts';
import { openState, type State } from './state/state.ts';
import type { Supervisor } from './supervisor/supervisor.ts';
import { systemdTrial } from './update/trial.ts';
import { createUpdatePart, type UpdateSettings } from './update/update-part.ts';

export type AgentOptions = {
  /** Folder of all that the agent keeps; one agent has it at a time. */
  home: string;
  control_plane_url: string;
  /** One-time enrolment token; not looked at when the agent is enrolled already. */
  token?: string | undefined;
  /** PEM file of the authority behind an https control plane. */
  ca_file?: string | undefined;
  log: Logger;
  /** What it logged last, for people who ask how this server is. */
  recent?: RecentLines;
  clock?: Clock;
  adapters?: (needs: AdapterNeeds) => Adapters;
  settings?: Partial<Settings>;
  /** Makes services known by name to the programs of this server. It is the server's own then: off unless it is asked for. */
  names?: boolean;
  /** What runs services and builds: `process` unless told otherwise. */
  supervisor?: Supervisor['kind'];
  /** What serves: `embedded` unless told otherwise. */
  proxy?: ProxyKind;
  /** What was chosen where the agent was installed; holds until a signed server state comes. */
  security?: SecuritySettings;
  /** Where the agent is installed, and whose releases it takes; without it, it cannot exchange itself. */
  update?: UpdateSettings;
  heartbeat_interval_ms?: number;
  /** Called around each write to the journal. */
  onJournalWrite?: WriteHook;
};

export type Agent = {
  /** Enrols where needed, recovers what runs, and connects. Throws AppError when it cannot even begin. */
  start(): Promise<void>;
  /** Ends the agent; with `services`, all that it runs as well, the proxy included. */
  stop(options: { services: boolean }): Promise<void>;
  /** The state as the next heartbeat would tell it. */
  observe(): Promise<AgentState>;
  /** False while it is not enrolled, not recovered, or its journal cannot be used. */
  isReady(): boolean;
  isConnected(): boolean;
  /** Metrics of the proxy in Prometheus text form; empty while there is none. */
  proxyMetrics(): Promise<string>;
};

/** What exists from the end of start on. */
type Running = {
  adapters: Adapters;
  outbox: Outbox;
  link: Link;
  keeper_keys: KeeperKeys;
  /** Null when the journal cannot be used. */
  work: {
    state: State;
    reconciler: Reconciler;
    observer: Observer;
    server: ServerReconciler;
    server_parts: ServerParts;
    last_exits: LastExits;
  } | null;
};

export function createAgent(options: AgentOptions): Agent {
  const { home, log, clock = sharedClock, supervisor = 'process', proxy = 'embedded' } = options;
  const started_at = clock.now();
  const ending = new AbortController();
  const client = createLinkClient({ url: options.control_plane_url, ca_file: options.ca_file });
  const usage = createServerUsage(home, clock);
  let lock: HomeLock | null = null;
  let running: Running | null = null;
  let starting: Promise<void> | null = null;

  const emit = (event: NewAgentEvent) => {
    log.info({ kind: event.kind, service: event.service, release_id: event.release_id }, event.message);
    try {
      running?.outbox.events.add(event, clock.now());
      problems.clear('outbox');
    } catch (error) {
      problems.set('outbox', `Events cannot be stored: ${(error as Error).message}`);
    }
    running?.link.ship('events');
  };
  const problems = createProblems((problem, begins) => {
    running?.link.changed();
    // A store that is full cannot hold the event about it.
    if (!begins || problem.code === 'outbox') return;
    log.warn({ problem: problem.code }, problem.message);
    emit({ kind: 'agent.problem', severity: 'error', message: problem.message, data: { code: problem.code } });
  });
  const storeOutcome = (error: unknown) => {
    if (error === null) problems.clear('store');
    else problems.set('store', `${(error as Error).message} Services run on; nothing can be deployed until then.`);
  };

  const tellRemoval = (removal: Removal) => {
    const { at, by } = removal;
    log.warn({ at, by }, `${removalText(removal)} No more requests are made.`);
    problems.set('removed', removalText(removal));
  };

  const followKeys = async (keeper_keys: KeeperKeys, changes: readonly string[]) => {
    try {
      if (await keeper_keys.follow(changes)) running?.link.changed();
      problems.clear('keeper_keys');
    } catch (error) {
      problems.set('keeper_keys', `A change of the keeper's keys cannot be stored: ${(error as Error).message}`);
    }
  };

  const becomeEnrolled = async (): Promise<Identity | null> => {
    const known = loadIdentity(home);
    if (known) return known;
    if (!options.token) {
      throw new AppError('InvalidInput', 'This agent is not enrolled, and has no enrolment token.', {
        field: 'token',
        hint: 'Make one with `mainstay servers invite`.',
      });
    }
    const facts = serverFacts(supervisor, proxy);
    const backoff = createBackoff();
    const { control_plane_url, token } = options;
    const credential = credentialFor(home, token);
    const asking = { client, control_plane_url, token, credential, agent_version, facts, now: clock.now };
    while (!ending.signal.aborted) {
      try {
        const identity = await enrol(asking);
        saveIdentity(home, identity);
        log.info({ server: identity.server, server_id: identity.server_id }, 'enrolled');
        return identity;
      } catch (error) {
        if (!(error instanceof AppError) || !isRetryable(error.code)) throw error;
        log.warn({ reason: error.message }, 'enrolment failed; trying again');
        await clock.sleep(backoff.next(), ending.signal);
      }
    }
    return null;
  };

  const openOutboxOrMemory = (): Outbox => {
    const wake = (what: 'events' | 'logs') => running?.link.ship(what);
    const common = { now: clock.now, onLines: () => wake('logs'), onOutcome: storeOutcome };
    try {
      return openOutbox({ path: join(home, 'outbox.sqlite'), ...common });
    } catch (error) {
      storeOutcome(error);
      return openOutbox({ path: ':memory:', ...common });
    }
  };

  const openStateOrTell = (): State | null => {
    try {
      return openState(home, {
        onOutcome: storeOutcome,
        ...(options.onJournalWrite ? { onWrite: options.onJournalWrite } : {}),
      });
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      problems.set('journal', `${error.message} ${error.hint ?? ''} What runs is left as it is.`);
      return null;
    }
  };

  const begin = async () => {
    mkdirSync(home, { recursive: true, mode: 0o700 });
    lock = lockHome(home);
    const identity = await becomeEnrolled();
    if (!identity) return;
    const outbox = openOutboxOrMemory();
    const adapters = (options.adapters ?? embeddedAdapters)({
      home,
      sink: outbox.logs,
      log,
      names: options.names ?? false,
      supervisor,
      proxy,
    });
    client.setCredential(identity.credential);
    const keeper_keys = createKeeperKeys(home, identity);
    const link = createLink({
      client,
      clock,
      log,
      problems,
      outbox,
      observe: agent.observe,
      followKeys: (changes) => followKeys(keeper_keys, changes),
      offer: async (response) => {
        const outcome = await running?.work?.reconciler.offer(response);
        if (outcome === 'taken') running?.work?.server.look();
        return outcome ?? 'retry_later';
      },
      offerServerState: async (offer) => running?.work?.server.offer(offer),
      removed: async (grant) => {
        const { server_id } = identity;
        const removal = await judgeRemoval(grant, { server_id, keeper: keeper_keys.pinned(), now_ms: clock.now() });
        if (!removal) return false;
        try {
          saveRemoval(home, removal);
        } catch (error) {
          log.warn(
            { err: error },
            'that this server was removed could not be stored; it is asked again at the next start',
          );
        }
        tellRemoval(removal);
        return true;
      },
      answer: async (inquiry, offset_ms) => {
        if (!running) throw new AppError('Unavailable', 'The agent is ending.');
        const { diagnoseAgent } = await import('./diagnosis/of-agent.ts');
        return diagnoseAgent({ options, agent, identity, ...running }, inquiry, offset_ms);
      },
      ...(options.heartbeat_interval_ms ? { heartbeat_interval_ms: options.heartbeat_interval_ms } : {}),
    });
    running = { adapters, outbox, link, keeper_keys, work: null };
    const { control_plane_url: url, ca_file } = options;
    const fresh = { url, ca_file, credential: identity.credential, observe: agent.observe, now: clock.now };
    const state = openStateOrTell();
    if (state) {
      const settings = { ...defaultSettings, ...options.settings };
      const { changed, fetchSecrets } = link;
      const context: Context = { clock, log, state, problems, settings, emit, changed, fetchSecrets, ...adapters };
      const reconciler = createReconciler({ context, server_id: identity.server_id, keeper_keys });
      const server_parts = createServerParts({
        home,
        context,
        secrets: reconciler.parts.secrets,
        firewall: options.security !== undefined && process.getuid?.() === 0,
        reachable: (signal) => isHeartbeatAcknowledged(fresh, signal),
      });
      const server = createServerReconciler({
        server_id: identity.server_id,
        states: state.server,
        keeper_keys,
        parts: [...server_parts.all, reconciler.drained, updatePart(options, clock, emit, agent)],
        ...(options.security ? { chosen_here: { ...unchanged_server, security: options.security } } : {}),
        clock,
        log,
        problems,
        emit,
        changed,
      });
      const observer = createObserver(reconciler.parts);
      const last_exits = followLastExits(reconciler.parts.instances);
      running.work = { state, reconciler, observer, server, server_parts, last_exits };
      await reconciler.start(await server_parts.recover());
      server.start();
    }
    if (outbox.put_aside)
      problems.set('outbox_damaged', `The outbox was damaged and begun anew; the old one is ${outbox.put_aside}.`);
    emit({ kind: 'agent.started', message: `Agent ${agent_version} started.` });
    const removal = loadRemoval(home, identity.server_id);
    if (removal) tellRemoval(removal);
    else link.start();
  };

  const agent: Agent = {
    start: () => {
      starting ??= begin().catch((error: unknown) => {
        lock?.release();
        lock = null;
        throw error;
      });
      return starting;
    },
    async stop(how) {
      ending.abort();
      await starting?.catch(() => {});
      if (running) {
        const { work, link, outbox } = running;
        const message = how.services
          ? 'The agent stops, and its services with it.'
          : 'The agent stops; its services run on.';
        await work?.server.stop();
        if (how.services) await work?.server_parts.stop();
        await work?.reconciler.stop(how);
        emit({ kind: 'agent.stopped', message });
        await link.stop();
        work?.state.close();
        outbox.close();
        running = null;
      }
      client.close();
      lock?.release();
      lock = null;
    },
    async observe() {
      if (!running) throw new AppError('Unavailable', 'The agent does not run.');
      const { adapters, outbox, keeper_keys, work } = running;
      const accepted = work?.state.desired.accepted() ?? null;
      const applied = work?.state.desired.applied() ?? null;
      return {
        agent_version,
        updatable: (options.update ?? null) !== null,
        started_at,
        facts: serverFacts(adapters.supervisor.kind, proxy),
        stack_id: accepted?.stack_id ?? null,
        accepted_version: accepted?.version ?? null,
        accepted_sha256: accepted?.sha256 ?? null,
        receipt: work?.reconciler.receipt() ?? null,
        applied_version: applied?.stack_id === accepted?.stack_id ? (applied?.version ?? null) : null,
        refusal: work?.reconciler.refusal() ?? null,
        keeper_keys_seq: keeper_keys.pinned().seq,
        server: work?.state.server.receipt() ?? null,
        server_refusal: work?.server.refusal() ?? null,
        ...(work?.server_parts.observe() ?? { security: null, tunnel: null }),
        answers: [...answered_kinds],
        drained: work?.reconciler.parts.upkeep.isSuspended() ?? false,
        services: (await work?.observer.services()) ?? {},
        names: work?.reconciler.parts.names_upkeep.observed() ?? null,
        proxy: work ? proxyObserved(work.reconciler.parts) : { state: 'none', pid: null, address: null },
        drift: work?.reconciler.parts.drift_log.list() ?? [],
        usage: await usage(),
        backlog: {
          events: outbox.events.waiting(),
          log_lines: outbox.logs.waiting(),
          dropped_events: outbox.events.dropped(),
          dropped_log_lines: outbox.logs.dropped(),
        },
        problems: problems.list(),
      };
    },
    isReady: () => running?.work != null,
    isConnected: () => running?.link.isConnected() ?? false,
    proxyMetrics: async () =>
      running?.work?.reconciler.parts.proxy_upkeep.pid() == null ? '' : running.adapters.proxy.metrics(),
  };
  return agent;
}

function updatePart(options: AgentOptions, clock: Clock, emit: (event: NewAgentEvent) => void, agent: Agent) {
  const { home, log, control_plane_url: url, ca_file = null, update: settings = null } = options;
  const panel = { url, ca_file };
  const trial = systemdTrial;
  const { isConnected } = agent;
  return createUpdatePart({ home, version: agent_version, panel, settings, trial, clock, log, emit, isConnected });
}
