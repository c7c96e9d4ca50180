/** Bounds of the embedded proxy: every queue, wait, retry and size has one. Tests give smaller ones. */
export type ProxyLimits = {
  request_head_bytes_max: number;
  request_headers_max: number;
  request_body_bytes_max: number;
  /** The head of a request must be whole within this time: the slow-loris bound. */
  request_head_timeout_ms: number;
  /** Longest pause of a request body that the backend is waiting for. */
  request_body_idle_ms: number;
  client_idle_ms: number;
  client_connections_max: number;
  connect_timeout_ms: number;
  /** From the last byte of the request to the head of the answer. An answer that has begun may take any time. */
  response_head_timeout_ms: number;
  response_head_bytes_max: number;
  /** Per backend. */
  upstream_connections_max: number;
  upstream_idle_max: number;
  /** Idle connections are closed after this, or sooner where the backend says so in `Keep-Alive`. */
  upstream_idle_ms: number;
  /** Per service. */
  held_requests_max: number;
  held_ms: number;
  /** Waits between attempts to connect to an active backend that refuses. */
  refused_retry_delays_ms: number[];
};

export const defaultLimits: ProxyLimits = {
  request_head_bytes_max: 32_768,
  request_headers_max: 256,
  request_body_bytes_max: 16 * 1024 ** 3,
  request_head_timeout_ms: 20_000,
  request_body_idle_ms: 120_000,
  client_idle_ms: 65_000,
  client_connections_max: 20_000,
  connect_timeout_ms: 5_000,
  response_head_timeout_ms: 300_000,
  response_head_bytes_max: 65_536,
  upstream_connections_max: 4_096,
  upstream_idle_max: 256,
  upstream_idle_ms: 4_000,
  held_requests_max: 10_000,
  held_ms: 30_000,
  refused_retry_delays_ms: [50, 100, 200, 300, 350],
};
