/** Changes of the whole stack, each reviewed as a plan. Which one is open stands in the address (`act`), so that it can be linked. */
import { Checkbox, Stack as Column, Radio, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { Link, useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { acts as texts } from '../../texts/stack/head.ts';
import { type Change, ReviewChange } from '../../ui/review-change.tsx';
import type { StackAct } from './stack-search.ts';

export type StackActsProps = { stack: string; act: StackAct | undefined; version: number | undefined };

export function StackActs({ stack, act, version }: StackActsProps) {
  const navigate = useNavigate({ from: '/stacks/$stack' });
  const close = () =>
    void navigate({ search: (old) => ({ ...old, act: undefined }), replace: true, resetScroll: false });
  if (act === undefined) return null;
  const props = { stack, onClose: close };
  switch (act) {
    case 'deploy':
      return <DeployDialog {...props} />;
    case 'rollback':
      return <RollbackDialog {...props} version={version} />;
    case 'pause':
      return <PauseDialog {...props} />;
    case 'resume':
      return (
        <ReviewChange
          change={{ id: 'stacks.resume', input: { stack } }}
          title={texts.resume.title(stack)}
          confirm={texts.resume.confirm}
          onClose={close}
        >
          <p className="quiet">{texts.resume.lead}</p>
        </ReviewChange>
      );
    case 'remove':
      return <RemoveDialog {...props} />;
  }
}

type DialogProps = { stack: string; onClose(): void };

function DeployDialog({ stack, onClose }: DialogProps) {
  const [restart, setRestart] = useState(false);
  return (
    <ReviewChange
      change={{ id: 'stacks.deploy', input: { stack, ...(restart ? { restart } : {}) } }}
      title={texts.deploy.title(stack)}
      confirm={texts.deploy.confirm}
      onClose={onClose}
    >
      <p className="quiet">{texts.deploy.lead}</p>
      <Checkbox
        label={texts.deploy.restart}
        checked={restart}
        onChange={(event) => setRestart(event.currentTarget.checked)}
      />
    </ReviewChange>
  );
}

function RollbackDialog({ stack, version, onClose }: DialogProps & { version: number | undefined }) {
  return (
    <ReviewChange
      change={{ id: 'stacks.rollback', input: { stack, ...(version === undefined ? {} : { version }) } }}
      title={texts.rollback.title(stack, version)}
      confirm={texts.rollback.confirm}
      onClose={onClose}
    >
      <p className="quiet">
        {texts.rollback.lead}{' '}
        <Link to="/stacks/$stack" params={{ stack }} search={{ tab: 'releases' }}>
          {texts.rollback.another}
        </Link>
      </p>
    </ReviewChange>
  );
}

function PauseDialog({ stack, onClose }: DialogProps) {
  const [reason, setReason] = useState('');
  const [settled] = useDebouncedValue(reason.trim(), 400);
  return (
    <ReviewChange
      change={{ id: 'stacks.pause', input: { stack, ...(settled === '' ? {} : { reason: settled }) } }}
      title={texts.pause.title(stack)}
      confirm={texts.pause.confirm}
      isTyping={settled !== reason.trim()}
      onClose={onClose}
    >
      <p className="quiet">{texts.pause.lead}</p>
      <TextInput
        label={texts.pause.reason}
        placeholder={texts.pause.reasonPlaceholder}
        maxLength={200}
        value={reason}
        onChange={(event) => setReason(event.currentTarget.value)}
      />
    </ReviewChange>
  );
}

function RemoveDialog({ stack, onClose }: DialogProps) {
  const [data, setData] = useState('keep');
  const delete_data = data === 'delete';
  return (
    <ReviewChange
      change={{ id: 'stacks.remove', input: { stack, ...(delete_data ? { delete_data } : {}) } } satisfies Change}
      title={texts.remove.title(stack)}
      confirm={texts.remove.confirm}
      typeToConfirm={stack}
      onClose={onClose}
    >
      <p className="quiet">{texts.remove.lead}</p>
      <Radio.Group label={texts.remove.data} value={data} onChange={setData}>
        <Column gap="xs" mt="xs">
          <Radio value="keep" label={texts.remove.keep} />
          <Radio value="delete" label={texts.remove.delete} />
        </Column>
      </Radio.Group>
    </ReviewChange>
  );
}
