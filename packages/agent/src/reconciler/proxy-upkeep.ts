/** The proxy is kept running: started when it is first needed, started again within a round of healing when it is gone. */
import type { Context } from './context.ts';
import { wantedServices } from './plan.ts';
import type { Routing } from './routing.ts';

export type ProxyUpkeep = {
  /** Makes sure that the proxy runs. Rejects when it cannot be started. */
  ensure(): Promise<void>;
  /** Brings back a proxy that is gone, with its configuration, while there is something to be served. Never rejects. */
  heal(): Promise<void>;
  /** Ends a proxy that nothing needs any more; what is open gets up to so long. */
  end(drain_ms: number): Promise<void>;
  /** Of the proxy that was seen last; null while none is needed or it could not be started. */
  pid(): number | null;
};

export function createProxyUpkeep(context: Context, routing: Routing): ProxyUpkeep {
  const { proxy, problems, log } = context;
  let seen: number | null = null;

  const ensure = async () => {
    const { started, pid } = await proxy.ensure();
    const before = seen;
    seen = pid;
    if (!started) return before !== null && before !== pid;
    const is_new = before === null;
    const message = is_new ? 'The proxy was started.' : 'The proxy was gone and was started again.';
    context.emit({
      kind: is_new ? 'proxy.started' : 'proxy.restarted',
      severity: is_new ? 'info' : 'warning',
      message,
    });
    context.changed();
    return true;
  };
  const has_problem = () => problems.list().some(({ code }) => code === 'proxy' || code === 'internal_port');

  return {
    pid: () => seen,
    ensure: async () => {
      await ensure();
    },
    async end(drain_ms) {
      seen = null;
      await proxy.stop(drain_ms);
    },
    async heal() {
      if (Object.keys(wantedServices(routing.document())).length === 0) return;
      try {
        if ((await ensure()) || has_problem() || routing.isMoved()) await routing.reapply();
      } catch (error) {
        seen = null;
        const { message } = error as Error;
        log.warn({ reason: message }, 'the proxy does not run');
        problems.set('proxy', `The proxy does not run: ${message}`);
      }
    },
  };
}
