/** What the operations on usage do. */
import { AppError } from '@mainstay/contract/errors';
import { operations } from '@mainstay/contract/operations/index';
import { usage_servers_max } from '@mainstay/contract/operations/usage';
import type { Context } from '../context.ts';
import { type Handler, reads } from '../operations/handlers.ts';
import { getServerRow, reportedState, type ServerBrief, serversOfStack } from '../servers/server-store.ts';
import { baseVersion, getStackRow } from '../stacks/stack-store.ts';
import type { Sample } from './sample.ts';
import { samplesOf, timelineOf } from './usage-history.ts';

export const usageHandlers: Handler[] = [
  reads(operations['servers.usage'], async (context, { server, range }) => {
    const row = await getServerRow(context.store, server);
    const timeline = timelineOf(range, context.clock.now());
    const samples = await samplesOf(context, { server_id: row.id, stack_id: '', service: '' }, timeline);
    const { disk_total_bytes, ...capacity } = await capacityOf(context, row);
    const series = {
      server,
      ...capacity,
      disk_total_bytes,
      ...loadColumns(samples),
      disk_bytes: column(samples, 'disk_bytes'),
      load1: column(samples, 'load1'),
    };
    return { ...timeline, series: [series] };
  }),

  reads(operations['services.usage'], async (context, { stack, service, server, range }) => {
    const { store } = context;
    const stack_row = await getStackRow(store, stack);
    const base = await baseVersion(store, stack_row);
    const all: ServerBrief[] =
      server === undefined ? await serversOfStack(store, stack_row.id) : [await getServerRow(store, server)];
    const timeline = timelineOf(range, context.clock.now());
    const series = [];
    let is_known = base?.spec.services[service] !== undefined;
    for (const row of all.slice(0, usage_servers_max)) {
      const samples = await samplesOf(context, { server_id: row.id, stack_id: stack_row.id, service }, timeline);
      is_known ||= samples.some((sample) => sample !== null);
      const { disk_total_bytes: _, ...capacity } = await capacityOf(context, row);
      series.push({
        server: row.name,
        ...capacity,
        ...loadColumns(samples),
        health: column(samples, 'health'),
        restarts: column(samples, 'restarts'),
      });
    }
    if (!is_known) {
      throw new AppError('NotFound', `Stack "${stack}" has no service "${service}", and had none in this time.`, {
        field: 'service',
        hint: `\`mainstay services list --stack ${stack}\` lists those that there are.`,
      });
    }
    const memory_mb = base?.spec.services[service]?.limits.memory_mb;
    return {
      ...timeline,
      memory_limit_bytes: memory_mb === undefined ? null : memory_mb * 1_048_576,
      series,
      servers_left_out: Math.max(0, all.length - usage_servers_max),
    };
  }),
];

function column<Name extends keyof Sample>(samples: readonly (Sample | null)[], name: Name): (Sample[Name] | null)[] {
  return samples.map((sample) => sample?.[name] ?? null);
}

function loadColumns(samples: readonly (Sample | null)[]) {
  return {
    cpu: column(samples, 'cpu'),
    cpu_max: column(samples, 'cpu_max'),
    memory_bytes: column(samples, 'memory_bytes'),
  };
}

/** What the server has, by its last report. */
async function capacityOf({ store }: Context, server: Pick<ServerBrief, 'id' | 'last_seen_at'>) {
  const reported = await reportedState(store, server);
  return {
    cpus: reported?.facts.cpus ?? null,
    memory_total_bytes: reported?.facts.memory_bytes ?? null,
    disk_total_bytes: reported?.usage.disk_total_bytes ?? null,
  };
}
