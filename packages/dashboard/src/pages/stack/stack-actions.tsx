/** Buttons for all of a stack. Each leads to the address that opens its review, so that it can be linked and gone back from. */
import type { StackView } from '@mainstay/contract/operations/stacks';
import { ActionIcon, Button, Menu, Tooltip } from '@mantine/core';
import {
  IconArrowBackUp,
  IconDots,
  IconFileDownload,
  IconPlayerPause,
  IconPlayerPlay,
  IconRocket,
  IconTrash,
} from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { useMay } from '../../api/may.ts';
import { head as texts } from '../../texts/stack/head.ts';
import css from './stack-page.module.css';
import type { StackAct } from './stack-search.ts';

export function StackActions({ stack }: { stack: StackView }) {
  const paused = stack.paused !== null;
  if (!useMay()('stacks:deploy')) return null;
  return (
    <>
      {paused && (
        <Button leftSection={<IconPlayerPlay size={16} />} renderRoot={(props) => <ActLink act="resume" {...props} />}>
          {texts.resume}
        </Button>
      )}
      <Tooltip label={texts.pausedRefusal} disabled={!paused}>
        <Button
          leftSection={<IconRocket size={16} />}
          data-disabled={paused || undefined}
          aria-disabled={paused || undefined}
          renderRoot={(props) => <ActLink act={paused ? undefined : 'deploy'} {...props} />}
        >
          {texts.deploy}
        </Button>
      </Tooltip>
      <Button
        variant="default"
        leftSection={<IconArrowBackUp size={16} />}
        renderRoot={(props) => <ActLink act="rollback" {...props} />}
      >
        {texts.rollback}
      </Button>
      <Menu position="bottom-end" withinPortal={false} withInitialFocusPlaceholder={false}>
        <Menu.Target>
          <ActionIcon variant="default" size={36} aria-label={texts.more}>
            <IconDots size={18} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          {!paused && (
            <Menu.Item
              leftSection={<IconPlayerPause size={16} />}
              renderRoot={(props) => <ActLink act="pause" {...props} />}
            >
              {texts.pause}
            </Menu.Item>
          )}
          <Menu.Item
            leftSection={<IconFileDownload size={16} />}
            renderRoot={(props) => <Link to="." search={{ tab: 'file' } as never} {...props} />}
          >
            {texts.tabWords.file}
          </Menu.Item>
          <Menu.Divider />
          <Menu.Item
            className={css.destroy}
            leftSection={<IconTrash size={16} />}
            renderRoot={(props) => <ActLink act="remove" {...props} />}
          >
            {texts.remove}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </>
  );
}

/** Keeps what is looked at, and opens the review of a change over it. */
function ActLink({ act, ...props }: { act: StackAct | undefined }) {
  return (
    <Link
      from="/stacks/$stack"
      to="."
      search={(old) => ({ ...old, act, version: undefined })}
      resetScroll={false}
      {...props}
    />
  );
}
