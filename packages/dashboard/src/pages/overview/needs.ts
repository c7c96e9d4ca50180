/**
 * What needs a person, worst first: what is down, what failed or was denied, what agents report, what was stopped on purpose
 * and may have been forgotten. Each thing is told once, at the place where something can be done about it.
 */
import type { EventKind } from '@mainstay/contract/agent-api';
import type { OperationView } from '@mainstay/contract/operation';
import type { ServerView } from '@mainstay/contract/operations/servers';
import type { StackView } from '@mainstay/contract/operations/stacks';
import type { EventView } from '@mainstay/contract/operations/watch';
import { overview } from '../../texts/overview.ts';
import type { Tone } from '../../ui/words.ts';

const texts = overview.needs;

/** Where the person can act. */
export type NeedPlace =
  | { to: 'stack'; stack: string; act?: 'resume' }
  | { to: 'service'; stack: string; service: string; tab: 'crashes' | 'logs' | 'health' }
  | { to: 'server'; server: string }
  | { to: 'operation'; id: string }
  | { to: 'add-server'; stack: string };

export type Need = {
  key: string;
  tone: Tone;
  title: string;
  /** In the words of who reported it. */
  detail: string | null;
  /** UTC milliseconds; null where nobody knows since when. */
  at: number | null;
  place: NeedPlace;
  /** What the link does. */
  action: string;
};

export type NeedsInput = {
  stacks: readonly StackView[];
  servers: readonly ServerView[];
  /** Newest first. */
  operations: readonly OperationView[];
  /** Operations that go on only when the person speaks. */
  waiting: readonly OperationView[];
  /** Events of severity warning and worse, oldest first. */
  warnings: readonly EventView[];
  /** Events `stack.source_…`, oldest first. */
  sources: readonly EventView[];
  now: number;
};

/** A denial is news for a day; then whoever asked has seen it. */
const denial_shown_ms = 24 * 3_600_000;

const order: Record<Tone, number> = { bad: 0, warning: 1, busy: 2, idle: 3, good: 4 };

export function needsOf({ stacks, servers, operations, waiting, warnings, sources, now }: NeedsInput): Need[] {
  const needs = [
    ...waiting.map(waits),
    ...servers.flatMap(serverNeeds),
    ...stacks.flatMap((stack) => [
      ...stackNeeds(stack, servers, operations, warnings),
      ...sourceNeeds(stack, operations, sources),
    ]),
    ...operations
      .filter(({ state, created_at }) => state === 'denied' && now - created_at < denial_shown_ms)
      .map(denied),
  ];
  return needs.sort((a, b) => order[a.tone] - order[b.tone] || (b.at ?? now) - (a.at ?? now));
}

function serverNeeds({ name, stack, state, problems, last_seen_at }: ServerView): Need[] {
  const place = { to: 'server', server: name } as const;
  const needs: Need[] = problems.map((problem, index) => ({
    key: `problem ${name} ${index}`,
    tone: 'warning',
    title: texts.problem(name),
    detail: problem,
    at: null,
    place,
    action: texts.openServer,
  }));
  if (state === 'offline') {
    needs.push({
      key: `offline ${name}`,
      tone: 'bad',
      title: texts.offline(name),
      detail: stack === null ? null : texts.offlineRuns(stack),
      at: last_seen_at,
      place,
      action: texts.openServer,
    });
  }
  return needs;
}

