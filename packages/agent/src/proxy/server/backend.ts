/**
 * The connections to one backend (one instance of a service) and the count of what is open on it.
 * A backend that is retired takes no new request; what runs on it ends by itself, or by `cut`.
 */
import type { Backend as BackendConfig } from '../proxy.ts';
import type { ProxyLimits } from './limits.ts';
import { UpstreamConnection, type UpstreamUser } from './upstream-connection.ts';

/** Who waits for a connection, and may be told to stop. */
export type BackendUser = UpstreamUser & {
  onConnected(connection: UpstreamConnection): void;
  onSweep(now_ms: number): void;
  onCut(): void;
};

/** A request that may not be repeated takes only a connection that was used this recently, as its peer is surely there. */
const surely_open_ms = 1_000;

export class Backend {
  readonly id: string;
  readonly release_id: string;
  readonly port: number;
  readonly response_head_bytes_max: number;
  retired = false;
  /** Exchanges and tunnels that are open on it. */
  readonly users = new Set<BackendUser>();
  private readonly limits: ProxyLimits;
  private readonly idle: UpstreamConnection[] = [];
  private readonly connecting = new Set<UpstreamConnection>();

  constructor(config: BackendConfig, limits: ProxyLimits) {
    this.id = config.id;
    this.release_id = config.release_id;
    this.port = config.port;
    this.limits = limits;
    this.response_head_bytes_max = limits.response_head_bytes_max;
  }

  get full(): boolean {
    return this.users.size >= this.limits.upstream_connections_max;
  }

  /** An idle connection, the one that was used last, or null. */
  take(repeatable: boolean): UpstreamConnection | null {
    const connection = this.idle.pop();
    if (!connection) return null;
    const idle = performance.now() - connection.idle_since;
    const bound = Math.min(connection.idle_ms, repeatable ? this.limits.upstream_idle_ms : surely_open_ms);
    if (idle <= bound) return connection;
    // The others have been idle for longer still; the sweep closes them.
    this.idle.push(connection);
    return null;
  }

  /** Opens a connection; `onConnected` or `onFailed` follows. */
  connect(user: BackendUser, tunnel: boolean): UpstreamConnection {
    const connection = new UpstreamConnection(this, user, tunnel);
    this.connecting.add(connection);
    return connection;
  }

  onConnected(connection: UpstreamConnection): void {
    this.connecting.delete(connection);
    const user = connection.user as BackendUser | null;
    if (user) user.onConnected(connection);
    else connection.destroy();
  }

  onIdle(connection: UpstreamConnection): void {
    if (this.retired || this.idle.length >= this.limits.upstream_idle_max) connection.destroy();
    else this.idle.push(connection);
  }

  onClosed(connection: UpstreamConnection): void {
    this.connecting.delete(connection);
    const index = this.idle.indexOf(connection);
    if (index >= 0) this.idle.splice(index, 1);
  }

  /** Closes what has been idle or connecting for too long; called about once a second. */
  sweep(now_ms: number): void {
    for (let i = this.idle.length - 1; i >= 0; i--) {
      const connection = this.idle[i]!;
      if (now_ms - connection.idle_since > Math.min(connection.idle_ms, this.limits.upstream_idle_ms)) {
        this.idle.splice(i, 1);
        connection.destroy();
      }
    }
    for (const connection of this.connecting) {
      if (now_ms - connection.opened_at > this.limits.connect_timeout_ms) {
        const error: NodeJS.ErrnoException = new Error('The backend did not take the connection in time.');
        error.code = 'ETIMEDOUT';
        connection.socket.destroy(error);
      }
    }
    for (const user of this.users) user.onSweep(now_ms);
  }

  retire(): void {
    this.retired = true;
    for (const connection of this.idle.splice(0)) connection.destroy();
  }

  /** Ends everything that is open on it. */
  cut(): void {
    for (const user of [...this.users]) user.onCut();
    for (const connection of this.idle.splice(0)) connection.destroy();
  }
}
