/** What a diagnosis needs, out of the agent as it runs. */
import type { Inquiry } from '@mainstay/contract/agent-answers';
import type { ServerDiagnosis } from '@mainstay/contract/diagnosis';
import { systemExec } from '@mainstay/runtime/exec';
import type { Adapters } from '../adapters.ts';
import type { Agent, AgentOptions } from '../agent.ts';
import type { Reconciler } from '../reconciler/reconciler.ts';
import type { ServerParts } from '../server/server-parts.ts';
import type { Identity } from '../state/identity.ts';
import type { State } from '../state/state.ts';
import { diagnose, secretsOf } from './diagnose.ts';
import type { LastExits } from './last-exits.ts';

export type RunningAgentParts = {
  options: AgentOptions;
  agent: Agent;
  identity: Identity;
  adapters: Adapters;
  /** Null when the journal cannot be used. */
  work: { state: State; reconciler: Reconciler; server_parts: ServerParts; last_exits: LastExits } | null;
};

export function diagnoseAgent(
  { options, agent, identity, adapters, work }: RunningAgentParts,
  inquiry: Inquiry,
  offset_ms: number,
): Promise<ServerDiagnosis> {
  const { home, control_plane_url: url, ca_file = null, names = false, recent = null } = options;
  const { state, reconciler, server_parts, last_exits } = work ?? {};
  const secrets = () =>
    state
      ? secretsOf(
          [state.desired.applied()?.document ?? null, state.desired.accepted()?.document ?? null],
          state.server.accepted()?.document.tunnel?.token ?? null,
          state.secrets.get,
        )
      : [];
  return diagnose(
    {
      home,
      panel: { url, ca_file },
      names,
      observe: agent.observe,
      isConnected: agent.isConnected,
      supervisor: adapters.supervisor,
      instances: () => reconciler?.parts.instances.all() ?? [],
      lastExit: (service) => last_exits?.get(service) ?? null,
      tunnel: () => server_parts?.tunnel() ?? null,
      secrets: () => [identity.credential, ...secrets()],
      recent,
      exec: systemExec,
    },
    inquiry,
    offset_ms,
  );
}
