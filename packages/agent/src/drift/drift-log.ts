/** Drift as it is told: an event for each, and the last of it in the agent's state. Words are bounded, and hold no contents of files. */
import type { AgentState } from '@mainstay/contract/agent-api';
import type { Clock } from '@mainstay/runtime/clock';
import type { NewAgentEvent } from '../state/event-outbox.ts';
import type { Drift } from './drift.ts';

type DriftObserved = AgentState['drift'][number];

export type DriftLog = {
  /** Tells of what was found, and put back already. */
  repaired(drift: Drift, service?: string | null): void;
  /** Tells of what was found and is being put back. */
  found(drift: Drift, service?: string | null): void;
  /** What was found of it is as it should be again. */
  settled(what: string): void;
  /** Newest first. */
  list(): DriftObserved[];
};

const kept_max = 20;
const text_max = 1_000;

export type DriftLogNeeds = { clock: Pick<Clock, 'now'>; emit(event: NewAgentEvent): void; changed(): void };

export function createDriftLog({ clock, emit, changed }: DriftLogNeeds): DriftLog {
  let kept: DriftObserved[] = [];

  const tell = (drift: Drift, service: string | null, put_back_at: number | null) => {
    const now = clock.now();
    const cut = (text: string) => text.slice(0, text_max);
    const { changed_at, by } = drift;
    const [what, expected, found] = [drift.what, drift.expected, drift.found].map(cut) as [string, string, string];
    const observed: DriftObserved = {
      what,
      expected,
      found,
      changed_at,
      by: by === null ? null : cut(by),
      found_at: now,
      put_back_at,
    };
    kept = [observed, ...kept].slice(0, kept_max);
    const when = changed_at === null ? '' : `, changed at ${new Date(changed_at).toISOString()}`;
    const who = by === null ? 'Who did it is not known.' : `Who did it is not known for certain: ${by}.`;
    emit({
      kind: put_back_at === null ? 'drift.found' : 'drift.repaired',
      severity: 'warning',
      message: `${what}: ${found}${when}; expected: ${expected}. ${put_back_at === null ? 'It is being put back.' : 'It was put back.'} ${who}`,
      service,
      data: observed,
    });
    changed();
  };

  return {
    repaired: (drift, service = null) => tell(drift, service, clock.now()),
    found: (drift, service = null) => tell(drift, service, null),
    settled(what) {
      const open = kept.filter((one) => one.what === what && one.put_back_at === null);
      if (open.length === 0) return;
      for (const one of open) one.put_back_at = clock.now();
      changed();
    },
    list: () => kept.map((one) => ({ ...one })),
  };
}
