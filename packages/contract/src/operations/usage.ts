/**
 * Usage over time: how busy servers and services were, and how healthy, in columns that a chart takes as they are.
 *
 * Time is cut into intervals; entry `i` of every column is about the interval that begins at `times[i]`. Where a server was
 * silent there is null: nothing is interpolated, and nothing is taken for zero.
 */
import * as z from 'zod';
import { read } from '../operation.ts';
import { ServerName, ServiceName, StackName } from '../stack.ts';

export const UsageRange = z.enum(['1h', '6h', '24h', '7d', '14d']);
export type UsageRange = z.infer<typeof UsageRange>;

/** How a range is cut: by the minute as long as minutes are kept (24 hours), then by the quarter of an hour. */
export const usageRanges: Record<UsageRange, { resolution_seconds: 60 | 900; intervals: number }> = {
  '1h': { resolution_seconds: 60, intervals: 60 },
  '6h': { resolution_seconds: 60, intervals: 360 },
  '24h': { resolution_seconds: 60, intervals: 1_440 },
  '7d': { resolution_seconds: 900, intervals: 672 },
  '14d': { resolution_seconds: 900, intervals: 1_344 },
};

/** Servers that one answer about a service tells of. */
export const usage_servers_max = 10;

/** The worst that was seen of a service in an interval. `down`: it crashes again and again, or never came up. */
export const HealthSeen = z.enum(['unknown', 'healthy', 'unhealthy', 'down']);
export type HealthSeen = z.infer<typeof HealthSeen>;

const range = UsageRange.default('1h').describe('Up to 24h by the minute, beyond by the quarter of an hour.');

const intervals = {
  resolution_seconds: z.int().describe('Length of an interval.'),
  from: z.int().describe('When the first interval begins, UTC milliseconds.'),
  to: z.int().describe('When the last interval ends, UTC milliseconds. It is under way, and its values are of so far.'),
  times: z.array(z.int()).describe('When each interval begins, UTC milliseconds.'),
};

const column = (what: string) => z.array(z.number().nullable()).describe(what);

const ofServer = {
  server: z.string(),
  cpus: z.int().nullable(),
  memory_total_bytes: z.int().nullable(),
};

export const ServerUsage = z
  .object({
    ...ofServer,
    disk_total_bytes: z.int().nullable(),
    cpu: column('Average share of all cores: 1 is all of them.'),
    cpu_max: column('The most in a report, which is an average over some seconds itself.'),
    memory_bytes: column('The most that was in use.'),
    disk_bytes: column('The most that was in use on the disk of Mainstay’s folder.'),
    load1: column('Average of the load average over a minute.'),
  })
  .meta({ id: 'ServerUsage' });
export type ServerUsage = z.infer<typeof ServerUsage>;

export const ServiceUsage = z
  .object({
    ...ofServer,
    cpu: column('Average, in cores: 1 is one core.'),
    cpu_max: column('The most in a report, in cores.'),
    memory_bytes: column('The most that the service used, with all its processes.'),
    health: z.array(HealthSeen.nullable()).describe('The worst that was seen; unknown only where nothing else was.'),
    restarts: column('Starts that were not asked for.'),
  })
  .meta({ id: 'ServiceUsage' });
export type ServiceUsage = z.infer<typeof ServiceUsage>;

export const getServerUsage = read({
  id: 'servers.usage',
  summary: 'Show how busy a server was over time',
  description:
    'In columns: entry `i` of each is about the interval that begins at `times[i]`; null where the server was silent.',
  permission: 'servers:read',
  http: { method: 'GET', path: '/servers/{server}/usage' },
  cli: { command: ['servers', 'usage'], args: ['server'] },
  input: { server: ServerName, range },
  output: z.object({ ...intervals, series: z.array(ServerUsage).describe('One.') }),
  errors: ['NotFound'],
});

export const getServiceUsage = read({
  id: 'services.usage',
  summary: 'Show how busy and how healthy a service was over time, per server that runs it',
  description:
    'In columns: entry `i` of each is about the interval that begins at `times[i]`; null where the server was silent or did not run the service.',
  permission: 'stacks:read',
  http: { method: 'GET', path: '/stacks/{stack}/services/{service}/usage' },
  cli: { command: ['services', 'usage'], args: ['stack', 'service'] },
  input: {
    stack: StackName,
    service: ServiceName,
    server: ServerName.optional().describe('Only this server; it may run another stack by now.'),
    range,
  },
  output: z.object({
    ...intervals,
    memory_limit_bytes: z.int().nullable().describe('Of the service on each server; null where it has no limit.'),
    series: z.array(ServiceUsage).max(usage_servers_max).describe('By name of the server.'),
    servers_left_out: z.int().describe('Servers of the stack beyond those; ask for one of them by its name.'),
  }),
  errors: ['NotFound'],
});