function stackNeeds(
  stack: StackView,
  servers: readonly ServerView[],
  operations: readonly OperationView[],
  warnings: readonly EventView[],
): Need[] {
  const { name } = stack;
  const place = { to: 'stack', stack: name } as const;
  const needs: Need[] = [];
  const newest = operations.find((operation) => operation.stack === name && operation.version !== null);
  const failed = newest?.state === 'failed' && newest.id !== null ? newest : null;
  if (stack.health === 'failed' || (stack.health === 'degraded' && (failed || !isOnlyOffline(stack, servers)))) {
    const trouble = failed ? null : newestTrouble(stack, newest?.created_at ?? 0, warnings);
    needs.push({
      key: `stack ${name}`,
      tone: stack.health === 'failed' ? 'bad' : 'warning',
      title: stack.health === 'failed' ? texts.failed(name) : texts.degraded(name),
      detail: stack.message,
      at: failed?.finished_at ?? trouble?.at ?? null,
      place: failed?.id ? { to: 'operation', id: failed.id } : (trouble?.place ?? place),
      action: failed || trouble ? texts.seeWhy : texts.openStack,
    });
  }
  if (stack.health === 'empty' && stack.services.length > 0) {
    needs.push({
      key: `empty ${name}`,
      tone: 'idle',
      title: texts.empty(name),
      detail: null,
      at: stack.updated_at,
      place: { to: 'add-server', stack: name },
      action: texts.addServer,
    });
  }
  if (stack.paused) {
    needs.push({
      key: `paused ${name}`,
      tone: 'idle',
      title: texts.paused(name, stack.paused.by),
      detail: stack.paused.reason,
      at: stack.paused.at,
      place: { ...place, act: 'resume' },
      action: texts.resume,
    });
  }
  const held = Object.entries(stack.held_services);
  if (held.length > 0) {
    needs.push({
      key: `held ${name}`,
      tone: 'idle',
      title: texts.held(
        name,
        held.map(([service]) => service),
      ),
      detail: held[0]?.[1] ?? null,
      at: null,
      place,
      action: texts.openStack,
    });
  }
  return needs;
}

function sourceNeeds({ name }: StackView, operations: readonly OperationView[], sources: readonly EventView[]): Need[] {
  const told = sources.findLast(({ stack }) => stack === name);
  const deployed = operations.find(
    ({ stack, version, state }) => stack === name && version !== null && state !== 'denied',
  );
  // Whoever deployed since then has read the repository.
  if (told?.kind !== 'stack.source_unavailable' || (deployed?.created_at ?? 0) > told.at) return [];
  return [
    {
      key: `source ${name}`,
      tone: 'warning',
      title: texts.unreadable(name),
      detail: told.message,
      at: told.at,
      place: { to: 'stack', stack: name },
      action: texts.openStack,
    },
  ];
}

/** What is wrong is that servers are offline, which is told of each of them; on the others all is well. */
function isOnlyOffline({ name }: StackView, servers: readonly ServerView[]): boolean {
  const own = servers.filter(({ stack }) => stack === name);
  const online = own.filter(({ state }) => state === 'online');
  return online.length < own.length && online.every(({ services }) => services.running === services.total);
}

const troubleTabs: Partial<Record<EventKind, 'crashes' | 'logs' | 'health'>> = {
  'service.crashed': 'crashes',
  'service.limit_exceeded': 'crashes',
  'service.unhealthy': 'health',
  'candidate.failed': 'logs',
};

/** The last thing that went wrong with the service that the stack's message is about, since it was last changed. */
function newestTrouble(
  { name, message }: StackView,
  since: number,
  warnings: readonly EventView[],
): { at: number; place: NeedPlace } | null {
  for (const { kind, stack, service, at } of warnings.toReversed()) {
    const tab = troubleTabs[kind];
    if (at <= since) return null;
    if (stack !== name || service === null || !tab || !message?.startsWith(`${service} on `)) continue;
    return { at, place: { to: 'service', stack: name, service, tab } };
  }
  return null;
}

function waits({ id, plan, actor, requirement, created_at }: OperationView): Need {
  return {
    key: `waiting ${id}`,
    tone: 'warning',
    title: texts.waiting(plan.summary),
    detail: texts.proposedBy(actor.name, requirement?.policy ?? null),
    at: created_at,
    place: { to: 'operation', id: id ?? '' },
    action: texts.decide,
  };
}

function denied({ id, plan, message, created_at, actor }: OperationView): Need {
  return {
    key: `denied ${id}`,
    tone: 'warning',
    title: texts.denied(actor.name, plan.summary),
    detail: message,
    at: created_at,
    place: { to: 'operation', id: id ?? '' },
    action: texts.seeWhy,
  };
}
