/** The servers: which there are, how they are, and which of them a person should look at. */
import { Button, CloseButton, SegmentedControl, TextInput, Tooltip } from '@mantine/core';
import { IconPlus, IconSearch, IconServer2 } from '@tabler/icons-react';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useMemo, useRef } from 'react';
import type { Output } from '../../api/client.ts';
import { useRead } from '../../api/queries.ts';
import { servers as texts } from '../../texts/servers.ts';
import { EmptyState, Fetched, Page, Rows, Section } from '../../ui/page.tsx';
import { countsOf, serversShown } from './server-list.ts';
import css from './servers.module.css';
import { type ServerFilter, type ServersSearch, serverFilters } from './servers-search.ts';
import { ServersTable } from './servers-table.tsx';
import { UpdateAgents } from './update-agents.tsx';

const route = getRouteApi('/servers');

export function ServersPage() {
  const query = useRead('servers.list', {});
  return (
    <Page title={texts.title} actions={<AddServer />} wide>
      <Fetched query={query} skeleton={<ListSkeleton />}>
        {(data) => (data.servers.length === 0 ? <NoServers /> : <ServerList {...data} />)}
      </Fetched>
    </Page>
  );
}

function AddServer() {
  const { data } = useRead('system.whoami', {});
  const may = data?.permissions.includes('servers:write') ?? true;
  const icon = <IconPlus size={16} />;
  if (!may) {
    return (
      <Tooltip label={texts.addForbidden}>
        <Button leftSection={icon} data-disabled aria-disabled="true" onClick={(event) => event.preventDefault()}>
          {texts.add}
        </Button>
      </Tooltip>
    );
  }
  return (
    <Button leftSection={icon} renderRoot={(props) => <Link to="/servers/add" {...props} />}>
      {texts.add}
    </Button>
  );
}

function NoServers() {
  return (
    <Section>
      <EmptyState title={texts.emptyTitle} icon={<IconServer2 size={30} stroke={1.4} />} action={<AddServer />}>
        {texts.emptyText}
      </EmptyState>
    </Section>
  );
}

function ServerList({ servers, agent_release }: Output<'servers.list'>) {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const field = useRef<HTMLInputElement>(null);
  const change = (part: ServersSearch) =>
    void navigate({ search: (before) => ({ ...before, ...part }), replace: true, resetScroll: false });
  const shown = useMemo(() => serversShown(servers, search), [servers, search]);
  const counts = useMemo(() => countsOf(servers), [servers]);
  return (
    <>
      <div className={css.tools}>
        <TextInput
          ref={field}
          className={css.search}
          aria-label={texts.searchLabel}
          placeholder={texts.search}
          leftSection={<IconSearch size={15} />}
          rightSection={
            search.q ? (
              <CloseButton size="sm" aria-label={texts.showAll} onClick={() => change({ q: undefined })} />
            ) : null
          }
          value={search.q ?? ''}
          onChange={(event) => change({ q: event.currentTarget.value || undefined })}
          data-search
        />
        <SegmentedControl
          aria-label={texts.filterLabel}
          size="xs"
          value={search.show ?? 'all'}
          onChange={(value) => change({ show: value === 'all' ? undefined : (value as ServerFilter) })}
          data={(['all', ...serverFilters] as const).map((value) => ({
            value,
            label: texts.filter[value](counts[value]),
          }))}
        />
        <UpdateAgents servers={servers} release={agent_release} />
      </div>
      <Section flush>
        {shown.length === 0 ? (
          <EmptyState
            title={texts.noneFit}
            action={
              <Button variant="default" onClick={() => change({ q: undefined, show: undefined })}>
                {texts.showAll}
              </Button>
            }
          >
            {texts.noneFitText}
          </EmptyState>
        ) : (
          <ServersTable servers={shown} sort={search.sort ?? 'name'} onSort={(sort) => change({ sort })} />
        )}
      </Section>
    </>
  );
}

function ListSkeleton() {
  return (
    <>
      <div className={css.tools} />
      <Section>
        <Rows count={5} height={57} />
      </Section>
    </>
  );
}
