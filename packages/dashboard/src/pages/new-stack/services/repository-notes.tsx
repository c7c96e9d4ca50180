/** What the repository says of itself: a stack file that is ready, and what was seen and is not used. */
import { Alert, Button } from '@mantine/core';
import { IconFileCheck, IconFileX, IconInfoCircle } from '@tabler/icons-react';
import type { Output } from '../../../api/client.ts';
import { randomHex } from '../../../api/random.ts';
import { newStack } from '../../../texts/new-stack.ts';
import { Foreign } from '../../../ui/foreign.tsx';
import css from '../new-stack.module.css';
import { fromStackFile, type StackDraft } from '../stack-draft.ts';
import { Reasoned } from './reasoned.tsx';

const texts = newStack.found;

export type RepositoryNotesProps = {
  found: Output<'sources.inspect'>;
  draft: StackDraft;
  setDraft(next: StackDraft): void;
};

export function RepositoryNotes({ found: { stack_file, notes }, draft, setDraft }: RepositoryNotesProps) {
  return (
    <>
      {stack_file?.spec && (
        <StackFile file={{ ...stack_file, spec: stack_file.spec }} draft={draft} setDraft={setDraft} />
      )}
      {stack_file?.error && (
        <Alert color="yellow" variant="light" icon={<IconFileX />} title={texts.stackFileBad(stack_file.path)}>
          <Foreign text={stack_file.error} />
          <FileText yaml={stack_file.yaml} />
        </Alert>
      )}
      {notes.length > 0 && (
        <Alert color="gray" variant="light" icon={<IconInfoCircle />} title={texts.notes}>
          <ul className={css.notes}>
            {notes.map((note) => (
              <li key={note}>
                <Reasoned text={note} />
              </li>
            ))}
          </ul>
        </Alert>
      )}
    </>
  );
}

type Spec = NonNullable<NonNullable<Output<'sources.inspect'>['stack_file']>['spec']>;
type StackFileProps = {
  file: { path: string; yaml: string; stack: string | null; spec: Spec };
  draft: StackDraft;
  setDraft(next: StackDraft): void;
};

function StackFile({ file, draft, setDraft }: StackFileProps) {
  const use = () => setDraft(fromStackFile(draft, file.stack, file.spec, () => `service-${randomHex(4)}`));
  return (
    <Alert color="green" variant="light" icon={<IconFileCheck />} title={texts.stackFile(file.path)}>
      <p>{texts.stackFileText}</p>
      <Button size="xs" mt="xs" variant={draft.services.length > 0 ? 'default' : 'filled'} onClick={use}>
        {draft.services.length > 0 ? texts.stackFileReplaces : texts.stackFileUse}
      </Button>
      <FileText yaml={file.yaml} />
    </Alert>
  );
}

function FileText({ yaml }: { yaml: string }) {
  return (
    <details className={css.file}>
      <summary>{texts.stackFileShow}</summary>
      <pre className="printed">
        <Foreign text={yaml} chars_max={100_000} />
      </pre>
    </details>
  );
}
