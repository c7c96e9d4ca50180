/** The checks of `mainstay-agent doctor`, made by the agent itself; of one that is not installed, those that are about any agent. */
import { existsSync } from 'node:fs';
import type { AgentState } from '@mainstay/contract/agent-api';
import type { ServerDiagnosis } from '@mainstay/contract/diagnosis';
import { type AgentFile, places, readAgentFile } from '../installation/agent-file.ts';
import { checks, type Finding } from '../installation/checks.ts';
import type { DiagnosisNeeds } from './needs.ts';

export async function runChecks(needs: DiagnosisNeeds, state: AgentState): Promise<ServerDiagnosis['checks']> {
  const installed = needs.home === places.home && existsSync(places.settings) ? readAgentFile() : null;
  const settings: AgentFile = installed ?? {
    url: needs.panel.url,
    home: needs.home,
    ca_file: needs.panel.ca_file,
    names: false,
    release_key: null,
    supervisor: needs.supervisor.kind,
    proxy: 'embedded',
    security: { mode: 'none', ssh_from: [], firewall: 'auto', cut_ssh: false },
  };
  const ask = async () => ({ connected: needs.isConnected(), state });
  const made = await Promise.all(
    checks
      .filter(({ of_installation }) => installed !== null || of_installation === undefined)
      .map(async ({ name, look }) => {
        const finding = await look(settings, ask).catch(
          (error: Error): Finding => ({ ok: false, message: error.message }),
        );
        return finding && { name, ok: finding.ok, message: finding.message, fix: finding.fix ?? null };
      }),
  );
  return made.filter((check) => check !== null);
}
