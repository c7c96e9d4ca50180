/** What the operations on the state of a server do: security mode, and what its security depends on. */

import type { PlanChange } from '@mainstay/contract/operation';
import { operations } from '@mainstay/contract/operations/index';
import { changes, type Handler } from '../operations/handlers.ts';
import { planServerState } from './server-state-plan.ts';
import { reportedState } from './server-store.ts';

export const serverStateHandlers: Handler[] = [
  changes(operations['servers.firewall_set'], (context, { server: name, mode, ssh_from, firewall, cut_ssh }) =>
    planServerState(context, name, async (current, server) => {
      const reported = (await reportedState(context.store, server))?.security ?? null;
      const before = current.security;
      const security = {
        mode,
        ssh_from: ssh_from ?? before.ssh_from,
        firewall: firewall ?? before.firewall,
        cut_ssh,
      };
      const fields: PlanChange[] = [];
      for (const field of ['mode', 'ssh_from', 'firewall'] as const) {
        const [from, to] = [before[field], security[field]];
        if (JSON.stringify(from) === JSON.stringify(to)) continue;
        fields.push({ action: 'update', path: `security.${field}`, from, to });
      }
      if (cut_ssh) fields.push({ action: 'run', path: 'security.cut_ssh', note: 'open SSH sessions may be cut' });
      const warnings: string[] = [];
      if (mode === 'tunnel' && current.tunnel === null)
        warnings.push(`${name} has no tunnel: after this nothing on it can be reached from outside.`);
      if (mode !== 'none' && security.ssh_from.length === 0)
        warnings.push(`SSH to ${name} is closed for new connections: name the networks that it is to stay open for.`);
      if (mode !== 'none' && (reported?.ssh_peers.length ?? 0) > 0)
        warnings.push(`SSH sessions are open now from ${reported?.ssh_peers.join(', ')}.`);
      if (reported === null && mode !== 'none')
        warnings.push(`The agent on ${name} does not run as root, or is offline: only one that does can do this.`);
      return {
        next: { ...current, security },
        summary: `Set security mode ${mode} on server ${name}`,
        changes: fields,
        warnings,
      };
    }),
  ),
];
