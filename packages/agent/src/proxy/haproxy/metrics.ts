/**
 * Metrics from HAProxy's own counters, under the names that the embedded proxy gives. They are those of the worker that takes
 * new connections, so they begin anew with a reload, as counters may. HAProxy keeps no histogram of times, only means.
 */
import { readFileSync } from 'node:fs';
import { numberOf, type StatRow } from './stat.ts';

export function renderHaproxyMetrics(
  rows: readonly StatRow[],
  waiting: Readonly<Record<string, number>>,
  pids: readonly number[],
): string {
  const lines: string[] = [];
  const family = (name: string, type: string, help: string) =>
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
  const services = rows
    .filter((row) => row['type'] === '1' && row['pxname']!.startsWith('svc:'))
    .map((row) => ({ name: row['pxname']!.slice(4), row }));
  const perService = (name: string, type: string, help: string, value: (row: StatRow, service: string) => number) => {
    family(name, type, help);
    for (const { name: service, row } of services) lines.push(`${name}{service="${service}"} ${value(row, service)}`);
  };
  family('mainstay_proxy_requests_total', 'counter', 'Answers by service and status class.');
  for (const { name, row } of services) {
    for (const i of [1, 2, 3, 4, 5] as const) {
      const count = numberOf(row, `hrsp_${i}xx`);
      lines.push(`mainstay_proxy_requests_total{service="${name}",class="${i}xx"} ${count}`);
    }
  }
  perService(
    'mainstay_proxy_response_head_seconds_mean',
    'gauge',
    'Mean time to the head of the last 1024 answers.',
    (row) => (numberOf(row, 'qtime') + numberOf(row, 'ctime') + numberOf(row, 'rtime')) / 1_000,
  );
  perService('mainstay_proxy_in_flight', 'gauge', 'Requests and WebSockets that are open now.', (row) =>
    numberOf(row, 'scur'),
  );
  perService(
    'mainstay_proxy_waiting',
    'gauge',
    'Requests that wait now because their service is held.',
    (_row, service) => waiting[service] ?? 0,
  );
  perService('mainstay_proxy_retries_total', 'counter', 'Attempts beyond the first.', (row) => numberOf(row, 'wretr'));
  perService(
    'mainstay_proxy_broken_total',
    'counter',
    'Answers cut before their end.',
    (row) => numberOf(row, 'cli_abrt') + numberOf(row, 'srv_abrt'),
  );
  family('mainstay_proxy_refused_total', 'counter', 'Requests that no service got.');
  const refused = rows.filter((row) => row['type'] === '0');
  const sum = refused.reduce((total, row) => total + numberOf(row, 'ereq') + numberOf(row, 'dreq'), 0);
  lines.push(`mainstay_proxy_refused_total{status="4xx"} ${sum}`);
  family('process_resident_memory_bytes', 'gauge', 'Resident memory of the proxy, all workers together.');
  lines.push(`process_resident_memory_bytes ${pids.reduce((total, pid) => total + residentBytes(pid), 0)}`);
  return `${lines.join('\n')}\n`;
}

function residentBytes(pid: number): number {
  try {
    return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1_024;
  } catch {
    return 0;
  }
}
