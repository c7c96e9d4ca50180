/** The stack itself: its name, the servers that are to run it, and the few settings that differ from machine to machine. */
import type { ServerView } from '@mainstay/contract/operations/servers';
import type { StackView } from '@mainstay/contract/operations/stacks';
import type { Labels } from '@mainstay/contract/server-labels';
import { Button, Checkbox, SegmentedControl, Switch, TextInput } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useRead } from '../../api/queries.ts';
import { newStack } from '../../texts/new-stack.ts';
import { labelsOf, labelsText } from '../../ui/labels.ts';
import { Fetched, Rows, Section } from '../../ui/page.tsx';
import { StatusMark } from '../../ui/status-mark.tsx';
import { serverStatus } from '../../ui/words.ts';
import { type Problems, stackField } from './draft-problems.ts';
import css from './new-stack.module.css';
import type { StackDraft } from './stack-draft.ts';

const texts = newStack.stack;

export type StackSettingsProps = {
  draft: StackDraft;
  setDraft(next: StackDraft): void;
  name: string;
  problems: Problems;
  stacks: readonly StackView[];
};

export function StackSettings({ draft, setDraft, name, problems }: StackSettingsProps) {
  const id = stackField('name');
  return (
    <Section title={texts.title}>
      <div className={css.stack}>
        <TextInput
          id={id}
          className={css.stackName}
          label={texts.name}
          description={texts.nameHint}
          value={name}
          onChange={(event) => setDraft({ ...draft, name: event.currentTarget.value })}
          error={problems[id] ?? null}
          spellCheck={false}
          autoComplete="off"
        />
        <Servers draft={draft} setDraft={setDraft} stack={name} />
        <ByLabels draft={draft} setDraft={setDraft} problems={problems} />
        <Ports draft={draft} setDraft={setDraft} problems={problems} />
      </div>
    </Section>
  );
}

/** Labels in the place of single servers; those that were ticked are ticked again when the labels are taken away. */
function ByLabels({ draft, setDraft, problems }: PortsProps) {
  const id = stackField('labels');
  return (
    <TextInput
      id={id}
      label={texts.labels}
      description={texts.labelsHint}
      value={draft.labels}
      onChange={(event) => setDraft({ ...draft, labels: event.currentTarget.value })}
      error={problems[id] ?? null}
      spellCheck={false}
      autoComplete="off"
    />
  );
}

type ServersProps = { draft: StackDraft; setDraft(next: StackDraft): void; stack: string };

/** Servers to tick; where the stack chooses by labels, those that it would choose now. */
function Servers({ draft, setDraft, stack }: ServersProps) {
  const query = useRead('servers.list', {});
  const toggle = (name: string, on: boolean) =>
    setDraft({ ...draft, servers: on ? [...draft.servers, name] : draft.servers.filter((one) => one !== name) });
  const labels = draft.labels.trim() === '' ? null : labelsOf(draft.labels);
  const takes = (server: ServerView) =>
    labels !== null && hasLabels(server, labels) && whyNotTaken(server, stack) === null;
  return (
    <fieldset className={css.servers} id={stackField('servers')} tabIndex={-1}>
      <legend>{texts.servers}</legend>
      <Fetched query={query} skeleton={<Rows count={2} height={36} />}>
        {({ servers }) => {
          const ordered = servers.toSorted((a, b) => rankOf(a, stack) - rankOf(b, stack));
          const isFree = servers.some((server) => rankOf(server, stack) < 2);
          return (
            <>
              <p className="quiet">
                {servers.length === 0
                  ? texts.noServers
                  : labels !== null
                    ? texts.chosen(servers.filter(takes).length)
                    : isFree
                      ? texts.serversHint
                      : texts.noneFree}
              </p>
              <div className={css.serverList}>
                {ordered.map((server) => (
                  <Checkbox
                    key={server.id}
                    checked={
                      labels === null
                        ? draft.servers.includes(server.name) && server.state !== 'invited'
                        : takes(server)
                    }
                    disabled={labels !== null || server.state === 'invited'}
                    onChange={(event) => toggle(server.name, event.currentTarget.checked)}
                    label={
                      <span className={css.serverLabel}>
                        <b>{server.name}</b> <StatusMark {...serverStatus(server.state)} form="icon" />
                        <span className="quiet">
                          {labels === null ? wordsOf(server, stack) : labelledWords(server, labels, stack)}
                        </span>
                      </span>
                    }
                  />
                ))}
              </div>
              {labels === null && draft.servers.length === 0 && <p className="quiet">{texts.later}</p>}
            </>
          );
        }}
      </Fetched>
      <Button
        variant="subtle"
        size="compact-sm"
        renderRoot={(props) => (
          <Link to="/servers/add" search={draft.made === null ? {} : { stack: draft.made }} {...props} />
        )}
      >
        {texts.addServer}
      </Button>
    </fieldset>
  );
}

