/**
 * Counters of the data plane and their Prometheus text (exposition format 0.0.4). Plain numbers, because a request must
 * not pay for labels: prom-client looks its label sets up in a map for every observation.
 */
const bounds_s = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30] as const;

export type ServiceMetrics = {
  /** By status class, index 1 to 5. */
  by_class: number[];
  /** By bound; the last is for what is above all of them. */
  buckets: number[];
  seconds: number;
  in_flight: number;
  retries: number;
  held: number;
  /** Answers that ended before they were whole, by either side. */
  broken: number;
};

export function createServiceMetrics(): ServiceMetrics {
  return {
    by_class: [0, 0, 0, 0, 0, 0],
    buckets: new Array<number>(bounds_s.length + 1).fill(0),
    seconds: 0,
    in_flight: 0,
    retries: 0,
    held: 0,
    broken: 0,
  };
}

/** Counts an answer whose head went out after so many milliseconds. */
export function observeAnswer(metrics: ServiceMetrics, status: number, took_ms: number): void {
  const index = (status / 100) | 0;
  if (index >= 1 && index <= 5) metrics.by_class[index]!++;
  const seconds = took_ms / 1_000;
  metrics.seconds += seconds;
  let bucket = 0;
  while (bucket < bounds_s.length && seconds > bounds_s[bucket]!) bucket++;
  metrics.buckets[bucket]!++;
}

export type MetricsView = {
  services: { name: string; metrics: ServiceMetrics; waiting: number }[];
  /** Requests that no service got, by status. */
  refused: ReadonlyMap<number, number>;
  started_at_ms: number;
};

/** The metrics in Prometheus text form. Service names are DNS labels and need no escaping. */
export function renderMetrics(view: MetricsView): string {
  const lines: string[] = [];
  const family = (name: string, type: string, help: string) => {
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
  };
  const perService = (
    name: string,
    type: string,
    help: string,
    value: (service: MetricsView['services'][number]) => number,
  ) => {
    family(name, type, help);
    for (const service of view.services) lines.push(`${name}{service="${service.name}"} ${value(service)}`);
  };
  family('mainstay_proxy_requests_total', 'counter', 'Answers by service and status class.');
  for (const { name, metrics } of view.services) {
    for (let i = 1; i <= 5; i++) {
      lines.push(`mainstay_proxy_requests_total{service="${name}",class="${i}xx"} ${metrics.by_class[i]}`);
    }
  }
  family('mainstay_proxy_response_head_seconds', 'histogram', 'From the head of a request to the head of its answer.');
  for (const { name, metrics } of view.services) {
    let sum = 0;
    for (let i = 0; i < metrics.buckets.length; i++) {
      sum += metrics.buckets[i]!;
      const le = i < bounds_s.length ? String(bounds_s[i]) : '+Inf';
      lines.push(`mainstay_proxy_response_head_seconds_bucket{service="${name}",le="${le}"} ${sum}`);
    }
    lines.push(
      `mainstay_proxy_response_head_seconds_sum{service="${name}"} ${metrics.seconds}`,
      `mainstay_proxy_response_head_seconds_count{service="${name}"} ${sum}`,
    );
  }
  perService(
    'mainstay_proxy_in_flight',
    'gauge',
    'Requests and WebSockets that are open now.',
    (s) => s.metrics.in_flight,
  );
  perService(
    'mainstay_proxy_waiting',
    'gauge',
    'Requests that wait now because their service is held.',
    (s) => s.waiting,
  );
  perService('mainstay_proxy_held_total', 'counter', 'Requests that had to wait.', (s) => s.metrics.held);
  perService('mainstay_proxy_retries_total', 'counter', 'Attempts beyond the first.', (s) => s.metrics.retries);
  perService('mainstay_proxy_broken_total', 'counter', 'Answers cut before their end.', (s) => s.metrics.broken);
  family('mainstay_proxy_refused_total', 'counter', 'Requests that no service got, by status.');
  for (const [status, count] of view.refused) lines.push(`mainstay_proxy_refused_total{status="${status}"} ${count}`);
  family('process_resident_memory_bytes', 'gauge', 'Resident memory of the proxy.');
  lines.push(`process_resident_memory_bytes ${process.memoryUsage.rss()}`);
  family('process_start_time_seconds', 'gauge', 'When the proxy started.');
  lines.push(`process_start_time_seconds ${view.started_at_ms / 1_000}`);
  return `${lines.join('\n')}\n`;
}
