/** Search parameters of this page: they are its state, so that every view can be linked. */
import { oneOf, type RawSearch, textOf } from '../../search.ts';
import { rangeOf } from '../../ui/chart/range.ts';
import { type LogSearch, logSearch } from '../../ui/log-view/log-search.ts';

export const serviceTabs = ['logs', 'releases', 'health', 'usage', 'crashes'] as const;
export type ServiceTab = (typeof serviceTabs)[number];

export type ServiceSearch = LogSearch & {
  tab?: ServiceTab | undefined;
  /** Only of this server. */
  server?: string | undefined;
  range?: ReturnType<typeof rangeOf>;
  act?: 'deploy' | 'restart' | 'rollback' | undefined;
  /** Of the stack: what to roll back to. */
  version?: number | undefined;
};

export function serviceSearch(raw: RawSearch): ServiceSearch {
  const version = Number(raw['version']);
  return {
    tab: oneOf(raw['tab'], serviceTabs),
    server: textOf(raw['server'], 64),
    range: rangeOf(raw['range']),
    act: oneOf(raw['act'], ['deploy', 'restart', 'rollback']),
    version: Number.isSafeInteger(version) && version > 0 ? version : undefined,
    ...logSearch(raw),
  };
}
