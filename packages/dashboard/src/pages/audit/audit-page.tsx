/** The audit trail: the state of its chain, and every entry, found by the address of the page. */
import { Button, Menu } from '@mantine/core';
import { IconDownload } from '@tabler/icons-react';
import { getRouteApi } from '@tanstack/react-router';
import { useMemo } from 'react';
import { base_url } from '../../api/client.ts';
import { useRead } from '../../api/queries.ts';
import { audit as texts } from '../../texts/audit.ts';
import { EmptyState, Fetched, Page, Rows, Section } from '../../ui/page.tsx';
import css from './audit.module.css';
import { AuditEntries } from './audit-entries.tsx';
import { AuditFilters } from './audit-filters.tsx';
import { type AuditSearch, auditFilter } from './audit-search.ts';
import { ChainState } from './chain-state.tsx';

const route = getRouteApi('/audit');
const page_size = 100;

export function AuditPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const go = (change: AuditSearch) =>
    void navigate({ search: (old) => ({ ...old, ...change }), replace: true, resetScroll: false });
  const clear = () => void navigate({ search: {}, replace: true, resetScroll: false });
  const asked = JSON.stringify(search);
  const filter = useMemo(() => auditFilter(JSON.parse(asked) as AuditSearch, Date.now()), [asked]);
  const { before } = search;
  const query = useRead(
    'audit.list',
    { ...filter, limit: page_size, ...(before === undefined ? {} : { before }) },
    { keep: true },
  );
  return (
    <Page title={texts.title} lead={texts.lead} actions={<ExportMenu filter={filter} />}>
      <ChainState />
      <Section flush title={texts.entries}>
        <AuditFilters search={search} set={(change) => go({ ...change, before: undefined })} clear={clear} />
        <Fetched
          query={query}
          skeleton={
            <div className={css.skeleton}>
              <Rows count={12} height={38} />
            </div>
          }
        >
          {({ entries, more }) =>
            entries.length === 0 ? (
              <EmptyState title={texts.noneTitle} action={<Button onClick={clear}>{texts.filters.clear}</Button>}>
                {texts.noneText}
              </EmptyState>
            ) : (
              <>
                <AuditEntries entries={entries.toReversed()} />
                <div className={css.pages}>
                  {before !== undefined && (
                    <Button size="xs" variant="default" onClick={() => go({ before: undefined })}>
                      {texts.newest}
                    </Button>
                  )}
                  {more && (
                    <Button size="xs" variant="default" onClick={() => go({ before: entries[0]?.cursor })}>
                      {texts.older}
                    </Button>
                  )}
                </div>
              </>
            )
          }
        </Fetched>
      </Section>
    </Page>
  );
}

function ExportMenu({ filter }: { filter: ReturnType<typeof auditFilter> }) {
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <Button variant="default" leftSection={<IconDownload size={16} />}>
          {texts.export}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item component="a" href={exportUrl('jsonl', filter)} download>
          {texts.exportJsonl}
        </Menu.Item>
        <Menu.Item component="a" href={exportUrl('csv', filter)} download>
          {texts.exportCsv}
        </Menu.Item>
        <Menu.Label>{texts.exportHint}</Menu.Label>
      </Menu.Dropdown>
    </Menu>
  );
}

function exportUrl(format: 'jsonl' | 'csv', filter: ReturnType<typeof auditFilter>): string {
  const query = new URLSearchParams({ format });
  for (const [name, value] of Object.entries(filter)) for (const one of [value].flat()) query.append(name, String(one));
  return `${base_url}api/v1/audit/export?${query}`;
}
