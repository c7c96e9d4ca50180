/** Search parameters of this page: they are its state, so that every view can be linked. */
import { flagOf, numberOf, oneOf, type RawSearch, textOf } from '../../search.ts';

export const stackTabs = ['services', 'map', 'releases', 'environment', 'configuration', 'file', 'webhook'] as const;
export type StackTab = (typeof stackTabs)[number];

/** Changes that a link may open for review; nothing happens before the person confirms the plan. */
export const stackActs = ['deploy', 'rollback', 'pause', 'resume', 'remove'] as const;
export type StackAct = (typeof stackActs)[number];

export type StackSearch = {
  tab?: StackTab | undefined;
  act?: StackAct | undefined;
  /** Of releases: the one that is looked at, and of `act=rollback` the one to go back to. */
  version?: number | undefined;
  /** The service that is looked at or edited. */
  service?: string | undefined;
  /** Services whose name or commit holds this. */
  q?: string | undefined;
  /** Only services that are in trouble. */
  trouble?: true | undefined;
  /** The map as a list. */
  view?: 'list' | undefined;
  /** The stack file in the editor. */
  edit?: true | undefined;
};

export function stackSearch(raw: RawSearch): StackSearch {
  return {
    tab: oneOf(raw['tab'], stackTabs),
    act: oneOf(raw['act'], stackActs),
    version: numberOf(raw['version']),
    service: textOf(raw['service'], 40),
    q: textOf(raw['q'], 64),
    trouble: flagOf(raw['trouble']),
    view: oneOf(raw['view'], ['list']),
    edit: flagOf(raw['edit']),
  };
}
