/** The servers, a line each: state, stack and version, how busy, what is wrong, when last seen. */
import type { ServerView } from '@mainstay/contract/operations/servers';
import { Link } from '@tanstack/react-router';
import { memo, useDeferredValue } from 'react';
import { overview } from '../../texts/overview.ts';
import { cpuLimits, Meter, type MeterProps } from '../../ui/meter.tsx';
import { StatusMark } from '../../ui/status-mark.tsx';
import { Time } from '../../ui/time.tsx';
import { bytes, serverStatus } from '../../ui/words.ts';
import css from './overview.module.css';

const texts = overview.servers;

/** Beyond it the page of servers has them all. */
const shown_max = 200;
/** So many are drawn at once; the others after them, so that the page comes without waiting for what is below the screen. */
const first_rows = 12;
const row_px = 54;

export type ServerRowsProps = {
  servers: readonly ServerView[];
  /** The newest version of each stack, by its name. */
  desired: ReadonlyMap<string, number | null>;
};

export function ServerRows({ servers, desired }: ServerRowsProps) {
  const drawn = Math.min(useDeferredValue(shown_max, first_rows), servers.length);
  const missing = Math.min(servers.length, shown_max) - drawn;
  return (
    <>
      <div className={css.columns} data-of="servers" aria-hidden="true">
        <span>{texts.columns.name}</span>
        <span>{texts.columns.stack}</span>
        <span>{texts.columns.version}</span>
        <span className={css.meters}>
          <span>{texts.cpu}</span>
          <span>{texts.memory}</span>
          <span>{texts.disk}</span>
        </span>
        <span className={css.seen}>{texts.columns.seen}</span>
      </div>
      <ul className={css.rows}>
        {servers.slice(0, drawn).map((server) => (
          <ServerRow
            key={server.id}
            server={server}
            wants={server.stack === null ? null : (desired.get(server.stack) ?? null)}
          />
        ))}
        {missing > 0 && <li aria-hidden="true" style={{ height: missing * row_px }} />}
      </ul>
      {servers.length > shown_max && (
        <p className={css.beyond}>
          <Link to="/servers">{texts.all(servers.length)}</Link>
        </p>
      )}
    </>
  );
}

const ServerRow = memo(function ServerRow({ server, wants }: { server: ServerView; wants: number | null }) {
  const { name, state, stack, problems, last_seen_at, os } = server;
  return (
    <li className={css.row} data-of="servers">
      <div className={css.name}>
        <div className={css.nameLine}>
          <Link to="/servers/$server" params={{ server: name }} className={css.main} title={name}>
            {name}
          </Link>
          <StatusMark {...serverStatus(state)} form="chip" />
          {problems.length > 0 && (
            <span className={css.tag} data-tone="warning" title={problems.join('\n')}>
              {texts.problems(problems.length)}
            </span>
          )}
        </div>
        {os !== null && <span className={css.message}>{os}</span>}
      </div>
      <span className={css.servers}>
        {stack === null ? (
          <span className={css.quiet}>{texts.noStack}</span>
        ) : (
          <Link to="/stacks/$stack" params={{ stack }} title={stack}>
            {stack}
          </Link>
        )}
        {server.services.total > 0 && (
          <span className={css.quiet}>
            {(state === 'online' ? texts.services : texts.servicesThen)(server.services.running, server.services.total)}
          </span>
        )}
      </span>
      <Version server={server} wants={wants} />
      <Load server={server} />
      <span className={css.seen}>{last_seen_at === null ? texts.neverSeen : <Time at={last_seen_at} />}</span>
    </li>
  );
});

/** What it accepted of what it is to run. */
function Version({
  server: { version, converged, stack, state },
  wants,
}: {
  server: ServerView;
  wants: number | null;
}) {
  if (stack === null || state === 'invited' || (version === null && wants === null)) return <span />;
  if (wants !== null && version !== wants) {
    return (
      <span className={css.version} data-behind title={texts.behindHint}>
        {texts.behind(version, wants)}
      </span>
    );
  }
  return (
    <span className={css.version} title={converged ? undefined : texts.notConvergedHint}>
      {version !== null && texts.upToDate(version)}
      {!converged && <span className={css.quiet}> {texts.notConverged}</span>}
    </span>
  );
}

function Load({ server: { usage, cpus, state } }: { server: ServerView }) {
  if (usage === null || state !== 'online') return <span className={css.meters} />;
  const { cpu_fraction, load1, memory_used_bytes, memory_total_bytes, disk_used_bytes, disk_total_bytes } = usage;
  return (
    <span className={css.meters}>
      <Share
        label={texts.cpu}
        part={cpu_fraction}
        limits={cpuLimits}
        detail={cpus === null ? undefined : texts.cores(cpus, load1.toFixed(2))}
      />
      <Share
        label={texts.memory}
        part={shareOf(memory_used_bytes, memory_total_bytes)}
        detail={texts.used(bytes(memory_used_bytes), bytes(memory_total_bytes))}
      />
      <Share
        label={texts.disk}
        part={shareOf(disk_used_bytes, disk_total_bytes)}
        detail={texts.used(bytes(disk_used_bytes), bytes(disk_total_bytes))}
      />
    </span>
  );
}

/** A meter with its name before it where no column names it. */
function Share(props: MeterProps) {
  return (
    <span className={css.share}>
      <span className={css.shareName} aria-hidden="true">
        {props.label}
      </span>
      <Meter {...props} />
    </span>
  );
}

function shareOf(used: number, total: number): number | null {
  return total > 0 ? used / total : null;
}
