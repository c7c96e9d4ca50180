/**
 * A service as the data plane knows it: where its new requests go, and those that wait while it is held. Waiting requests
 * go on in the order in which they came; their number and time are bounded.
 */
import type { Backend } from './backend.ts';
import type { Exchange } from './exchange.ts';
import type { ProxyLimits } from './limits.ts';
import { createServiceMetrics, type ServiceMetrics } from './metrics.ts';

export class Service {
  readonly name: string;
  readonly metrics: ServiceMetrics = createServiceMetrics();
  active: Backend | null = null;
  held = false;
  removed = false;
  private readonly limits: ProxyLimits;
  /** Insertion order is arrival order. The value is when the wait is over. */
  private readonly waiters = new Map<Exchange, number>();

  constructor(name: string, limits: ProxyLimits) {
    this.name = name;
    this.limits = limits;
  }

  get waiting(): number {
    return this.waiters.size;
  }

  /** Lets an exchange wait; false when too many do. */
  wait(exchange: Exchange): boolean {
    if (this.waiters.size >= this.limits.held_requests_max) return false;
    this.waiters.set(exchange, performance.now() + this.limits.held_ms);
    this.metrics.held++;
    return true;
  }

  forget(exchange: Exchange): void {
    this.waiters.delete(exchange);
  }

  /** Takes the new state. Requests that waited go on at once when it is no longer held. */
  set(active: Backend | null, held: boolean): void {
    this.active = active;
    this.held = held;
    if (!held) this.release();
  }

  remove(): void {
    this.removed = true;
    this.set(null, false);
  }

  sweep(now_ms: number): void {
    for (const [exchange, until] of this.waiters) {
      if (until > now_ms) return;
      this.waiters.delete(exchange);
      exchange.onWaitedTooLong();
    }
  }

  private release(): void {
    const waiting = [...this.waiters.keys()];
    this.waiters.clear();
    for (const exchange of waiting) exchange.dispatch();
  }
}