/** Servers that are free come first; those that cannot be had, last. */
function rankOf({ state, stack }: ServerView, own: string): number {
  if (state === 'invited') return 3;
  if (stack === null || stack === own) return state === 'online' ? 0 : 1;
  return 2;
}

function wordsOf({ state, stack }: ServerView, own: string): string {
  if (state === 'invited') return texts.invited;
  if (stack !== null && stack !== own) return texts.runs(stack);
  return state === 'online' ? texts.free : texts.freeOffline;
}

function hasLabels(server: ServerView, labels: Labels): boolean {
  return Object.entries(labels).every(([key, value]) => server.labels[key] === value);
}

/** Why a server is not taken though it has the labels; null when it is. The plan has the last word. */
function whyNotTaken({ state, stack, drained }: ServerView, own: string): string | null {
  if (state === 'invited') return texts.invited;
  if (stack !== null && stack !== own) return texts.runsOther(stack);
  return drained ? texts.drained : null;
}

function labelledWords(server: ServerView, labels: Labels, stack: string): string {
  const why = hasLabels(server, labels) ? whyNotTaken(server, stack) : null;
  return [labelsText(server.labels) || texts.noLabels, ...(why === null ? [] : [texts.notTaken(why)])].join(' · ');
}

type PortsProps = { draft: StackDraft; setDraft(next: StackDraft): void; problems: Problems };

function Ports({ draft, setDraft, problems }: PortsProps) {
  const port = stackField('proxy_port');
  const names = stackField('names_port');
  const shown = texts.moreShown(draft.proxy_port, texts.reachWord[draft.bind], texts.autoWord[`${draft.auto_deploy}`]);
  return (
    <details className={css.ports}>
      <summary>
        <span>{texts.more}</span> <span className="quiet">{shown}</span>
      </summary>
      <div className={css.fields}>
        <TextInput
          id={port}
          label={texts.port}
          description={texts.portHint}
          value={draft.proxy_port}
          onChange={(event) => setDraft({ ...draft, proxy_port: event.currentTarget.value })}
          error={problems[port] ?? null}
          inputMode="numeric"
        />
        <TextInput
          id={names}
          label={texts.internalPort}
          description={texts.internalPortHint}
          value={draft.names_port}
          onChange={(event) => setDraft({ ...draft, names_port: event.currentTarget.value })}
          error={problems[names] ?? null}
          inputMode="numeric"
        />
        <div id={stackField('bind')} tabIndex={-1}>
          <p className={css.label}>{texts.reach}</p>
          <SegmentedControl
            aria-label={texts.reach}
            value={draft.bind}
            onChange={(bind) => setDraft({ ...draft, bind: bind as StackDraft['bind'] })}
            data={(['loopback', 'public'] as const).map((value) => ({ value, label: texts.reaches[value] }))}
          />
        </div>
        <Switch
          checked={draft.auto_deploy}
          onChange={(event) => setDraft({ ...draft, auto_deploy: event.currentTarget.checked })}
          label={texts.auto}
        />
      </div>
    </details>
  );
}
