/** Bounds of the embedded proxy: every queue, wait, retry and size has one. Tests give smaller ones. */
import { type ClientLimits, clientLimits } from '../client-limits.ts';

export type ProxyLimits = ClientLimits & {
  connect_timeout_ms: number;
  /** From the last byte of the request to the head of the answer. An answer that has begun may take any time. */
  response_head_timeout_ms: number;
  response_head_bytes_max: number;
  /** Per backend. */
  upstream_connections_max: number;
  upstream_idle_max: number;
  /** Idle connections are closed after this, or sooner where the backend says so in `Keep-Alive`. */
  upstream_idle_ms: number;
  /** Waits between attempts to connect to an active backend that refuses. */
  refused_retry_delays_ms: number[];
};

export const defaultLimits: ProxyLimits = {
  ...clientLimits,
  request_head_bytes_max: 32_768,
  connect_timeout_ms: 5_000,
  response_head_timeout_ms: 300_000,
  response_head_bytes_max: 65_536,
  upstream_connections_max: 4_096,
  upstream_idle_max: 256,
  upstream_idle_ms: 4_000,
  refused_retry_delays_ms: [50, 100, 200, 300, 350],
};
