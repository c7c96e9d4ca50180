/** A bus on a real file for tests: processes that share it, restarts, and a clock that a test moves. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, type FakeClock, fakeClock } from '@mainstay/runtime';
import { createSignals } from '../../signals.ts';
import { openStore } from '../../store/store.ts';
import type { StreamSpec } from '../bus.ts';
import { createStoreBus } from '../store-bus.ts';

/** A store and a bus on it, as one process has them. */
export async function openBus(path: string, streams: readonly StreamSpec[], clock: Clock) {
  const store = await openStore(path);
  const signals = createSignals();
  const bus = createStoreBus({ store, signals, clock, streams, poll_ms: 50 });
  return { store, signals, bus };
}

export type OpenBus = Awaited<ReturnType<typeof openBus>>;

export function createBusFixture(streams: readonly StreamSpec[]) {
  const folder = mkdtempSync(join(tmpdir(), 'mainstay-bus-'));
  const path = join(folder, 'bus.db');
  const clock: FakeClock = fakeClock(Date.now());
  const open: OpenBus[] = [];
  return {
    folder,
    path,
    clock,
    async open(): Promise<OpenBus> {
      const made = await openBus(path, streams, clock);
      open.push(made);
      return made;
    },
    async close() {
      for (const { store, signals } of open.splice(0)) {
        signals.close();
        await store.close();
      }
    },
    async remove() {
      await this.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
