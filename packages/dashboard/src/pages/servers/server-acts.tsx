/** What can be done with a server: give it a stack, drain and undrain it, update its agent, or forget it. */
import type { AppError } from '@mainstay/contract/app-error';
import type { ServerView } from '@mainstay/contract/operations/servers';
import { Button, Checkbox, Select, Tooltip } from '@mantine/core';
import { useNavigate } from '@tanstack/react-router';
import { useCallback, useState } from 'react';
import { useRead } from '../../api/queries.ts';
import { servers as texts } from '../../texts/servers.ts';
import { FormDialog } from '../../ui/form-dialog.tsx';
import { refusalText } from '../../ui/refusal.ts';
import { type Change, ReviewChange } from '../../ui/review-change.tsx';
import css from './server.module.css';

export function ServerActs({ server }: { server: ServerView }) {
  const [act, setAct] = useState<'assign' | 'drain' | 'update' | 'remove' | null>(null);
  const permissions = useRead('system.whoami', {}).data?.permissions ?? [];
  if (!permissions.includes('servers:write')) return null;
  const close = () => setAct(null);
  return (
    <>
      <AssignButton server={server} onClick={() => setAct('assign')} />
      {server.state !== 'invited' && (
        <Button variant="default" onClick={() => setAct('drain')}>
          {server.drained ? texts.undrain.action : texts.drain.action}
        </Button>
      )}
      {server.updatable && (
        <Button variant="default" onClick={() => setAct('update')}>
          {texts.updateAgent.action}
        </Button>
      )}
      <Button variant="default" color="red" className={css.remove} onClick={() => setAct('remove')}>
        {texts.remove.action}
      </Button>
      <AssignStack server={server} opened={act === 'assign'} onClose={close} />
      <DrainServer server={server} opened={act === 'drain'} onClose={close} />
      <ReviewChange
        change={act === 'update' ? { id: 'servers.update_agent', input: { server: server.name } } : null}
        title={texts.updateAgent.title(server.name)}
        confirm={texts.updateAgent.confirm}
        onClose={close}
      >
        <p>{texts.updateAgent.lead}</p>
      </ReviewChange>
      <RemoveServer server={server} opened={act === 'remove'} onClose={close} />
    </>
  );
}

function AssignButton({ server, onClick }: { server: ServerView; onClick(): void }) {
  const word = server.stack === null ? texts.giveStack : texts.changeStack;
  if (server.state !== 'invited') {
    return (
      <Button variant="default" onClick={onClick}>
        {word}
      </Button>
    );
  }
  return (
    <Tooltip label={texts.assign.notEnrolled}>
      <Button variant="default" data-disabled aria-disabled="true" onClick={(event) => event.preventDefault()}>
        {word}
      </Button>
    </Tooltip>
  );
}

type ActProps = { server: ServerView; opened: boolean; onClose(): void };

/** Asks for the stack, then shows what giving it would do. */
export function AssignStack({ server, opened, onClose }: ActProps) {
  const [stack, setStack] = useState<string | null>(null);
  const [refusal, setRefusal] = useState<string | null>(null);
  const [change, setChange] = useState<Change | null>(null);
  const stacks = useRead('stacks.list', {}, { enabled: opened }).data?.stacks ?? [];
  const others = stacks.map(({ name }) => name).filter((name) => name !== server.stack);
  const done = () => {
    setChange(null);
    setStack(null);
    setRefusal(null);
    onClose();
  };
  const refused = useCallback((error: AppError) => {
    setRefusal(refusalText(error));
    setChange(null);
  }, []);
  return (
    <>
      <FormDialog
        opened={opened && change === null}
        title={texts.assign.title(server.name)}
        lead={others.length === 0 ? texts.assign.empty : texts.assign.lead}
        submit={texts.assign.review}
        disabled={others.length === 0}
        onSubmit={() => {
          if (stack === null) return setRefusal(texts.assign.missing);
          setRefusal(null);
          setChange({ id: 'servers.assign', input: { server: server.name, stack } });
        }}
        onClose={done}
      >
        <Select
          label={texts.assign.field}
          placeholder={texts.assign.placeholder}
          data={others}
          value={stack}
          onChange={setStack}
          error={refusal}
          searchable
          disabled={others.length === 0}
          data-autofocus
        />
      </FormDialog>
      <ReviewChange
        change={change}
        title={texts.assign.reviewTitle(server.name, stack ?? '')}
        confirm={texts.assign.confirm}
        onClose={done}
        onRefused={refused}
      />
    </>
  );
}

/** Shows what draining it, or undraining it, would do. What it was when it was asked for stays, whatever is reported meanwhile. */
function DrainServer({ server, opened, onClose }: ActProps) {
  const [change, setChange] = useState<Change | null>(null);
  if (opened && change === null) {
    setChange({ id: server.drained ? 'servers.undrain' : 'servers.drain', input: { server: server.name } });
  }
  const words = change?.id === 'servers.undrain' ? texts.undrain : texts.drain;
  return (
    <ReviewChange
      change={opened ? change : null}
      title={words.title(server.name)}
      confirm={words.confirm}
      onClose={() => {
        setChange(null);
        onClose();
      }}
    >
      <p>{words.lead}</p>
    </ReviewChange>
  );
}

function RemoveServer({ server, opened, onClose }: ActProps) {
  const navigate = useNavigate();
  const words = texts.remove;
  const [removed, setRemoved] = useState(false);
  const [leave_running, setLeaveRunning] = useState(false);
  const isRunning = server.state === 'online' && server.stack !== null && server.services.running > 0;
  const close = () => {
    onClose();
    if (removed) void navigate({ to: '/servers' });
  };
  return (
    <ReviewChange
      change={
        opened
          ? { id: 'servers.remove', input: { server: server.name, ...(leave_running ? { leave_running } : {}) } }
          : null
      }
      title={words.title(server.name)}
      confirm={words.confirm}
      typeToConfirm={server.name}
      onClose={close}
      onSucceeded={() => setRemoved(true)}
    >
      <p>{words.lead(server.name)}</p>
      <p>{server.state === 'invited' ? words.invited : words.runsOn}</p>
      {isRunning && (
        <Checkbox
          label={words.leaveRunning}
          description={words.drainFirst}
          checked={leave_running}
          onChange={(event) => setLeaveRunning(event.currentTarget.checked)}
        />
      )}
      <p className="quiet">{words.back}</p>
    </ReviewChange>
  );
}
