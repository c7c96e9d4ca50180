/** The table of servers. Only the rows that are seen are drawn, so that a thousand cost as little as twenty. */
import type { ServerView } from '@mainstay/contract/operations/servers';
import { IconArrowDown } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { useWindowVirtualizer } from '@tanstack/react-virtual';
import { memo, useDeferredValue, useLayoutEffect, useRef, useState } from 'react';
import { servers as texts } from '../../texts/servers.ts';
import { cpuLimits, Meter } from '../../ui/meter.tsx';
import { Scroller } from '../../ui/scroller.tsx';
import { StatusMark } from '../../ui/status-mark.tsx';
import { Time } from '../../ui/time.tsx';
import { bytes, statusOfServer } from '../../ui/words.ts';
import css from './servers.module.css';
import { type ServerOrder, serverOrders } from './servers-search.ts';

const row_height_px = 57;
/** Made beside what the screen shows, once that is drawn. */
const beside_rows = 8;

/** Where the table began last time. Beginning with it, the way back draws the rows once. */
let last_margin = 0;

export type ServersTableProps = {
  servers: readonly ServerView[];
  sort: ServerOrder;
  onSort(sort: ServerOrder | undefined): void;
};

export function ServersTable({ servers, sort, onSort }: ServersTableProps) {
  const table = useRef<HTMLTableElement>(null);
  const [scrollMargin, setScrollMargin] = useState(last_margin);
  useLayoutEffect(() => {
    const top = table.current?.getBoundingClientRect().top ?? 0;
    last_margin = top + window.scrollY;
    setScrollMargin(last_margin);
  }, []);
  const rows = useWindowVirtualizer({
    count: servers.length,
    estimateSize: () => row_height_px,
    overscan: useDeferredValue(beside_rows, 0),
    scrollMargin,
    getItemKey: (index) => servers[index]?.id ?? index,
  });
  const seen = rows.getVirtualItems();
  const above = (seen[0]?.start ?? scrollMargin) - scrollMargin;
  const below = rows.getTotalSize() - ((seen.at(-1)?.end ?? scrollMargin) - scrollMargin);
  return (
    <Scroller className={css.scroller} aria-label={texts.tableName}>
      <table className={`${css.table} ${css.fixed}`} ref={table} aria-rowcount={servers.length + 1}>
        <thead>
          <tr>
            {serverOrders.map((column) => (
              <th key={column} scope="col" data-column={column} aria-sort={column === sort ? 'ascending' : undefined}>
                <button
                  type="button"
                  className={css.sort}
                  title={texts.sortBy(texts.columns[column])}
                  onClick={() => onSort(column === 'name' ? undefined : column)}
                >
                  {texts.columns[column]}
                  <IconArrowDown size={13} data-shown={column === sort || undefined} aria-hidden="true" />
                </button>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {above > 0 && <Spacer height={above} />}
          {seen.map(({ index }) => {
            const server = servers[index];
            return server && <ServerRow key={server.id} server={server} index={index} />;
          })}
          {below > 0 && <Spacer height={below} />}
        </tbody>
      </table>
    </Scroller>
  );
}

function Spacer({ height }: { height: number }) {
  return (
    <tr className={css.spacer}>
      <td colSpan={serverOrders.length} style={{ height }} />
    </tr>
  );
}

const ServerRow = memo(function ServerRow({ server, index }: { server: ServerView; index: number }) {
  const { usage } = server;
  return (
    <tr aria-rowindex={index + 2} className={css.row} data-state={server.state}>
      <th scope="row">
        <Link to="/servers/$server" params={{ server: server.name }} className={css.name}>
          {server.name}
        </Link>
        <span className={css.second} title={server.os ? `${server.os} · ${server.arch}` : undefined}>
          {server.os ? `${texts.cores(server.cpus ?? 0)} · ${server.os}` : texts.waitsForAgent}
        </span>
      </th>
      <td>
        <StatusMark {...statusOfServer(server)} />
        <span className={css.second}>
          {server.problems.length > 0 ? (
            <span className={css.problem} title={server.problems.join('\n')}>
              {texts.problems(server.problems.length)}
            </span>
          ) : (
            server.last_seen_at !== null && (
              <>
                {texts.seen} <Time at={server.last_seen_at} />
              </>
            )
          )}
        </span>
      </td>
      <td>
        <StackCell server={server} />
      </td>
      <td>
        <Meter part={usage?.cpu_fraction ?? null} label={texts.columns.cpu} limits={cpuLimits} />
      </td>
      <td>
        <Meter
          part={usage ? usage.memory_used_bytes / usage.memory_total_bytes : null}
          label={texts.columns.memory}
          detail={usage ? texts.of(bytes(usage.memory_used_bytes), bytes(usage.memory_total_bytes)) : undefined}
        />
      </td>
      <td>
        <Meter
          part={usage ? usage.disk_used_bytes / usage.disk_total_bytes : null}
          label={texts.columns.disk}
          detail={usage ? texts.of(bytes(usage.disk_used_bytes), bytes(usage.disk_total_bytes)) : undefined}
        />
      </td>
      <td>
        {server.services.total === 0 ? (
          <span className="quiet">–</span>
        ) : (
          texts.running(server.services.running, server.services.total)
        )}
      </td>
      <td>
        {server.agent_version ?? <span className="quiet">–</span>}
        <span className={css.second}>{server.security_mode && texts.security[server.security_mode]}</span>
      </td>
    </tr>
  );
});

function StackCell({ server }: { server: ServerView }) {
  if (server.stack === null) return <span className="quiet">{texts.noStack}</span>;
  return (
    <>
      <Link to="/stacks/$stack" params={{ stack: server.stack }} className={css.name}>
        {server.stack}
      </Link>
      <span className={css.second}>
        {server.version === null ? texts.nothingAccepted : texts.version(server.version)}
        {server.version !== null && (server.converged ? ` · ${texts.upToDate}` : ` · ${texts.behind}`)}
      </span>
    </>
  );
}
