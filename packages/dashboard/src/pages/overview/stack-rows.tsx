/** The stacks, a line each: how it is, what runs, where, and what changed last. */
import type { ServerView } from '@mainstay/contract/operations/servers';
import type { StackView } from '@mainstay/contract/operations/stacks';
import { ActionIcon, Tooltip } from '@mantine/core';
import { IconExternalLink } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { memo } from 'react';
import { overview } from '../../texts/overview.ts';
import { Foreign } from '../../ui/foreign.tsx';
import { StatusMark } from '../../ui/status-mark.tsx';
import { Time } from '../../ui/time.tsx';
import { stackStatus } from '../../ui/words.ts';
import type { LastChange } from './last-change.ts';
import css from './overview.module.css';

const texts = overview.stacks;

/** Beyond it the search finds them; a page is no list of a thousand. */
const shown_max = 200;

export type StackRowsProps = {
  stacks: readonly StackView[];
  servers: readonly ServerView[];
  changes: ReadonlyMap<string, LastChange>;
};

export function StackRows({ stacks, servers, changes }: StackRowsProps) {
  const counts = countsByStack(servers);
  return (
    <>
      <div className={css.columns} data-of="stacks" aria-hidden="true">
        <span>{texts.columns.name}</span>
        <span>{texts.columns.serves}</span>
        <span>{texts.columns.servers}</span>
        <span>{texts.columns.change}</span>
      </div>
      <ul className={css.rows}>
        {stacks.slice(0, shown_max).map((stack) => {
          const { running = 0, total = 0 } = counts.get(stack.name) ?? {};
          return (
            <StackRow key={stack.id} stack={stack} running={running} total={total} last={changes.get(stack.name)} />
          );
        })}
      </ul>
      {stacks.length > shown_max && <p className={css.beyond}>{texts.more(stacks.length - shown_max)}</p>}
    </>
  );
}

type Counts = { running: number; total: number };

/** What the servers of each stack report of its services; what one reported that is offline now is no news of today. */
function countsByStack(servers: readonly ServerView[]): Map<string, Counts> {
  const counts = new Map<string, Counts>();
  for (const { stack, services, state } of servers) {
    if (stack === null || state !== 'online') continue;
    const { running, total } = counts.get(stack) ?? { running: 0, total: 0 };
    counts.set(stack, { running: running + services.running, total: total + services.total });
  }
  return counts;
}

type StackRowProps = { stack: StackView; running: number; total: number; last: LastChange | undefined };

const StackRow = memo(function StackRow({ stack, running, total, last }: StackRowProps) {
  const { name, message, paused, servers, url } = stack;
  return (
    <li className={css.row} data-of="stacks">
      <div className={css.name}>
        <div className={css.nameLine}>
          <Link to="/stacks/$stack" params={{ stack: name }} className={css.main} title={name}>
            {name}
          </Link>
          <StatusMark {...stackStatus(stack.health)} form="chip" />
          {paused && (
            <span className={css.tag} title={texts.pausedBy(paused.by, paused.reason)}>
              {texts.paused}
            </span>
          )}
        </div>
        {message !== null && <Foreign text={message} className={css.message} title />}
      </div>
      <Running stack={stack} running={running} total={total} />
      <span className={css.servers} title={servers.join(', ')}>
        {servers.length > 2 ? (
          <Link to="/servers" search={{ q: name }}>
            {texts.serversCounted(servers.length)}
          </Link>
        ) : (
          servers.map((server) => (
            <Link key={server} to="/servers/$server" params={{ server }}>
              {server}
            </Link>
          ))
        )}
      </span>
      <div className={css.change}>{last ? <Change last={last} /> : <span>{texts.noChange}</span>}</div>
      {url !== null && isWebAddress(url) && (
        <Tooltip label={url}>
          <ActionIcon
            component="a"
            href={url}
            target="_blank"
            rel="noreferrer"
            className={css.out}
            aria-label={texts.open(name)}
          >
            <IconExternalLink size={16} />
          </ActionIcon>
        </Tooltip>
      )}
    </li>
  );
});

function Running({ stack: { health, services, servers }, running, total }: Omit<StackRowProps, 'last'>) {
  if (health === 'offline') {
    return (
      <span className={css.quiet} title={texts.notKnownHint}>
        {texts.notKnown}
      </span>
    );
  }
  return (
    <span className={css.figure} title={texts.runningHint(services.length, servers.length)}>
      {total === 0 ? <span className={css.quiet}>{texts.notReported}</span> : texts.running(running, total)}
    </span>
  );
}

function Change({ last: { tone, text, by, at, operation_id } }: { last: LastChange }) {
  const words = <Foreign text={text} chars_max={200} title className={css.changeText} />;
  return (
    <>
      <span className={css.changeLine}>
        {tone !== 'good' && tone !== 'idle' && <ToneMark tone={tone} />}
        {operation_id === null ? (
          words
        ) : (
          <Link to="/operations/$id" params={{ id: operation_id }}>
            {words}
          </Link>
        )}
      </span>
      <span className={css.quiet}>
        <Time at={at} />
        {by !== null && (
          <>
            {' · '}
            <Foreign text={by} />
          </>
        )}
      </span>
    </>
  );
}

function ToneMark({ tone }: { tone: LastChange['tone'] }) {
  return <StatusMark tone={tone} word={overview.tones[tone]} form="icon" />;
}

/** An address of a server is whatever the server reported; only these may become a link. */
function isWebAddress(url: string): boolean {
  return /^https?:\/\//.test(url);
}
