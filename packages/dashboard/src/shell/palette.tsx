/**
 * The command palette: every place and every thing that the person may do, found by a few letters. The field keeps the focus
 * and names the chosen option (ARIA combobox with a listbox), so that it works by keyboard and is read out.
 */
import { Kbd, Modal } from '@mantine/core';
import {
  IconActivity,
  IconArrowRight,
  IconBolt,
  IconBox,
  IconCube,
  IconPlus,
  IconSearch,
  IconServer2,
} from '@tabler/icons-react';
import { useRouter } from '@tanstack/react-router';
import { type KeyboardEvent, useDeferredValue, useEffect, useId, useMemo, useRef, useState } from 'react';
import { useRead } from '../api/queries.ts';
import { palette } from '../texts/palette.ts';
import { shell as texts } from '../texts/shell.ts';
import { StatusMark } from '../ui/status-mark.tsx';
import { type Command, type CommandIcon, commandsOf } from './commands.ts';
import { findCommands } from './find-commands.ts';
import css from './palette.module.css';

const icons: Record<CommandIcon, typeof IconBox> = {
  place: IconArrowRight,
  stack: IconBox,
  service: IconCube,
  server: IconServer2,
  event: IconActivity,
  act: IconBolt,
  add: IconPlus,
};

export default function Palette({ onClose, onHelp }: { onClose(): void; onHelp(): void }) {
  const [query, setQuery] = useState('');
  const [chosen, setChosen] = useState(0);
  const list = useRef<HTMLDivElement>(null);
  const id = useId();
  const commands = useCommands(onHelp);
  const looked = useDeferredValue(query);
  const groups = useMemo(
    () => findCommands(looked, [...operationIn(looked, commands), ...commands.all]),
    [looked, commands],
  );
  const found = groups.flatMap((group) => group.commands);
  const current = Math.min(chosen, Math.max(0, found.length - 1));
  const optionId = (command: Command | undefined) => (command ? `${id}-${found.indexOf(command)}` : undefined);
  useEffect(() => {
    list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' });
  }, [current, looked]);

  const run = (command: Command | undefined) => {
    if (!command) return;
    onClose();
    command.run();
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return;
    const step = steps[event.key];
    if (step !== undefined && found.length > 0) setChosen((current + step + found.length) % found.length);
    else if (event.key === 'Enter') run(found[current]);
    else return;
    event.preventDefault();
  };
  return (
    <Modal.Root opened onClose={onClose} yOffset="12vh" size={620} transitionProps={{ duration: 0 }}>
      <Modal.Overlay backgroundOpacity={0.45} />
      <Modal.Content aria-label={texts.paletteOpen}>
        <div className={css.field}>
          <IconSearch size={18} aria-hidden="true" />
          <input
            className={css.input}
            role="combobox"
            aria-expanded
            aria-controls={`${id}-list`}
            aria-activedescendant={optionId(found[current])}
            aria-autocomplete="list"
            aria-label={texts.paletteOpen}
            placeholder={texts.palettePlaceholder}
            value={query}
            onChange={(event) => {
              setQuery(event.currentTarget.value);
              setChosen(0);
            }}
            onKeyDown={onKey}
            autoComplete="off"
            spellCheck={false}
            data-autofocus
          />
        </div>
        <div ref={list} className={css.list} role="listbox" id={`${id}-list`} aria-label={palette.label}>
          {groups.map(({ group, commands }) => (
            // biome-ignore lint/a11y/useSemanticElements: a group of options, which a fieldset is not
            <div key={group} role="group" aria-label={group}>
              <div className={css.group} aria-hidden="true">
                {group}
              </div>
              {commands.map((command) => (
                <Option
                  key={command.id}
                  id={optionId(command) ?? ''}
                  command={command}
                  isChosen={found[current] === command}
                  onChoose={() => setChosen(found.indexOf(command))}
                  onRun={() => run(command)}
                />
              ))}
            </div>
          ))}
          {found.length === 0 && <p className={css.none}>{texts.paletteNothing}</p>}
        </div>
        <p className="visually-hidden" role="status">
          {palette.results(found.length)}
        </p>
        <div className={css.foot} aria-hidden="true">
          <span>
            <Kbd size="xs">↑</Kbd> <Kbd size="xs">↓</Kbd> {palette.move}
          </span>
          <span>
            <Kbd size="xs">↵</Kbd> {palette.choose}
          </span>
          <span>
            <Kbd size="xs">Esc</Kbd> {palette.leave}
          </span>
        </div>
      </Modal.Content>
    </Modal.Root>
  );
}

const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1 };

type Commands = { all: readonly Command[]; openOperation(id: string): void };

function useCommands(showShortcuts: () => void): Commands {
  const router = useRouter();
  const stacks = useRead('stacks.list', {}).data?.stacks;
  const servers = useRead('servers.list', {}).data?.servers;
  const permissions = useRead('system.whoami', {}).data?.permissions;
  const help = useRef(showShortcuts);
  help.current = showShortcuts;
  return useMemo(() => {
    const navigate = router.navigate;
    return {
      all: commandsOf({
        navigate,
        stacks: stacks ?? [],
        servers: servers ?? [],
        may: (permission) => permissions?.includes(permission) === true,
        showShortcuts: () => help.current(),
      }),
      openOperation: (id) => void navigate({ to: '/operations/$id', params: { id } }),
    };
  }, [router, stacks, servers, permissions]);
}

/** An operation whose id was pasted. */
function operationIn(query: string, { openOperation }: Commands): Command[] {
  const id = /\bop_[0-9a-f]{32}\b/.exec(query)?.[0];
  if (!id) return [];
  return [
    {
      id,
      group: texts.groups.go,
      label: palette.operation(id),
      keywords: query.toLowerCase(),
      icon: 'event',
      run: () => openOperation(id),
    },
  ];
}

type OptionProps = { id: string; command: Command; isChosen: boolean; onChoose(): void; onRun(): void };

function Option({ id, command: { label, detail, icon, status, keys }, isChosen, onChoose, onRun }: OptionProps) {
  const Icon = icons[icon];
  return (
    // biome-ignore lint/a11y/useFocusableInteractive: the field has the focus and names the chosen option
    // biome-ignore lint/a11y/useKeyWithClickEvents: keys are heard at the field
    <div
      id={id}
      role="option"
      aria-selected={isChosen}
      className={css.option}
      onMouseMove={isChosen ? undefined : onChoose}
      onClick={onRun}
    >
      <Icon size={17} aria-hidden="true" className={css.icon} />
      <span className={css.label}>{label}</span>
      {detail && <span className={css.detail}>{detail}</span>}
      <span className={css.aside}>
        {status && <StatusMark {...status} />}
        {keys?.map((key) => (
          <Kbd key={key} size="xs">
            {key}
          </Kbd>
        ))}
      </span>
    </div>
  );
}
