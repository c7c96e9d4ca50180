/** Bounds of what clients may ask of a proxy of either kind. */
export type ClientLimits = {
  request_head_bytes_max: number;
  request_headers_max: number;
  request_body_bytes_max: number;
  /** The head of a request must be whole within this time: the slow-loris bound. */
  request_head_timeout_ms: number;
  /** Longest pause of a request body that the service is waiting for. */
  request_body_idle_ms: number;
  client_idle_ms: number;
  client_connections_max: number;
  /** Per service; of HAProxy per worker as well. */
  held_requests_max: number;
  held_ms: number;
};

/** How long a head may be is for each kind to say. */
export const clientLimits: Omit<ClientLimits, 'request_head_bytes_max'> = {
  request_headers_max: 256,
  request_body_bytes_max: 16 * 1024 ** 3,
  request_head_timeout_ms: 20_000,
  request_body_idle_ms: 120_000,
  client_idle_ms: 65_000,
  client_connections_max: 20_000,
  held_requests_max: 10_000,
  held_ms: 30_000,
};
