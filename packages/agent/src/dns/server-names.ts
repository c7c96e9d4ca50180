/** The names port of this very server: by resolved or the hosts file, whichever fits. */
import { systemClock } from '@mainstay/runtime/clock';
import { systemExec } from '@mainstay/runtime/exec';
import type { Logger } from '@mainstay/runtime/log';
import { createHostsNames } from './hosts.ts';
import type { Names } from './names.ts';
import { createSystemNames, readNamesFacts } from './pick-names.ts';
import { createResolvedNames } from './resolved.ts';
import { createResponder } from './responder.ts';

/** An address that nothing else uses. Where a DNS server has port 53 on all addresses, the other one does. */
export const responderAddresses = [
  { host: '127.0.53.53', port: 53 },
  { host: '127.0.53.53', port: 15_353 },
] as const;

/** Also what takes everything back when the agent is removed: `serverNames(log).remove()` needs no agent that runs. */
export function serverNames(log: Logger): Names {
  const responder = createResponder({ log, addresses: responderAddresses });
  return createSystemNames({
    adapters: {
      resolved: createResolvedNames({ responder, exec: systemExec, clock: systemClock }),
      hosts: createHostsNames(),
    },
    facts: () => readNamesFacts({ exec: systemExec }),
    clock: systemClock,
    log,
  });
}
