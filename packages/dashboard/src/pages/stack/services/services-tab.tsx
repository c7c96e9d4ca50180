/** The services of a stack: a filter that stands in the address, and the table. */
import { Button, Checkbox } from '@mantine/core';
import { Link, useNavigate } from '@tanstack/react-router';
import { useRead } from '../../../api/queries.ts';
import { services as texts } from '../../../texts/stack/services.ts';
import { Allowed } from '../../../ui/allowed.tsx';
import { EmptyState, Fetched, Rows } from '../../../ui/page.tsx';
import { SearchField } from '../../../ui/search-field.tsx';
import type { StackSearch } from '../stack-search.ts';
import { isInTrouble, serviceRows } from './service-rows.ts';
import { ServiceTable } from './service-table.tsx';
import css from './services.module.css';

/** With fewer a filter is no help. */
const filter_from = 6;

export function ServicesTab({ stack, q = '', ...search }: { stack: string } & StackSearch) {
  const trouble = search.trouble ?? false;
  const services = useRead('services.list', { stack });
  return (
    <Fetched query={services} skeleton={<Rows count={4} height={57} />}>
      {({ services: entries }) => {
        if (entries.length === 0) return <NoServer stack={stack} />;
        const rows = serviceRows(entries, q, trouble);
        const servers = new Set(entries.map((entry) => entry.server)).size > 1;
        const troubled = entries.filter(isInTrouble).length;
        return (
          <>
            {(entries.length >= filter_from || q !== '' || trouble) && (
              <Filter q={q} trouble={trouble} troubled={troubled} shown={rows.length} all={entries.length} />
            )}
            {rows.length === 0 ? <NothingFits stack={stack} /> : <ServiceTable rows={rows} servers={servers} />}
          </>
        );
      }}
    </Fetched>
  );
}

type FilterProps = { q: string; trouble: boolean; troubled: number; shown: number; all: number };

function Filter({ q, trouble, troubled, shown, all }: FilterProps) {
  const navigate = useNavigate({ from: '/stacks/$stack' });
  const set = (change: StackSearch) =>
    void navigate({ search: (old) => ({ ...old, ...change }), replace: true, resetScroll: false });
  return (
    <div className={css.tools}>
      <SearchField
        className={css.filter}
        label={texts.filter}
        placeholder={texts.filterPlaceholder}
        value={q}
        onChange={(text) => set({ q: text || undefined })}
      />
      <Checkbox
        size="xs"
        label={texts.trouble(troubled)}
        checked={trouble}
        onChange={(event) => set({ trouble: event.currentTarget.checked || undefined })}
      />
      <span className="quiet" aria-live="polite">
        {texts.shown(shown, all)}
      </span>
    </div>
  );
}

function NothingFits({ stack }: { stack: string }) {
  return (
    <EmptyState
      title={texts.nothingFits}
      action={
        <Button
          variant="default"
          renderRoot={(props) => <Link to="/stacks/$stack" params={{ stack }} search={{}} {...props} />}
        >
          {texts.clearFilter}
        </Button>
      }
    >
      {texts.nothingFitsText}
    </EmptyState>
  );
}

function NoServer({ stack }: { stack: string }) {
  return (
    <EmptyState
      title={texts.noServerTitle}
      action={
        <Allowed to="servers:write">
          <Button renderRoot={(props) => <Link to="/servers/add" {...props} />}>{texts.addServerTo(stack)}</Button>
        </Allowed>
      }
    >
      {texts.noServerText}
    </EmptyState>
  );
}
