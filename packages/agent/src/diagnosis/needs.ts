/** What a diagnosis is given of the agent that makes it: to look at, and nothing to change anything with. */
import type { AgentState } from '@mainstay/contract/agent-api';
import type { Exec } from '@mainstay/runtime/exec';
import type { RecentLines } from '@mainstay/runtime/recent-lines';
import type { LiveInstance } from '../reconciler/instances.ts';
import type { InstanceExit, InstanceHandle, Supervisor } from '../supervisor/supervisor.ts';

export type DiagnosisNeeds = {
  home: string;
  panel: { url: string; ca_file: string | null };
  names: boolean;
  observe(): Promise<AgentState>;
  isConnected(): boolean;
  supervisor: Pick<Supervisor, 'kind' | 'usage' | 'lastLines'>;
  /** Instances that run or are being started; none while the journal cannot be used. */
  instances(): readonly LiveInstance[];
  /** The last end that nobody asked for, by service. */
  lastExit(service: string): InstanceExit | null;
  /** The program of the tunnel. */
  tunnel(): InstanceHandle | null;
  /** Values that must not leave this server. */
  secrets(): readonly string[];
  /** What the agent itself logged last. */
  recent: RecentLines | null;
  exec: Exec;
};
