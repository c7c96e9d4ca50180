/** Prometheus metrics of the control plane. Labels are operation ids and codes, so that their number is bounded. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Context } from '../context.ts';

export type Metrics = {
  observe(operation: string, code: string, seconds: number): void;
  agentRequest(kind: string, code: number): void;
  text(): Promise<string>;
  content_type: string;
};

export function createMetrics(context: Context): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry, prefix: 'mainstay_' });
  const duration = new Histogram({
    name: 'mainstay_operation_duration_seconds',
    help: 'Time from request to answer, by operation.',
    labelNames: ['operation', 'code'],
    buckets: [0.001, 0.005, 0.02, 0.05, 0.1, 0.5, 1, 5, 30],
    registers,
  });
  const agents = new Counter({
    name: 'mainstay_agent_requests_total',
    help: 'Requests of agents, by kind and status.',
    labelNames: ['kind', 'status'],
    registers,
  });
  new Gauge({
    name: 'mainstay_servers',
    help: 'Servers, by whether they report.',
    labelNames: ['state'],
    registers,
    async collect() {
      const rows = await context.store.db
        .selectFrom('servers')
        .select(['online', (e) => e.fn.countAll<number>().as('count')])
        .where('enrolled_at', 'is not', null)
        .groupBy('online')
        .execute();
      this.set({ state: 'online' }, 0);
      this.set({ state: 'offline' }, 0);
      for (const row of rows) this.set({ state: row.online ? 'online' : 'offline' }, Number(row.count));
    },
  });
  new Gauge({
    name: 'mainstay_operations_running',
    help: 'Operations that are not at their end.',
    registers,
    async collect() {
      const row = await context.store.db
        .selectFrom('operations')
        .select((e) => e.fn.countAll<number>().as('count'))
        .where('state', '=', 'running')
        .executeTakeFirstOrThrow();
      this.set(Number(row.count));
    },
  });
  return {
    observe: (operation, code, seconds) => duration.observe({ operation, code }, seconds),
    agentRequest: (kind, status) => agents.inc({ kind, status: String(status) }),
    text: () => registry.metrics(),
    content_type: registry.contentType,
  };
}
