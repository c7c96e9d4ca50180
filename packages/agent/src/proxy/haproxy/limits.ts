/** Bounds of HAProxy, as far as it has them: the counterparts of the embedded proxy's, and the lines that set them. */
import { type ClientLimits, clientLimits } from '../client-limits.ts';

export type HaproxyLimits = ClientLimits & {
  /** Also the pause after a refused connection. */
  connect_timeout_ms: number;
  connect_retries_max: number;
  /** Longest silence of a service, before and within an answer. */
  response_idle_ms: number;
  /** The same for what is meant to be silent: WebSockets and event streams. */
  stream_idle_ms: number;
  /** A worker of before a reload ends after this, whatever is open on it. Above the longest drain of a service. */
  old_worker_ms: number;
  /** Null for one thread per core. */
  threads_max: number | null;
};

export const defaultHaproxyLimits: HaproxyLimits = {
  ...clientLimits,
  // HAProxy keeps a copy of a whole buffer for each request that may be repeated; services of Node take 16 KiB as well.
  request_head_bytes_max: 16_384,
  connect_timeout_ms: 300,
  connect_retries_max: 4,
  response_idle_ms: 300_000,
  stream_idle_ms: 24 * 3_600_000,
  old_worker_ms: 3_700_000,
  threads_max: null,
};

/** The head of a message may not fill the buffer: HAProxy keeps this much of it free for fields that it adds. */
const rewrite_bytes = 1_024;

/** Lines of the global and defaults sections. */
export function limitLines(limits: HaproxyLimits): string[] {
  return [
    `  maxconn ${limits.client_connections_max}`,
    // Without the right to raise the number of open files, serve as many connections as there may be.
    '  no strict-limits',
    `  hard-stop-after ${limits.old_worker_ms}`,
    '  mworker-max-reloads 100',
    `  tune.bufsize ${limits.request_head_bytes_max + rewrite_bytes}`,
    `  tune.maxrewrite ${rewrite_bytes}`,
    `  tune.http.maxhdr ${limits.request_headers_max + 1}`,
    'defaults',
    '  mode http',
    // Without these the first bytes of an event stream wait, and a client's leave does not reach the service.
    '  option http-no-delay',
    '  option abortonclose',
    // A reload lets idle connections of clients carry one more request, so that none is sent into a closing one.
    '  option idle-close-on-response',
    '  option redispatch 1',
    `  retries ${limits.connect_retries_max}`,
    '  retry-on conn-failure empty-response',
    `  timeout connect ${limits.connect_timeout_ms}`,
    `  timeout http-request ${limits.request_head_timeout_ms}`,
    `  timeout http-keep-alive ${limits.client_idle_ms}`,
    `  timeout client ${limits.request_body_idle_ms}`,
    `  timeout server ${limits.response_idle_ms}`,
    `  timeout tunnel ${limits.stream_idle_ms}`,
    `  timeout queue ${limits.held_ms}`,
    ...ownAnswers,
  ];
}

const ownAnswer = (status: number, message: string, more = '') =>
  `  http-error status ${status} content-type "text/plain; charset=utf-8" string "${status} ${message}\\n" ` +
  `hdr Cache-Control no-store hdr X-Content-Type-Options nosniff${more}`;

/** What HAProxy answers by itself. */
const ownAnswers = [
  ownAnswer(400, 'The request is not valid HTTP/1.1.', ' hdr Connection close'),
  ownAnswer(408, 'The head of the request did not come in time.', ' hdr Connection close'),
  ownAnswer(502, 'The service closed the connection before it answered, or its answer is not valid HTTP.'),
  ownAnswer(503, 'The service does not run at the moment.\\nRepeat the request in a moment.', ' hdr Retry-After 2'),
  ownAnswer(504, 'The service did not answer in time.'),
];
