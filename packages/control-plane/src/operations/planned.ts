/**
 * What a noun plans, and how it is carried out once it is allowed. A plan is pure: nothing is written while it is made, and what it learns
 * beyond the store (commits of refs, ids, one-time tokens) goes through `context.recall`, so that the same plan is made again from
 * the same facts when it is carried out, days later or in another process.
 */
import type { DesiredState } from '@mainstay/contract/desired-state';
import type { GrantedAction } from '@mainstay/contract/grant';
import type { PlanBody } from '@mainstay/contract/keeper-api';
import type { Actor, PlanChange } from '@mainstay/contract/operation';
import type { ServerState } from '@mainstay/contract/server-state';
import type { RolloutSettings } from '@mainstay/contract/stack';
import type { NewEvent } from '../events/event-store.ts';
import type { PlannedState } from '../rollouts/state-rollout.ts';
import type { Statement } from '../store/store.ts';

export type Planned = {
  summary: string;
  /** What changes, such as `stack/shop`. */
  target: string;
  /** What it was planned against: a version or a revision. */
  base: number;
  changes: PlanChange[];
  warnings?: string[];
  action: GrantedAction;
  document?: DesiredState;
  server_document?: ServerState;
  /** The states of many servers, where one decision is over all of them. */
  server_documents?: ServerState[];
  /** The desired state that it was planned against, and the grant that allowed it. */
  basis?: { document: DesiredState; grant: string };
  /** Server ids. */
  targets?: string[];
  stack?: { id: string; name: string; version: number };
  /** Name of the stack that it is about, where it makes no version of one: policies match it, and lists of the stack's operations have it. */
  about_stack?: string;
  /** The servers that it is about, where these are not its targets, with what they are or are to be; policies match all of them. */
  about_servers?: { name: string; labels: Record<string, string>; environment: string | null }[];
  /** In which waves a desired state goes out; left out: to all at once. */
  rollout?: {
    waves: { id: string; name: string; online: number }[][];
    settings: RolloutSettings;
    /** What is brought back when they fail; null when there was nothing. */
    previous_version: number | null;
    held_before: Record<string, string>;
    /** States of servers that go out in the place of a version. */
    states?: PlannedState[];
  };
  /** SHA-256 of the content that it may be taken back to. */
  undo_sha256?: string;
  /** Runs until the servers have reported, instead of being done when it is written. */
  settled_by_receipts?: boolean;
  /** An empty plan is carried out all the same, as with what only hands out something new. */
  always?: boolean;
  carryOut(approved: Approved): Promise<CarriedOut> | CarriedOut;
};

export type Approved = { operation_id: string; grant: string; now: number; actor: Actor; plan_body: PlanBody };

export type CarriedOut = {
  statements: Statement[];
  /** Written after all else. */
  afterwards?: Statement[];
  /** Given back to the caller; may hold one-time secrets. */
  result?: unknown;
  /** The same without secrets: kept, and given when the request is repeated. */
  kept_result?: unknown;
  events?: Omit<NewEvent, 'at' | 'actor' | 'operation_id'>[];
  /** Topics to be woken after the write. */
  signals?: string[];
};

/** What a plan learned, by name; JSON only. */
export type Facts = Record<string, unknown>;

/** Name of the fact that holds the id of the session or token which a change was asked for with; missing where there was none. */
export const asked_with_key = 'asked_with_key';

/** Gives what was learned under a name, or learns it now. */
export type Recall = <T>(name: string, learn: () => Promise<T> | T) => Promise<T>;

export function recallFrom(facts: Facts): Recall {
  return async <T>(name: string, learn: () => Promise<T> | T) => {
    if (!(name in facts)) facts[name] = await learn();
    return facts[name] as T;
  };
}
