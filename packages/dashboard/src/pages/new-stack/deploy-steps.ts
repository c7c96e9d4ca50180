/**
 * How far the first deployment of a service has come, step by step, from what its agent reported: the candidate's stage, the
 * failure, the events with their times. A step is done only when something later was seen. Pure.
 */
import type { AgentState, Receipt } from '@mainstay/contract/agent-api';
import type { ServiceOnServer } from '@mainstay/contract/operations/services';
import type { EventView } from '@mainstay/contract/operations/watch';

export const deploySteps = ['sync', 'build', 'start', 'health', 'switch'] as const;
export type DeployStep = (typeof deploySteps)[number];
export type StepState = 'done' | 'running' | 'failed' | 'skipped' | 'later';
export type Step = { step: DeployStep; state: StepState; from: number | null; to: number | null };

export type Seen = {
  service: ServiceOnServer;
  /** Of the stack; others are left out by this. */
  events: readonly EventView[];
  /** Of the newest change on the server. */
  receipt: Receipt | null;
  builds: boolean;
};

type Marks = Partial<Record<'started' | 'build' | 'built' | 'candidate' | 'switched', number>>;

function marksOf({ service: { service, server, desired_release_id }, events }: Seen): Marks {
  const marks: Marks = {};
  for (const { at, kind, ...event } of events) {
    if (event.server !== server) continue;
    if (kind === 'deployment.started') marks.started = at;
    if (event.service !== service || event.release_id !== desired_release_id) continue;
    if (kind === 'build.started') {
      marks.build = at;
      delete marks.built;
    }
    if (kind === 'build.succeeded' || kind === 'build.failed') marks.built = at;
    if (kind === 'candidate.started') marks.candidate = at;
    if (kind === 'release.switched') marks.switched = at;
  }
  return marks;
}

/** Index of the step that is under way or failed; as many as there are when all are done; -1 when none has begun. */
function reached({ service: { observed, desired_release_id }, receipt }: Seen, marks: Marks): [number, StepState] {
  const index = (stage: string) => {
    const found = (deploySteps as readonly string[]).indexOf(stage);
    return found < 0 ? deploySteps.length - 1 : found;
  };
  if (desired_release_id !== null && observed?.release_id === desired_release_id) return [deploySteps.length, 'done'];
  const candidate = observed?.candidate;
  if (candidate && candidate.release_id === desired_release_id) return [index(candidate.stage), 'running'];
  const failure = observed?.last_failure;
  if (failure && failure.release_id === desired_release_id) return [index(failure.stage), 'failed'];
  const stopped = receipt?.state === 'failed' ? 'later' : 'running';
  if (marks.candidate !== undefined) return [index('health'), stopped];
  if (marks.built !== undefined) return [index('start'), 'later'];
  if (marks.build !== undefined) return [index('build'), stopped];
  return [-1, 'later'];
}

export function stepsOf(seen: Seen): Step[] {
  const marks = marksOf(seen);
  const [position, state] = reached(seen, marks);
  const candidate = seen.service.observed?.candidate;
  const since = (step: DeployStep) =>
    candidate?.stage === step && candidate.release_id === seen.service.desired_release_id ? candidate.since : null;
  const failedAt = state === 'failed' ? (seen.service.observed?.last_failure?.at ?? null) : null;
  const begun: Record<DeployStep, number | null> = {
    sync: since('sync') ?? marks.started ?? null,
    build: marks.build ?? since('build'),
    start: since('start'),
    health: marks.candidate ?? since('health'),
    switch: since('switch'),
  };
  const ended: Record<DeployStep, number | null> = {
    sync: marks.build ?? since('build') ?? null,
    build: marks.built ?? null,
    start: marks.candidate ?? null,
    health: since('switch') ?? marks.switched ?? null,
    switch: marks.switched ?? null,
  };
  return deploySteps.map((step, index) => {
    const skips = step === 'build' && (!seen.builds || (index < position && marks.build === undefined));
    const own: StepState = index < position ? 'done' : index === position ? state : 'later';
    return {
      step,
      state: skips && own !== 'failed' && own !== 'running' ? 'skipped' : own,
      from: own === 'later' ? null : begun[step],
      to: own === 'done' ? ended[step] : own === 'failed' ? failedAt : null,
    };
  });
}

/** How far one server is with the newest version. */
export type Standing = { receipt: Receipt | null; refusal: { message: string } | null };

/** @param since When the version was made; what was refused before is of another one. */
export function standingOf(
  reported: AgentState | null,
  stack_id: string,
  version: number | null,
  since: number,
): Standing {
  const receipt = reported?.stack_id === stack_id && reported.receipt?.version === version ? reported.receipt : null;
  const refusal = reported?.refusal ?? null;
  const isRefused = receipt === null && refusal !== null && refusal.version === version && refusal.at >= since;
  return { receipt, refusal: isRefused ? refusal : null };
}

/** How it stands with a whole deployment: on all the servers that run the stack. */
export type DeployOutcome = 'none' | 'running' | 'succeeded' | 'failed';

export function outcomeOf(standings: readonly Standing[], services: readonly ServiceOnServer[]): DeployOutcome {
  if (standings.length === 0) return 'none';
  if (standings.some(({ receipt, refusal }) => refusal !== null || receipt?.state === 'failed')) return 'failed';
  if (!standings.every(({ receipt }) => receipt?.state === 'succeeded')) return 'running';
  const meant = services.filter(({ desired_release_id }) => desired_release_id !== null);
  const serves = meant.every(({ observed, desired_release_id }) => observed?.release_id === desired_release_id);
  return serves && meant.length > 0 ? 'succeeded' : 'running';
}
