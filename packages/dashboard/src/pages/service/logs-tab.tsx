/** The live log of the service, as its address says. */
import { getRouteApi, useRouter } from '@tanstack/react-router';
import { useCallback, useMemo } from 'react';
import type { LogSearch } from '../../ui/log-view/log-search.ts';
import { LogView } from '../../ui/log-view/log-view.tsx';
import { shortCommit } from '../../ui/words.ts';
import { knownReleases } from './service-state.ts';
import type { TabProps } from './tab-props.ts';

const route = getRouteApi('/stacks/$stack/services/$service');

export default function LogsTab({ stack, service, entries }: TabProps) {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const router = useRouter();
  const onSearch = useCallback(
    (change: LogSearch, { replace = false } = {}) =>
      void navigate({ search: (old) => ({ ...old, ...change }), replace, resetScroll: false }),
    [navigate],
  );
  const address = router.buildLocation({
    to: '/stacks/$stack/services/$service',
    params: { stack, service },
    search: { ...search, line: undefined, at: undefined },
  }).href;
  const hrefOf = useCallback((line: number) => `${address}${address.includes('?') ? '&' : '?'}line=${line}`, [address]);
  const releases = useMemo(
    () =>
      knownReleases(entries).map(({ release_id, commit, commit_subject }) => ({
        release_id,
        label: `${shortCommit(commit)} ${commit_subject ?? ''}`.trim().slice(0, 60),
      })),
    [entries],
  );
  return (
    <LogView
      stack={stack}
      service={service}
      server={search.server}
      showsServer={search.server === undefined && entries.length > 1}
      releases={releases}
      search={search}
      onSearch={onSearch}
      hrefOf={hrefOf}
    />
  );
}
