/**
 * The control plane as one value: opens the store, makes the context, wires nouns, gateway and reconcilers, and listens.
 * It holds no state of its own that a restart would lose.
 */

import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type ServerType, serve } from '@hono/node-server';
import { AppError } from '@mainstay/contract/errors';
import type { KeeperApi } from '@mainstay/contract/keeper-api';
import type { Actor } from '@mainstay/contract/operation';
import { parsePublicUrl } from '@mainstay/contract/public-url';
import { type Clock, createGit, type Exec, type Logger, systemClock, systemExec } from '@mainstay/runtime';
import { isTokenValid, newKey, pruneKeys } from './access/access-store.ts';
import { keyHandlers } from './access/key-operations.ts';
import { createRefusals } from './access/refusals.ts';
import { userHandlers } from './access/user-operations.ts';
import { ensureOwner } from './access/user-store.ts';
import { startAudit } from './audit/start-audit.ts';
import { createStoreBus } from './bus/store-bus.ts';
import { streams } from './bus/subjects.ts';
import type { Context } from './context.ts';
import { pruneEvents } from './events/event-store.ts';
import { createGateway } from './gateway/gateway.ts';
import { keeperHandlers } from './keeper/keeper-operations.ts';
import { pruneLines } from './logs/log-store.ts';
import { approvalHandlers } from './operations/approval-operations.ts';
import { createChangeWorkflow, endOfRun } from './operations/change.workflow.ts';
import { startController } from './operations/controller.ts';
import { reconcileDecisions } from './operations/decisions.ts';
import { createDispatcher, type Dispatcher, plansOf } from './operations/dispatcher.ts';
import { pruneOperations } from './operations/operation-store.ts';
import { auditStep } from './operations/records.ts';
import { pruneResults } from './operations/results.ts';
import { createSettler } from './operations/settlement.ts';
import { watchHandlers } from './operations/watch-operations.ts';
import { createOrchestrator } from './orchestrator/orchestrator.ts';
import { runHandlers } from './orchestrator/run-operations.ts';
import { pruneRuns } from './orchestrator/run-views.ts';
import { startDue } from './orchestrator/schedules.ts';
import type { Workflow } from './orchestrator/workflow.ts';
import { startReconcilers } from './reconcilers.ts';
import { createRolloutWorkflow } from './rollouts/rollout.workflow.ts';
import { goesInWaves, pruneRollouts } from './rollouts/rollout-store.ts';
import { loadSeal } from './secrets/seal.ts';
import { secretHandlers } from './secrets/secret-operations.ts';
import { pruneValues } from './secrets/secret-store.ts';
import { createInquiries } from './servers/inquiries.ts';
import { reconcilePresence } from './servers/presence.reconciler.ts';
import { pruneRemoved } from './servers/removed-servers.ts';
import { allServerHandlers } from './servers/server-handlers.ts';
import { createSignals } from './signals.ts';
import { createSourceHandlers } from './sources/source-operations.ts';
import { pruneSubjects } from './stacks/commit-subjects.ts';
import { pauseHandlers } from './stacks/pause-operations.ts';
import { createRefFollower } from './stacks/refs.reconciler.ts';
import { serviceHandlers } from './stacks/service-operations.ts';
import { stackHandlers } from './stacks/stack-operations.ts';
import { reconcileTargets } from './stacks/targets.reconciler.ts';
import { openStore } from './store/store.ts';
import { systemHandlers } from './system/system-operations.ts';
import { reconcileUsage } from './usage/usage.reconciler.ts';
import { usageHandlers } from './usage/usage-operations.ts';
import { createUsageRecorder } from './usage/usage-recorder.ts';
import { pruneUsage } from './usage/usage-store.ts';
import { version } from './version.ts';

