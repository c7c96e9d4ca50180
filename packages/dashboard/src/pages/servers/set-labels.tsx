/** Asks for the labels and the environment of a server, then shows what that would change: for policies, and for stacks that choose by labels. */
import type { AppError } from '@mainstay/contract/app-error';
import type { ServerView } from '@mainstay/contract/operations/servers';
import { TextInput } from '@mantine/core';
import { useCallback, useState } from 'react';
import { servers as texts } from '../../texts/servers.ts';
import { FormDialog } from '../../ui/form-dialog.tsx';
import { labelsDifference, labelsOf, labelsText } from '../../ui/labels.ts';
import { refusalText } from '../../ui/refusal.ts';
import { type Change, ReviewChange } from '../../ui/review-change.tsx';

type SetLabelsProps = { server: ServerView; onClose(): void };

/** Open as long as it is there; what is changed meanwhile does not change what was typed. */
export function SetLabels({ server: { name, ...server }, onClose }: SetLabelsProps) {
  const words = texts.about.set;
  const [labels, setLabels] = useState(labelsText(server.labels));
  const [environment, setEnvironment] = useState(server.environment ?? '');
  const [refusal, setRefusal] = useState<AppError | null>(null);
  const [change, setChange] = useState<Change | null>(null);
  const refused = useCallback((error: AppError) => {
    setRefusal(error);
    setChange(null);
  }, []);
  const isOfEnvironment = refusal?.field === 'environment';
  const message = refusal && refusalText(refusal);
  return (
    <>
      <FormDialog
        opened={change === null}
        title={words.title(name)}
        lead={words.lead}
        submit={words.review}
        onSubmit={() => {
          setRefusal(null);
          const difference = labelsDifference(server.labels, labelsOf(labels));
          setChange({
            id: 'servers.label',
            input: { server: name, ...difference, environment: environment.trim() },
          });
        }}
        onClose={onClose}
      >
        <TextInput
          label={words.labels}
          description={words.labelsHint}
          value={labels}
          onChange={(event) => setLabels(event.currentTarget.value)}
          error={isOfEnvironment ? null : message}
          spellCheck={false}
          autoComplete="off"
          data-autofocus={!isOfEnvironment || undefined}
        />
        <TextInput
          label={words.environment}
          description={words.environmentHint}
          value={environment}
          onChange={(event) => setEnvironment(event.currentTarget.value)}
          error={isOfEnvironment ? message : null}
          spellCheck={false}
          autoComplete="off"
          data-autofocus={isOfEnvironment || undefined}
        />
      </FormDialog>
      <ReviewChange
        change={change}
        title={words.reviewTitle(name)}
        confirm={words.confirm}
        onClose={onClose}
        onRefused={refused}
      />
    </>
  );
}
