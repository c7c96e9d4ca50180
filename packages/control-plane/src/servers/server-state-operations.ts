/** What the operations on the state of a server do: security mode, and what its security depends on. */

import { AppError } from '@mainstay/contract/errors';
import type { PlanChange } from '@mainstay/contract/operation';
import { operations } from '@mainstay/contract/operations/index';
import { changes, type Handler } from '../operations/handlers.ts';
import { lastingSealedValue } from '../secrets/secret-store.ts';
import { agentRolloutHandlers } from './agent-rollout.ts';
import { planAgentUpdate } from './agent-update.ts';
import { planServerState } from './server-state-plan.ts';
import { reportedState } from './server-store.ts';

export const serverStateHandlers: Handler[] = [
  ...agentRolloutHandlers,
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

  changes(operations['servers.tunnel_set'], (context, { server: name, kind, token }) =>
    planServerState(context, name, async (current, server) => {
      const sealed = await lastingSealedValue(context, `tunnel/${server.id}`, token);
      const isSame = current.tunnel?.kind === kind && current.tunnel.token === sealed.commitment;
      const before = current.tunnel === null ? null : 'set';
      return {
        next: { ...current, tunnel: { kind, token: sealed.commitment } },
        summary: `${before ? 'Exchange' : 'Set'} the tunnel of server ${name}`,
        changes: isSame
          ? []
          : [{ action: before ? 'update' : 'create', path: 'tunnel', to: kind, note: 'token not shown' }],
        statements: [sealed.statement],
      };
    }),
  ),

  changes(operations['servers.tunnel_remove'], (context, { server: name }) =>
    planServerState(context, name, (current) => {
      if (current.tunnel === null)
        throw new AppError('NotFound', `Server "${name}" has no tunnel.`, { field: 'server' });
      return {
        next: { ...current, tunnel: null },
        summary: `Remove the tunnel of server ${name}`,
        changes: [{ action: 'delete', path: 'tunnel', from: current.tunnel.kind }],
        warnings:
          current.security.mode === 'tunnel'
            ? [`${name} has security mode tunnel: after this nothing on it can be reached from outside.`]
            : [],
      };
    }),
  ),

  changes(operations['servers.update_agent'], (context, { server: name, version }) =>
    planServerState(context, name, (current, server) => planAgentUpdate(context, server, current, version)),
  ),
];
