/** How usage over time looks to people: least, average and most, and its course in one line. */
import type { ServerUsage, ServiceUsage } from '@mainstay/contract/operations/usage';
import { sparkline } from './terminal/sparkline.ts';
import { type Cell, type Column, tableLines } from './terminal/table.ts';
import { safeText } from './terminal/text.ts';
import { bytesText, dateTimeText } from './terminal/time.ts';
import type { ViewOptions } from './views.ts';

const course_width = 40;

const columns: Column[] = [
  { title: 'SERVER' },
  { title: 'WHAT' },
  { title: 'LEAST', align: 'right' },
  { title: 'AVERAGE', align: 'right' },
  { title: 'MOST', align: 'right' },
  { title: 'OF', align: 'right' },
  { title: 'COURSE' },
];

type Intervals = { resolution_seconds: number; from: number; to: number };
type Values = readonly (number | null)[];
type Text = (value: number) => string;

export function serverUsageLines(output: Intervals & { series: ServerUsage[] }, options: ViewOptions): string[] {
  const rows = output.series.flatMap((one) => [
    row(one.server, 'cpu', one.cpu, percentText, one.cpus === null ? '' : `${one.cpus} cores`),
    row(one.server, 'memory', one.memory_bytes, bytesText, bytesText(one.memory_total_bytes)),
    row(one.server, 'disk', one.disk_bytes, bytesText, bytesText(one.disk_total_bytes)),
    row(one.server, 'load', one.load1, (value) => value.toFixed(2), ''),
  ]);
  return usageLines(output, rows, options);
}

export function serviceUsageLines(
  output: Intervals & { series: ServiceUsage[]; memory_limit_bytes: number | null; servers_left_out: number },
  options: ViewOptions,
): string[] {
  const limit = bytesText(output.memory_limit_bytes);
  const rows = output.series.flatMap((one) => [
    row(one.server, 'cpu', one.cpu, coresText, one.cpus === null ? '' : `${one.cpus} cores`),
    row(one.server, 'memory', one.memory_bytes, bytesText, limit || bytesText(one.memory_total_bytes)),
  ]);
  const lines = usageLines(output, rows, options);
  for (const one of output.series) {
    const health = healthText(one);
    if (health !== null) lines.push(`${safeText(one.server)}: ${health}`);
  }
  if (output.servers_left_out > 0) lines.push(`${output.servers_left_out} more servers; ask for one with --server.`);
  return lines;
}

function usageLines(
  { resolution_seconds, from, to }: Intervals,
  rows: (Cell[] | null)[],
  options: ViewOptions,
): string[] {
  const known = rows.filter((cells) => cells !== null);
  const time = `${dateTimeText(from)} to ${dateTimeText(to)}`;
  if (known.length === 0) return [`Nothing was reported from ${time}.`];
  const every = resolution_seconds === 60 ? 'minute' : 'quarter of an hour';
  return [`${time}, by the ${every}`, ...tableLines(columns, known, options)];
}

function row(server: string, what: string, values: Values, text: Text, of: string): Cell[] | null {
  const known = values.filter((value) => value !== null);
  if (known.length === 0) return null;
  const average = known.reduce((sum, value) => sum + value, 0) / known.length;
  const numbers = [Math.min(...known), average, Math.max(...known)].map(text);
  return [server, what, ...numbers, of, sparkline(values, course_width)];
}

/** How much of the time that was seen a service was how healthy; null where nothing was seen. */
function healthText({ health, restarts }: ServiceUsage): string | null {
  const seen = health.filter((state) => state !== null);
  if (seen.length === 0) return null;
  const shares = (['healthy', 'unhealthy', 'down', 'unknown'] as const).flatMap((state) => {
    const count = seen.filter((one) => one === state).length;
    return count === 0 ? [] : [`${state} in ${percentText(count / seen.length)} of the time seen`];
  });
  const count = restarts.reduce<number>((sum, value) => sum + (value ?? 0), 0);
  return [...shares, `${count} restart${count === 1 ? '' : 's'}`].join(', ');
}

function percentText(share: number): string {
  const percent = share * 100;
  return `${percent >= 10 || percent === 0 ? Math.round(percent) : percent.toFixed(1)} %`;
}

function coresText(cores: number): string {
  return cores.toFixed(cores < 1 ? 3 : 2);
}
