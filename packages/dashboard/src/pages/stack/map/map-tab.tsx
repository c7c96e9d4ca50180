/** How requests flow: from outside through proxy and routes to the services, and by which names they call each other. */
import { SegmentedControl } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { useNavigate } from '@tanstack/react-router';
import { lazy, Suspense } from 'react';
import type { Output } from '../../../api/client.ts';
import { useRead } from '../../../api/queries.ts';
import { map as texts } from '../../../texts/stack/map.ts';
import { Fetched, Rows } from '../../../ui/page.tsx';
import type { StackSearch } from '../stack-search.ts';
import css from './map.module.css';
import { MapDetail } from './map-detail.tsx';
import { MapList } from './map-list.tsx';
import { mapModel } from './map-model.ts';

const FlowMap = lazy(() => import('./flow-map.tsx'));

export default function MapTab({ data, service: chosen, view }: { data: Output<'stacks.get'> } & StackSearch) {
  const stack = data.stack.name;
  const query = useRead('services.list', { stack });
  const isPhone = useMediaQuery('(max-width: 640px)', matchMedia('(max-width: 640px)').matches);
  const navigate = useNavigate({ from: '/stacks/$stack' });
  const isList = isPhone || view === 'list';
  return (
    <Fetched query={query} skeleton={<Rows count={5} height={68} />}>
      {({ services }) => {
        const model = mapModel(data, services);
        const service = model.services.find(({ name }) => name === chosen);
        return (
          <div className={css.tab}>
            {!isPhone && (
              <div className={css.tools}>
                <Legend calls={service !== undefined && !isList} hidden={isList} />
                <SegmentedControl
                  size="xs"
                  aria-label={texts.view}
                  data={[
                    { value: 'map', label: texts.asMap },
                    { value: 'list', label: texts.asList },
                  ]}
                  value={isList ? 'list' : 'map'}
                  onChange={(value) =>
                    void navigate({
                      search: (old) => ({ ...old, view: value === 'list' ? 'list' : undefined }),
                      replace: true,
                      resetScroll: false,
                    })
                  }
                />
              </div>
            )}
            <div className={css.card}>
              {isList ? (
                <MapList model={model} stack={stack} links />
              ) : (
                <>
                  <Suspense fallback={<Rows count={Math.min(8, model.services.length)} height={68} />}>
                    <FlowMap model={model} chosen={service?.name} />
                  </Suspense>
                  <div className="visually-hidden">
                    <MapList model={model} stack={stack} links={false} />
                  </div>
                </>
              )}
            </div>
            {!isList && <MapDetail stack={stack} model={model} service={service} />}
          </div>
        );
      }}
    </Fetched>
  );
}

function Legend({ calls, hidden }: { calls: boolean; hidden: boolean }) {
  return (
    <ul className={css.legend} aria-hidden={hidden || undefined} style={hidden ? { visibility: 'hidden' } : undefined}>
      <li data-kind="open">{texts.legendOpen}</li>
      <li data-kind="closed">{texts.legendClosed}</li>
      {calls && <li data-kind="call">{texts.legendCalls}</li>}
    </ul>
  );
}