export type ControlPlaneOptions = {
  /** Folder of all state: one SQLite file, and the key of the secrets. */
  home: string;
  /** 0 takes any free port. */
  port: number;
  host?: string;
  keeper: KeeperApi;
  log: Logger;
  clock?: Clock;
  exec?: Exec;
  /** Built files of the dashboard; null serves none. */
  public_dir?: string | null;
  /** Executables of the agent for servers; null serves none. */
  agent_dir?: string | null;
  /** Address under which people reach it, where that is not where it listens; its path is the prefix of all paths. */
  public_url?: string;
};

export type ControlPlane = {
  url: string;
  /** Calls an operation in this process, past HTTP but not past anything else. */
  call: Dispatcher['call'];
  owner(): Promise<Actor>;
  /** A new API token of the owner. */
  createToken(): Promise<string>;
  isTokenValid(token: string): Promise<boolean>;
  stop(): Promise<void>;
};

const requests_end_within_ms = 5_000;

export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { home, log } = options;
  const reached = options.public_url === undefined ? null : parsePublicUrl(options.public_url);
  const clock = options.clock ?? systemClock;
  const store = await openStore(join(home, 'mainstay.db'));
  const signals = createSignals();
  const bus = createStoreBus({ store, signals, clock, streams });
  let url = '';
  const context: Context = {
    store,
    clock,
    log,
    home,
    agent_dir: options.agent_dir ?? null,
    version,
    keeper: options.keeper,
    signals,
    inquiries: createInquiries({ clock, signals }),
    bus,
    git: createGit({ folder: join(home, 'git'), exec: options.exec ?? systemExec }),
    seal: loadSeal(join(home, 'secrets.key')),
    usage: createUsageRecorder({ store, clock }),
    public_url: () => reached?.url ?? url,
    prefix: reached?.prefix ?? '',
    recall: async (_name, learn) => learn(),
    settle: () => void settler.next().catch(() => {}),
  };
  const settler = createSettler(context);
  await ensureOwner(store, clock.now());
  const audit = startAudit({ context, exec: options.exec ?? systemExec });
  const refusals = createRefusals(context);
  const handlers = [
    ...audit.handlers,
    ...stackHandlers,
    ...pauseHandlers,
    ...serviceHandlers,
    ...createSourceHandlers(),
    ...allServerHandlers,
    ...usageHandlers,
    ...secretHandlers,
    ...watchHandlers,
    ...approvalHandlers,
    ...runHandlers,
    ...keeperHandlers,
    ...systemHandlers,
    ...userHandlers,
    ...keyHandlers,
  ];
  const planOf = plansOf(handlers);
  const dispatcher = createDispatcher(context, handlers, planOf);
  const changeWorkflow = createChangeWorkflow(context, planOf) as Workflow;
  const rolloutWorkflow = createRolloutWorkflow(context, planOf) as Workflow;
  const orchestrator = createOrchestrator({
    store,
    clock,
    signals,
    log,
    workflows: [changeWorkflow, rolloutWorkflow],
    onEnd: (run) => endOfRun(context, run),
    onStep: (step) => [auditStep(store, step)],
  });
  const gateway = createGateway(context, dispatcher, { public_dir: options.public_dir ?? null, audit, refusals });
  const server = await listen(gateway.fetch, options.host ?? '127.0.0.1', options.port);
  const { port } = server.address() as AddressInfo;
  url = `http://${hostInUrl(options.host ?? '127.0.0.1')}:${port}`;
  // Not before the address is known: what is carried out may hand it out.
  orchestrator.work();
  const controller = await startController(context, orchestrator, async (row) =>
    goesInWaves(row) ? rolloutWorkflow : changeWorkflow,
  );

  const follower = createRefFollower(context, planOf);
  const started_at = clock.now();
  const unlisten = context.signals.listen((topic) => {
    if (!topic.startsWith('refs:')) return;
    follower.ask(topic.slice('refs:'.length));
    void follower.tick();
  });
  const reconcilers = startReconcilers(log, [
    { name: 'presence', every_ms: 5_000, run: () => reconcilePresence(context, started_at) },
    { name: 'targets', every_ms: 2_000, run: () => reconcileTargets(context) },
    { name: 'usage', every_ms: 1_000, run: () => reconcileUsage(context) },
    {
      name: 'decisions',
      every_ms: 5_000,
      at_start: true,
      run: () => reconcileDecisions(context, planOf, started_at),
    },
    { name: 'pending', every_ms: 10_000, run: () => controller.reconcile() },
    { name: 'alerts', every_ms: 10_000, run: () => audit.watch() },
    { name: 'refusals', every_ms: 10_000, run: () => refusals.sweep() },
    { name: 'settlement', every_ms: 5_000, run: () => settler.next() },
    {
      name: 'schedules',
      every_ms: 1_000,
      run: async () => void (await startDue({ store, clock, log, orchestrator })),
    },
    { name: 'refs', every_ms: 1_000, run: () => follower.tick() },
    {
      name: 'retention',
      every_ms: 600_000,
      run: async () => {
        await pruneEvents(store);
        await pruneLines(store);
        await pruneSubjects(store);
        await pruneOperations(store);
        await pruneRollouts(store);
        await pruneRuns(store);
        await pruneKeys(store, clock.now());
        await pruneValues(store, clock.now());
        await pruneUsage(store, clock.now());
        await pruneRemoved(store, clock.now());
        await pruneResults(store, clock.now());
        await bus.prune();
        await audit.prune();
      },
    },
  ]);
  log.info({ url }, 'control plane listens');

  return {
    url,
    call: dispatcher.call,
    async owner() {
      const { id, name, role } = await ensureOwner(store, clock.now());
      return { kind: 'user', id, name, role, proof: 'token' };
    },
    async createToken() {
      const now = clock.now();
      const { id: user_id } = await ensureOwner(store, now);
      const { key, statement } = newKey(store, 'token', { user_id, now, expires_at: null, name: 'mainstay up' });
      await store.batch([statement]);
      return key;
    },
    isTokenValid: (token) => isTokenValid(store, token, clock.now()),
    async stop() {
      unlisten();
      await reconcilers.stop();
      await settler.stop();
      await controller.stop();
      await orchestrator.stop();
      context.signals.close();
      await close(server);
      await refusals.stop();
      await audit.stop();
      await context.usage
        .stop()
        .catch((error: unknown) => log.error({ err: error }, 'the last minute of usage is lost'));
      await store.close();
    },
  };
}

