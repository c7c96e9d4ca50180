/** The names of services are kept as the routes are: applied when services come and go, put back when somebody changed them. */
import type { AgentState } from '@mainstay/contract/agent-api';
import type { NamesObserved, NamesWanted } from '../dns/names.ts';
import { drift as driftOf } from '../drift/drift.ts';
import type { DriftLog } from '../drift/drift-log.ts';
import type { Context } from './context.ts';
import { wantedServices } from './plan.ts';
import type { Routing } from './routing.ts';

export type NamesUpkeep = {
  /** Begins a round, unless one is under way. Never throws. */
  tick(): void;
  /** As the last round saw them. */
  observed(): AgentState['names'];
  /** Waits for the round under way; names stay for the next agent unless `removes`. Never rejects. */
  end(options: { removes: boolean }): Promise<void>;
};

/** After a failure the next try is this much later, milliseconds. */
const retry_ms = 30_000;

export function createNamesUpkeep(context: Context, routing: Routing, drift_log: DriftLog): NamesUpkeep {
  const { names, state, clock, log, problems } = context;
  let observed: NamesObserved = { state: 'none', how: 'none', drift: null };
  /** What was applied; undefined before the first round, as an earlier agent may have left names. */
  let applied: string | null | undefined;
  let retry_at = 0;
  let round: Promise<void> | null = null;

  const wantedNames = (): NamesWanted | null => {
    const document = routing.document();
    const services = Object.keys(wantedServices(document));
    if (document === null || services.length === 0) return null;
    const ports = state.services.internalPorts();
    return {
      domain: document.names.domain,
      services: services.sort().flatMap((name) => {
        const port = ports.get(name);
        return port === undefined ? [] : [{ name, port }];
      }),
    };
  };

  const see = (next: NamesObserved) => {
    const is_changed = next.state !== observed.state || next.how !== observed.how;
    observed = next;
    if (is_changed) context.changed();
  };

  const keepUp = async () => {
    const wanted = wantedNames();
    const key = wanted && JSON.stringify(wanted);
    const { drift } = await names.observe();
    if (key === applied && drift === null) return;
    if (wanted === null) await names.remove();
    else await names.apply(wanted);
    const is_repaired = key === applied && drift !== null;
    applied = key;
    see(await names.observe());
    if (is_repaired) drift_log.repaired(driftOf('names of services', 'the names as they were set', drift));
  };

  const run = async () => {
    try {
      await keepUp();
      problems.clear('names');
    } catch (error) {
      const { message } = error as Error;
      retry_at = clock.now() + retry_ms;
      log.warn({ reason: message }, 'the names of services could not be set');
      problems.set('names', `The names of services could not be set: ${message}`);
      see({ ...observed, state: 'down' });
    }
  };

  return {
    tick() {
      if (round !== null || clock.now() < retry_at) return;
      round = run().finally(() => {
        round = null;
      });
    },
    observed() {
      const port = routing.internalPort();
      return { state: observed.state, how: observed.how, address: port === null ? null : `127.0.0.1:${port}` };
    },
    async end({ removes }) {
      await round;
      try {
        if (removes) await names.remove();
        await names.close();
      } catch (error) {
        log.warn({ reason: (error as Error).message }, 'the names of services could not be removed');
      }
    },
  };
}
