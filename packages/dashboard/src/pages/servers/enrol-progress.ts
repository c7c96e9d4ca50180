/** The steps from an invitation to a healthy server, as they are observed: nothing is ticked because it ought to have happened. */
import type { AgentState } from '@mainstay/contract/agent-api';
import type { ServerView } from '@mainstay/contract/operations/servers';
import type { ServiceOnServer } from '@mainstay/contract/operations/services';
import { quoted } from '../../ui/shell-word.ts';

export const enrolSteps = ['invited', 'connected', 'reported', 'runs', 'healthy'] as const;
export type EnrolStep = (typeof enrolSteps)[number];
export type EnrolStepState = 'done' | 'waiting' | 'failed' | 'later';

export type EnrolProgress = {
  steps: Record<EnrolStep, EnrolStepState>;
  /** The step that is waited for, or that failed; null when all is done, or nothing more will come by itself. */
  current: EnrolStep | null;
  /** Connected, reporting, and waiting for a person to say what it is to run. */
  needs_stack: boolean;
};

export function enrolProgress(
  server: ServerView,
  reported: AgentState | null,
  services: readonly ServiceOnServer[],
): EnrolProgress {
  const connected = server.enrolled_at !== null;
  const told = connected && reported !== null;
  const receipt = reported?.accepted_version === server.version ? (reported?.receipt ?? null) : null;
  const expected = services.filter((service) => service.desired_release_id !== null);
  const healthy =
    server.converged &&
    expected.length > 0 &&
    expected.every(({ observed }) => observed?.state === 'running' && observed.health.state === 'healthy');
  const done: Record<EnrolStep, boolean> = {
    invited: true,
    connected,
    reported: told,
    runs: told && server.converged,
    healthy: told && healthy,
  };
  const needs_stack = told && server.stack === null;
  const open = enrolSteps.find((step) => !done[step]) ?? null;
  const current = needs_stack ? null : open;
  const failed =
    current === 'runs' && (receipt?.state === 'failed' || (reported?.refusal ?? null) !== null) ? current : null;
  const stateOf = (step: EnrolStep): EnrolStepState => {
    if (done[step]) return 'done';
    if (step === failed) return 'failed';
    return step === current ? 'waiting' : 'later';
  };
  return {
    steps: Object.fromEntries(enrolSteps.map((step) => [step, stateOf(step)])) as Record<EnrolStep, EnrolStepState>,
    current,
    needs_stack,
  };
}

/** The first name of the kind `server-2` that no server has. */
export function proposedName(taken: readonly string[]): string {
  for (let number = 1; ; number++) {
    const name = `server-${number}`;
    if (!taken.includes(name)) return name;
  }
}

/** The line that connects an agent. The token stands in the environment, never among the arguments. */
export function agentLine(token: string, address: string): string {
  return ` MAINSTAY_ENROL_TOKEN=${quoted(token)} node mainstay-agent.js --home "$HOME/.local/share/mainstay-agent" --url ${quoted(address)}`;
}

/** Whether an address means the machine that it is used on. */
export function isLoopback(address: string): boolean {
  if (!URL.canParse(address)) return false;
  const { hostname } = new URL(address);
  return hostname === 'localhost' || hostname === '[::1]' || /^127\./.test(hostname) || hostname.endsWith('.localhost');
}