/** How long a connection may be idle: longer than a reverse proxy keeps it (60 s), so that no request comes on one that is being closed. */
const idle_ms = 75_000;

function listen(fetch: Parameters<typeof serve>[0]['fetch'], hostname: string, port: number): Promise<ServerType> {
  return new Promise((resolve, reject) => {
    const server = serve({ fetch, hostname, port, serverOptions: { keepAliveTimeout: idle_ms } }, () => {
      server.off('error', failed);
      resolve(server);
    });
    const failed = (error: NodeJS.ErrnoException) => {
      const taken = error.code === 'EADDRINUSE';
      reject(
        new AppError(
          'Unavailable',
          taken
            ? `Port ${port} on ${hostname} is taken by another program.`
            : `Cannot listen on ${hostname}:${port}: ${error.message}`,
          {
            field: 'port',
            hint: taken
              ? 'Stop that program, or choose another port with --port.'
              : 'Choose another address with --host or --port.',
            cause: error,
          },
        ),
      );
    };
    server.once('error', failed);
  });
}

/** Takes no new connection, lets open requests end, and cuts what is still open after that. */
function close(server: ServerType): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(
      () => 'closeAllConnections' in server && server.closeAllConnections(),
      requests_end_within_ms,
    );
    // A connection whose request ends only now would be kept alive for the next one.
    const sweep = setInterval(() => 'closeIdleConnections' in server && server.closeIdleConnections(), 50);
    server.close(() => {
      clearTimeout(cut);
      clearInterval(sweep);
      resolve();
    });
  });
}

function hostInUrl(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}
