/**
 * Makes a stack: a repository, the services found in it, the stack, the plan, the deployment as it happens. One page from top to
 * bottom; what is typed is kept until it was used, and trying again after a failure begins where it was left.
 */
import { Button, Modal } from '@mantine/core';
import { getRouteApi } from '@tanstack/react-router';
import { useState } from 'react';
import { useMay } from '../../api/may.ts';
import { general } from '../../texts/general.ts';
import { newStack as texts } from '../../texts/new-stack.ts';
import { useDraft } from '../../ui/draft.ts';
import { Page } from '../../ui/page.tsx';
import { FollowDeployment } from './follow/follow-deployment.tsx';
import css from './new-stack.module.css';
import { emptyDraft, type StackDraft, tickedServers } from './stack-draft.ts';
import { StackForm } from './stack-form.tsx';

const route = getRouteApi('/stacks/new');

const none: readonly string[] = [];
const ignore = () => {};

export function NewStackPage() {
  const { follow } = route.useSearch();
  const navigate = route.useNavigate();
  const [draft, setDraft, discard] = useDraft<StackDraft>('new-stack', emptyDraft);
  const [asks, setAsks] = useState(false);
  const may = useMay()('stacks:write');
  const hasWork = draft.services.length > 0 || draft.name !== null;
  if (follow !== undefined) {
    const isOwn = draft.made === follow;
    return (
      <FollowDeployment stack={follow} wanted={isOwn ? tickedServers(draft) : none} onDone={isOwn ? discard : ignore} />
    );
  }
  return (
    <Page
      title={texts.title}
      lead={texts.lead}
      actions={
        hasWork && (
          <Button variant="default" onClick={() => setAsks(true)}>
            {texts.startOver}
          </Button>
        )
      }
    >
      {may ? <StackForm draft={draft} setDraft={setDraft} /> : <p className="quiet">{general.notAllowed}</p>}
      <Modal
        opened={asks}
        onClose={() => setAsks(false)}
        title={texts.startOverTitle}
        closeButtonProps={{ 'aria-label': general.close }}
      >
        <p>{texts.startOverText}</p>
        <div className={css.buttons}>
          <Button variant="default" onClick={() => setAsks(false)}>
            {general.cancel}
          </Button>
          <Button
            onClick={() => {
              discard();
              setAsks(false);
              void navigate({ search: {} });
            }}
            data-autofocus
          >
            {texts.startOverConfirm}
          </Button>
        </div>
      </Modal>
    </Page>
  );
}
