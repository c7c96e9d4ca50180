/** Facts of a stack in one line: where it is reached, on which servers it runs, which version serves; and what holds it up. */
import type { StackTargets, StackView } from '@mainstay/contract/operations/stacks';
import { Alert } from '@mantine/core';
import { IconExternalLink, IconHandStop, IconPlayerPause } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { useRead } from '../../api/queries.ts';
import { head as texts } from '../../texts/stack/head.ts';
import { Allowed } from '../../ui/allowed.tsx';
import { CopyButton } from '../../ui/copy-button.tsx';
import { Foreign } from '../../ui/foreign.tsx';
import { labelsText } from '../../ui/labels.ts';
import { StatusMark } from '../../ui/status-mark.tsx';
import { Time } from '../../ui/time.tsx';
import { serverStatus } from '../../ui/words.ts';
import css from './stack-page.module.css';

const servers_shown_max = 6;

type Props = { stack: StackView; targets: StackTargets | null };

export function StackFacts({ stack, targets }: Props) {
  return (
    <dl className={css.facts}>
      <Fact word={texts.facts.url}>
        {stack.url === null ? (
          <span className="quiet">{texts.noUrl}</span>
        ) : (
          <span className={css.url}>
            <a href={stack.url} target="_blank" rel="noreferrer" title={texts.openUrl}>
              {stack.url}
              <IconExternalLink size={14} aria-label={texts.openUrl} />
            </a>
            <CopyButton text={stack.url} label={texts.copyUrl} />
          </span>
        )}
      </Fact>
      <Fact word={texts.facts.servers}>
        <Servers names={stack.servers} />
      </Fact>
      {targets && <Fact word={texts.facts.chosenBy}>{labelsText(targets.labels)}</Fact>}
      <Fact word={texts.facts.version}>
        <Link to="/stacks/$stack" params={{ stack: stack.name }} search={{ tab: 'releases' }} className={css.version}>
          {stack.serving_version === null ? texts.versionNone : texts.versionServing(stack.serving_version)}
        </Link>
        {stack.version !== null && stack.version !== stack.serving_version && (
          <NewestVersion health={stack.health} version={stack.version} />
        )}
      </Fact>
      <Fact word={texts.facts.updated}>
        <Time at={stack.updated_at} />
      </Fact>
    </dl>
  );
}

/** What became of the newest version, while another one serves. */
function NewestVersion({ health, version }: { health: StackView['health']; version: number }) {
  if (health === 'deploying') return <span data-tone="busy"> · {texts.versionComing(version)}</span>;
  if (health === 'offline' || health === 'empty') return <span> · {texts.versionWaits(version)}</span>;
  return <span data-tone="bad"> · {texts.versionFailed(version)}</span>;
}

function Fact({ word, children }: { word: string; children: ReactNode }) {
  return (
    <div className={css.fact}>
      <dt>{word}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Servers({ names }: { names: readonly string[] }) {
  const servers = useRead('servers.list', {}).data?.servers;
  if (names.length === 0) {
    return (
      <>
        <span className="quiet">{texts.noServers}</span>
        <Allowed to="servers:write">
          {' · '}
          <Link to="/servers/add">{texts.addServer}</Link>
        </Allowed>
      </>
    );
  }
  return (
    <span className={css.servers}>
      {names.slice(0, servers_shown_max).map((name) => {
        const state = servers?.find((server) => server.name === name)?.state;
        return (
          <span key={name} className={css.server}>
            {state && <StatusMark {...serverStatus(state)} form="icon" />}
            <Link to="/servers/$server" params={{ server: name }}>
              {name}
            </Link>
          </span>
        );
      })}
      {names.length > servers_shown_max && (
        <Link to="/servers">{texts.moreServers(names.length - servers_shown_max)}</Link>
      )}
    </span>
  );
}

/** What keeps the stack from following its branches: said where nobody can miss it. */
export function StackNotices({ stack }: { stack: StackView }) {
  const held = Object.entries(stack.held_services);
  return (
    <>
      {stack.paused && (
        <Alert color="yellow" variant="light" icon={<IconPlayerPause />} title={texts.pausedBy(stack.paused.by)}>
          {stack.paused.reason !== null && (
            <p>
              <Foreign text={stack.paused.reason} />
            </p>
          )}
          <p className="quiet">
            {texts.pausedText} <Time at={stack.paused.at} />
          </p>
        </Alert>
      )}
      {held.length > 0 && (
        <Alert
          color="blue"
          variant="light"
          icon={<IconHandStop />}
          title={texts.held(held.map(([service]) => service).join(', '))}
        >
          <p className="quiet">{texts.heldText}</p>
        </Alert>
      )}
    </>
  );
}
