/**
 * The rows of the services. Beyond a screenful only those near the window are made, so that hundreds stay smooth; the
 * heights are measured, because a row grows when a deploy is under way or has failed.
 */
import { useWindowVirtualizer } from '@tanstack/react-virtual';
import { useLayoutEffect, useRef, useState } from 'react';
import { services as texts } from '../../../texts/stack/services.ts';
import { ServiceRow } from './service-row.tsx';
import type { ServiceRow as Row } from './service-rows.ts';
import css from './services.module.css';

/** Fewer rows are all made, so that the browser's own search finds them. */
const virtual_from = 60;
const row_height = 57;

export type ServiceTableProps = {
  rows: readonly Row[];
  /** Whether there are several servers to tell apart. */
  servers: boolean;
};

const columns = ['service', 'state', 'server', 'release', 'up', 'restarts', 'cpu', 'memory', 'history'] as const;

export function ServiceTable({ rows, servers }: ServiceTableProps) {
  const shown = columns.filter((column) => servers || column !== 'server');
  return (
    <div className={css.frame}>
      <table className={css.table} aria-label={texts.table} aria-rowcount={rows.length + 1}>
        <colgroup>
          {shown.map((column) => (
            <col key={column} data-column={column} />
          ))}
        </colgroup>
        <thead>
          <tr>
            {shown.map((column) => (
              <th key={column} scope="col" data-column={column}>
                {texts.columns[column]}
              </th>
            ))}
          </tr>
        </thead>
        {rows.length < virtual_from ? (
          rows.map((row) => (
            <tbody key={row.key} className={css.item}>
              <ServiceRow entry={row.entry} isFirst={row.is_first} servers={servers} />
            </tbody>
          ))
        ) : (
          <VirtualRows rows={rows} servers={servers} columns={shown.length} />
        )}
      </table>
    </div>
  );
}

/** The rows near the window, between two spaces as high as the rest. */
function VirtualRows({ rows, servers, columns: count }: ServiceTableProps & { columns: number }) {
  const top = useRef<HTMLTableSectionElement>(null);
  const [scrollMargin, setScrollMargin] = useState(0);
  useLayoutEffect(() => setScrollMargin((top.current?.getBoundingClientRect().top ?? 0) + window.scrollY), []);
  const virtualizer = useWindowVirtualizer({
    count: rows.length,
    estimateSize: () => row_height,
    getItemKey: (index) => rows[index]?.key ?? index,
    overscan: 6,
    scrollMargin,
  });
  const items = virtualizer.getVirtualItems();
  const before = (items[0]?.start ?? scrollMargin) - scrollMargin;
  const after = virtualizer.getTotalSize() - ((items.at(-1)?.end ?? scrollMargin) - scrollMargin);
  return (
    <>
      <tbody ref={top} aria-hidden="true">
        <tr style={{ height: before }}>
          <td colSpan={count} className={css.space} />
        </tr>
      </tbody>
      {items.map((item) => {
        const row = rows[item.index];
        return (
          row && (
            <tbody key={item.key} ref={virtualizer.measureElement} data-index={item.index} className={css.item}>
              <ServiceRow entry={row.entry} isFirst={row.is_first} servers={servers} />
            </tbody>
          )
        );
      })}
      <tbody aria-hidden="true">
        <tr style={{ height: Math.max(0, after) }}>
          <td colSpan={count} className={css.space} />
        </tr>
      </tbody>
    </>
  );
}
