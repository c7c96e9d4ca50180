/** Operations: what waits for the person first, then all of them, filtered by the address. */
import { getRouteApi } from '@tanstack/react-router';
import { operations as texts } from '../../texts/operations.ts';
import { Page, Section } from '../../ui/page.tsx';
import { OperationFilters } from './operation-filters.tsx';
import { OperationList } from './operation-list.tsx';
import type { OperationsSearch } from './operations-search.ts';
import { WaitingForMe } from './waiting-for-me.tsx';

const route = getRouteApi('/operations');

export function OperationsPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const set = (change: OperationsSearch) =>
    void navigate({ search: (before) => ({ ...before, ...change }), replace: true, resetScroll: false });
  const clear = () => void navigate({ search: {}, replace: true, resetScroll: false });
  return (
    <Page title={texts.title} lead={texts.lead}>
      <WaitingForMe />
      <Section title={texts.all} flush aside={<OperationFilters search={search} set={set} clear={clear} />}>
        <OperationList search={search} clear={clear} />
      </Section>
    </Page>
  );
}
