/**
 * The proxy port: what the reconciler says to a data plane, embedded or HAProxy. It is declarative: the whole wanted
 * configuration is given every time, applying it twice changes nothing, and what was applied last survives a restart of
 * the proxy. Requests in flight on a backend that is no longer active run to their end until that backend is cut.
 */
import type { Drift } from '../drift/drift.ts';

export type Backend = {
  /** Id of the instance, `ins_…`. */
  id: string;
  release_id: string;
  /** Port on 127.0.0.1. */
  port: number;
};

export type ProxyService = {
  /** Gets new requests. With none, new requests are answered 503, or held. */
  active: Backend | null;
  /** Requests for this service wait, bounded in number and time, until it is false again. */
  held: boolean;
  /** Loopback port of its own, at which the other services reach it (`SERVICE_<NAME>_URL`). */
  internal_port: number;
};

export type ProxyRoute = { prefix: string; strip: boolean; service: string };

export type ProxyConfig = {
  /** Listener for the outside; null while nothing is to be served. */
  external: { host: string; port: number } | null;
  /** Loopback listener that goes by the Host header: `<service>.<domain>`. */
  internal: { port: number; domain: string } | null;
  routes: ProxyRoute[];
  services: Record<string, ProxyService>;
};

export type ProxyStatus = {
  pid: number;
  /** Requests, WebSockets included, that are open now, per backend id. A backend that is not listed has none. */
  in_flight: Record<string, number>;
  /** Requests that wait now, per held service. */
  waiting: Record<string, number>;
  /** Listeners that could not be opened, with the reason, such as a port that another program has. */
  listener_errors: { host: string; port: number; message: string }[];
};

export type Proxy = {
  /** Makes sure that the proxy runs, adopting one that does; true when it had to be started. Idempotent. */
  ensure(): Promise<{ started: boolean; pid: number }>;
  /** Puts the configuration into force. When it returns, new requests go where it says. Rejects when a listener cannot be opened. */
  apply(config: ProxyConfig): Promise<void>;
  /**
   * Looks whether what was applied is still so, on disk and in the proxy, puts back what is not, and says what that was. It
   * finds nothing before the first `apply` of this process.
   */
  repair(): Promise<Drift[]>;
  status(): Promise<ProxyStatus>;
  /** Ends what is still open on a backend. */
  cut(backend_id: string): Promise<void>;
  /** Metrics of the proxy in Prometheus text form. */
  metrics(): Promise<string>;
  /** Ends the proxy itself: no new connections, open requests get up to so long, then it exits. */
  stop(drain_ms: number): Promise<void>;
};
